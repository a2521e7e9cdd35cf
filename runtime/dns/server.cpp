// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/server.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::dns {
namespace {

bool is_any_address(const net::address& a) noexcept {
  if (a.family() == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(a.data())->sin_addr.s_addr == INADDR_ANY;
  }
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(a.data())->sin6_addr);
}

}  // namespace

server::server(loop& owner, server_options options)
    : loop_(owner),
      options_(std::move(options)),
      log_(options_.log, count_),
      parked_(options_.missing_names,
              [this](auto packet, auto& client, auto asked) { resume(packet, client, asked); }),
      forwarder_(owner, options_.forwards, *this, log_, count_),
      pipeline_(tables_, options_.lookups, log_, count_, &forwarder_,
                options_.missing_names != nullptr ? &parked_ : nullptr),
      batch_(options_.udp),
      connections_(owner, options_.tcp, pipeline_, count_),
      scratch_(max_message_bytes),
      drain_([this] { check_drained(); }),
      alive_(std::make_shared<server*>(this)) {
  loop_.at_turn_end([self = alive_] {
    if (*self != nullptr) (*self)->log_.flush();
  });
}

server::~server() {
  stop();
  *alive_ = nullptr;
}

result<server::listening> server::open(const listener_options& options,
                                       std::vector<net::open_socket>& given) {
  auto streams = net::take_sockets(given, net::socket_kind::tcp, options.at);
  auto datagrams = net::take_sockets(given, net::socket_kind::udp, options.at);
  listener_options bound = options;
  if (streams.empty()) {
    auto tcp = net::listen_tcp(options.at, options_.tcp.backlog);
    if (!tcp) return std::move(tcp).error();
    if (bound.at.port() == 0) {  // the same port for both, whichever the kernel chose
      const auto local = net::local_address(tcp->get());
      if (!local) return local.error();
      bound.at.set_port(local->port());
    }
    streams.push_back(std::move(*tcp));
  }
  if (datagrams.empty()) {
    auto udp = net::bind_udp(bound.at);
    if (!udp) return std::move(udp).error();
    datagrams.push_back(std::move(*udp));
  }
  listening l;
  l.options = options;
  for (auto& udp : datagrams)
    l.udp.push_back(std::make_unique<udp_socket>(loop_, options.id, next_socket_++, std::move(udp),
                                                 is_any_address(options.at), options_.udp, batch_,
                                                 pipeline_, count_));
  for (auto& tcp : streams)
    l.tcp.push_back(
        std::make_unique<tcp_listener>(loop_, options.id, std::move(tcp), connections_));
  return l;
}

result<void> server::listen(std::span<const listener_options> listeners,
                            std::vector<net::open_socket>& given) {
  const auto same = [](const listening& l, const listener_options& o) {
    return l.options.id == o.id && l.options.at == o.at;
  };
  std::vector<listening> fresh;
  for (const auto& wanted : listeners) {
    if (std::any_of(open_.begin(), open_.end(), [&](const auto& l) { return same(l, wanted); }))
      continue;
    auto opened = open(wanted, given);
    if (!opened) return std::move(opened).error();
    fresh.push_back(std::move(*opened));
  }
  for (auto& l : fresh) {
    for (auto& udp : l.udp)
      if (auto started = udp->start(); !started) return started;
    for (auto& tcp : l.tcp)
      if (auto started = tcp->start(); !started) return started;
  }
  std::erase_if(open_, [&](listening& l) {
    const bool listed =
        std::any_of(listeners.begin(), listeners.end(), [&](const auto& o) { return same(l, o); });
    if (!listed) close(l);
    return !listed;
  });
  std::move(fresh.begin(), fresh.end(), std::back_inserter(open_));
  return {};
}

void server::close(listening& l) {
  for (auto& udp : l.udp) udp->stop();
  for (auto& tcp : l.tcp) tcp->stop();
  connections_.close_all(l.options.id);
  for (auto& udp : l.udp) loop_.dispose(std::move(udp));
  for (auto& tcp : l.tcp) loop_.dispose(std::move(tcp));
}

void server::copy_sockets(std::vector<net::open_socket>& to) const {
  for (const auto& l : open_) {
    for (const auto& udp : l.udp) net::add_copy(to, net::socket_kind::udp, udp->fd());
    for (const auto& tcp : l.tcp) net::add_copy(to, net::socket_kind::tcp, tcp->fd());
  }
}

void server::hand_over(milliseconds grace, std::function<void()> drained) {
  for (auto& l : open_) {
    for (auto& udp : l.udp) udp->stop_reading();
    for (auto& tcp : l.tcp) tcp->stop();
  }
  drain_until_ = loop_.now() + grace;
  drained_ = std::move(drained);
  check_drained();
}

// Queries are answered within seconds, and clients close when they have what they asked for: it is
// enough to look now and then.
void server::check_drained() {
  constexpr milliseconds look_every{50};
  const bool late = loop_.now() >= drain_until_;
  if (late) connections_.close_idle();
  const bool open = connections_.size() != 0 || parked_.size() != 0 || forwarder_.in_flight() != 0;
  if (open && !late) return loop_.arm_after(drain_, look_every);
  if (drained_) std::exchange(drained_, nullptr)();
}

void server::stop() {
  for (auto& l : open_) close(l);
  open_.clear();
  drain_.cancel();
  connections_.close_all();
  parked_.stop();
  forwarder_.stop();
  log_.flush();
}

void server::apply(const snapshot::delta<zone_route>& changes) {
  tables_.routes.apply(changes);
  forwarder_.forget_unused();
}

result<net::address> server::address_of(listener_id id) const {
  for (const auto& l : open_)
    if (l.options.id == id) return net::local_address(l.udp.front()->fd());
  return fault{fault_kind::not_found, fault_side::self, retryable::no,
               fmt::format("no listener {} is open", raw(id))};
}

void server::resume(std::span<const std::uint8_t> packet, client_ref& client,
                    snapshot::activation asked) {
  std::span<std::uint8_t> out(scratch_);
  if (client.via == transport::udp) out = out.first(options_.udp.answer_bytes);
  const auto handled = pipeline_.resume(packet, client, out, asked);
  if (handled.size != 0) deliver(client, out.first(handled.size));
}

void server::deliver(const client_ref& to, std::span<const std::uint8_t> message) {
  if (to.via == transport::tcp) {
    if (auto* connection = connections_.find(to.socket)) connection->deliver(message);
    return;
  }
  for (const auto& l : open_)
    for (const auto& udp : l.udp)
      if (udp->index() == to.socket) udp->send(to, message);
}

}  // namespace stagedoor::dns
