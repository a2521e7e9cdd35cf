// SPDX-License-Identifier: Apache-2.0
// What a node is put together from, before anything runs: lanes, tables, zones, the store's client.
#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "cluster/edge_settings.hpp"
#include "cluster/limits.hpp"
#include "cluster/node.hpp"
#include "cluster/team_activation.hpp"
#include "configs/defaults.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/tls/self_signed.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::cluster {
namespace {

unsigned lane_count(const configs::settings& s) {
  if (s.node.loops != 0) return s.node.loops;
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

lane_options node::options_of(unsigned index, const tls::server_options& tls) {
  lane_options out;
  out.index = index;
  out.edge = edge_options_of(options_.config);
  out.edge.passwords = &passwords_;
  out.entry_points = entry_points_of(parts_.entry_points);
  out.access_log = access_log_of(options_.config);
  for (const auto& e : out.entry_points)
    if (e.name == ping_entry_point(options_.config.edge)) out.ping_entry_point = e.index;
  out.dns = limits::dns_server();
  out.dns.lookups.asked_about = team_zone_ids(parts_.dns);
  out.dns_listeners = parts_.dns.listeners;
  out.tls = tls;
  out.activate = activate_teams(*system_, defaults::missing_name_deadline);
  out.missing_names = limits::missing_names();
  return out;
}

result<void> node::make_lanes() {
  tls::server_options tls;
  auto fallback = tls::make_default_certificate();
  if (!fallback) return std::move(fallback).error();
  tls.fallback = *std::move(fallback);
  auto key = tls::ticket_key::generate();
  if (!key) return std::move(key).error();
  tls.tickets.rotate_in(*key);
  const unsigned count = lane_count(options_.config.node);
  for (unsigned i = 0; i < count; ++i) {
    lanes_.push_back(std::make_unique<lane>(options_of(i, tls)));
    parts_.loop_reports.emplace_back(
        [l = lanes_.back().get()](auto tell) { return l->report(std::move(tell)); });
  }
  return {};
}

result<void> node::wire_tables() {
  const auto wire = [this](auto& table, auto subscribe, unsigned shard_bits) {
    using publisher = typename std::decay_t<decltype(table)>::element_type;
    std::vector<decltype(subscribe(*lanes_.front()))> subscriptions;
    for (auto& l : lanes_) subscriptions.push_back(subscribe(*l));
    table = std::make_shared<publisher>(std::move(subscriptions), nullptr, shard_bits);
  };
  constexpr unsigned usual = snapshot::default_shard_bits;
  wire(
      parts_.tables.sites, [](lane& l) { return l.sites(); }, usual);
  wire(
      parts_.tables.certificates, [](lane& l) { return l.certificates(); }, usual);
  wire(
      parts_.tables.names, [](lane& l) { return l.names(); }, usual);
  wire(
      parts_.tables.zones, [](lane& l) { return l.zones(); }, dns::route_shard_bits);
  wire(
      parts_.tables.challenges, [](lane& l) { return l.challenges(); }, usual);
  return {};
}

result<void> node::wire_zones() {
  for (const auto& zone : parts_.dns.zones)
    parts_.zone_states[zone.name] = std::make_shared<dns::zone_state>(
        zone.id, zone.apex, dns::zone_limits{},
        parts_.clustered ? dns::serial_source::given : dns::serial_source::counted);
  parts_.zone_routes = std::make_shared<dns::zone_routes>(parts_.tables.zones->table());
  if (auto r = parts_.zone_routes->set_blocks(parts_.dns.blocks); !r) return r;
  return {};
}

result<void> node::connect_redis() {
  const auto& settings = options_.config.node;
  redis::endpoint where;
  if (settings.redis.managed) {
    const auto port = settings.managed_redis_port();
    where.hosts = {{"127.0.0.1", port}};
    auto server = limits::managed_redis();
    server.data_dir = settings.node.data_dir;
    server.port = port;
    server.line = std::make_shared<redis::lifeline>();
    server.keeper = "/proc/self/exe";  // also when the file was replaced by a newer one
    if (takes_over_)
      if (auto running = takes_over_->take_redis(port)) server.line->take(std::move(running));
    parts_.managed_redis = std::move(server);
  } else {
    const auto& url = *settings.redis.url;
    where.hosts = {{url.host, url.port}};
    where.user = url.user;
    where.password = url.password;
    where.database = url.database;
    where.security = url.tls ? redis::transport::tls : redis::transport::plain;
  }
  auto options = limits::redis_client();
  options.incarnation = parts_.incarnation;
  parts_.redis = std::make_shared<redis::client>(control_, std::move(where), std::move(options));
  parts_.scripts = std::make_shared<actors::script_library>();
  parts_.redis->on_connected([this](bool connected) {
    if (connected) actors::tell(actors::find_name(*system_, "teamdir"), actors::store_connected{});
  });
  return {};
}

// A lane's sockets share their ports with those of the other lanes, and so with any other process
// of this user: two nodes on one port would each get half of the clients.
result<void> node::check_ports() const {
  const auto check = [this](const net::address& at, net::socket_kind kind,
                            const std::string& what) -> result<void> {
    const auto is_ours = [&](const net::open_socket& s) {
      return s.kind == kind && s.at.port() == at.port();
    };
    if (std::any_of(inherited_.begin(), inherited_.end(), is_ours)) return {};
    auto free = net::check_free(at, kind);
    if (free) return free;
    auto f = free.error();
    f.detail = fmt::format("{}: {}", what, f.detail);
    return f;
  };
  for (const auto& e : entry_points_of(parts_.entry_points))
    if (auto r = check(e.address, net::socket_kind::tcp, fmt::format("entry point {}", e.name)); !r)
      return r;
  for (const auto& l : parts_.dns.listeners)
    for (const auto kind : {net::socket_kind::tcp, net::socket_kind::udp})
      if (auto r = check(l.at, kind, fmt::format("DNS over {}", net::to_string(kind))); !r)
        return r;
  return {};
}

}  // namespace stagedoor::cluster
