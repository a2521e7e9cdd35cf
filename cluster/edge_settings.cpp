// SPDX-License-Identifier: Apache-2.0
#include "cluster/edge_settings.hpp"

#include "cluster/limits.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/net/socket.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>

namespace stagedoor::cluster {
namespace {

/// traefik.yml's 0 is "no limit"; here every wait has an end.
constexpr milliseconds no_limit = std::chrono::hours(24);

milliseconds whole(configs::nanoseconds value) { return std::chrono::ceil<milliseconds>(value); }

milliseconds limit(configs::nanoseconds value) {
  return value.count() == 0 ? no_limit : std::min(whole(value), no_limit);
}

}  // namespace

result<net::address> to_address(const configs::listen_address& at, std::uint16_t port_offset) {
  const auto port = configs::offset_port(at.port, port_offset);
  if (!port) return port.error();
  if (at.host.empty()) return net::wildcard(*port);
  if (at.host == "localhost") return net::address::parse_ip("127.0.0.1", *port);
  return net::address::parse_ip(at.host, *port);
}

http::edge_options edge_options_of(const configs::loaded& config) {
  auto out = limits::edge();
  // One set of limits an edge: the strictest head size, the longest of each wait.
  milliseconds read_head{0}, idle{0}, grace{0};
  for (const auto& e : config.edge.entry_points) {
    out.head.head_bytes = std::min<std::size_t>(out.head.head_bytes, e.header_bytes);
    read_head = std::max(read_head, limit(e.read_timeout));
    idle = std::max(idle, limit(e.idle_timeout));
    grace = std::max(grace, whole(e.grace_timeout));
  }
  if (!config.edge.entry_points.empty()) {
    out.read_head = read_head;
    out.idle = idle;
    out.grace = grace;
  }
  out.platform_domain = config.node.platform.domain;
  out.connect = limit(config.edge.upstream.dial_timeout);
  out.response_header = whole(config.edge.upstream.response_header_timeout);
  return out;
}

std::optional<http::access_log_options> access_log_of(const configs::loaded& config) {
  if (!config.edge.access_log) return std::nullopt;
  const auto& from = *config.edge.access_log;
  http::access_log_options out;
  if (!from.file_path.empty()) {
    out.path = config.node.edge_path(from.file_path);
    std::error_code error;  // the opening says what is wrong
    std::filesystem::create_directories(std::filesystem::path(out.path).parent_path(), error);
  }
  if (from.format == "json") out.format = http::access_format::json;
  if (from.format == "genericCLF") out.format = http::access_format::generic_clf;
  out.min_duration = from.min_duration;
  for (const auto& text : from.status_codes) {
    const auto dash = text.find('-');
    const auto first = ascii::parse_number<std::uint16_t>(text.substr(0, dash));
    const auto last = dash == std::string::npos
                          ? first
                          : ascii::parse_number<std::uint16_t>(text.substr(dash + 1));
    if (first && last) out.statuses.push_back({*first, *last});
  }
  return out;
}

std::vector<http::entry_point> entry_points_of(const actors::entry_point_list& from) {
  std::vector<http::entry_point> out;
  for (std::size_t i = 0; i < from.all.size(); ++i) {
    const auto& e = from.all[i];
    http::entry_point made;
    made.name = e.name;
    made.index = static_cast<std::uint8_t>(i);
    if (const auto at = to_address(e.address, from.port_offset))
      made.address = *at;
    else
      continue;
    made.forwarded.insecure = e.forwarded_headers.insecure;
    for (const auto& text : e.forwarded_headers.trusted_ips)
      if (auto range = http::ip_range::parse(text))
        made.forwarded.trusted.push_back(*std::move(range));
    out.push_back(std::move(made));
  }
  return out;
}

void check_addresses(const actors::entry_point_list& from, configs::diagnostics& out) {
  for (const auto& e : from.all)
    if (const auto at = to_address(e.address, from.port_offset); !at)
      out.error(e.where, fmt::format("entry point \"{}\": {}", e.name, at.error().detail));
}

std::string ping_entry_point(const configs::static_config& edge) {
  return edge.ping ? edge.ping->entry_point : "traefik";
}

}  // namespace stagedoor::cluster
