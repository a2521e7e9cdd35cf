// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/pipeline.hpp"

#include <algorithm>

namespace stagedoor::dns {
namespace {

constexpr std::uint16_t unrouted_payload = 1232;  // advertised where no server block decides

// What an UDP answer may have: what the client takes, and what crosses any path unfragmented.
std::size_t size_limit(const query& q, const client_ref& client, std::uint16_t payload) noexcept {
  if (client.via == transport::tcp) return max_message_bytes;
  return q.has_edns ? std::min<std::size_t>(q.udp_size, std::max<std::size_t>(payload, 512)) : 512;
}

bool any_above(std::string_view name, const std::vector<wire_name>& zones) noexcept {
  return std::any_of(zones.begin(), zones.end(),
                     [&](const wire_name& zone) { return is_at_or_below(name, zone); });
}

}  // namespace

pipeline::handled pipeline::handle(std::span<const std::uint8_t> packet, client_ref& client,
                                   std::span<std::uint8_t> out) {
  // 1. Read it. What is no query gets no answer, lest two servers answer each other for ever.
  const auto read = read_query(packet, query_);
  if (read == verdict::drop) {
    ++count_.dropped;
    return {};
  }
  ++(client.via == transport::udp ? count_.udp_queries : count_.tcp_queries);
  return respond(read, client, out, std::nullopt);
}

pipeline::handled pipeline::resume(std::span<const std::uint8_t> packet, client_ref& client,
                                   std::span<std::uint8_t> out, snapshot::activation asked) {
  return respond(read_query(packet, query_), client, out, asked);
}

pipeline::handled pipeline::respond(verdict read, client_ref& client, std::span<std::uint8_t> out,
                                    knowledge asked) {
  // 2. Find the server block and zone. Before the error answers, since they are logged too.
  const zone_route* route = query_.has_question ? route_of(client.listener) : nullptr;
  const auto payload = route != nullptr ? route->chain->udp_payload : unrouted_payload;
  const bool logged = route != nullptr && !route->chain->log.empty();
  if (logged && !asked) client.since = mono_clock::now();

  // 3. Answer: an error found while reading, or in the fixed order of the plugins.
  const auto limit = size_limit(query_, client, payload);
  writer_.start(query_, out, limit, payload);
  auto state = read == verdict::answer ? answer(route, client, asked) : outcome::ready;
  if (state == outcome::absent) {
    // A name that may exist, though not here: nobody is told NXDOMAIN before that is known.
    asked = parking_->park(lookup_.absent_label(), query_, client);
    if (!asked) return {0, true};
    writer_.start(query_, out, limit, payload);  // the start of a chain may have been written
    state = answer(route, client, asked);
  }
  if (state == outcome::pending) return {0, true};
  const std::size_t size = writer_.finish();

  // 4. Account for it.
  count_.answered(writer_.code());
  if ((writer_.flags() & flag::tc) != 0) ++count_.truncated;
  if (logged)
    log_.answered(*route->chain, query_, client, out.first(size), mono_clock::now() - client.since);
  return {size, false};
}

// The longest zone on the listener that holds the name. DS at the top of a zone is the parent's
// to answer (RFC 4035 section 3.1.4.1), if the parent is here.
const zone_route* pipeline::route_of(listener_id on) noexcept {
  const auto labels = query_.name.labels();
  const auto* route = find_route(tables_.routes, query_.name, on, labels);
  if (query_.qtype != type::ds || route == nullptr || route->labels != labels || labels == 0)
    return route;
  const auto* parent = find_route(tables_.routes, query_.name, on, labels - 1);
  return parent != nullptr ? parent : route;
}

pipeline::outcome pipeline::answer(const zone_route* route, const client_ref& client,
                                   knowledge asked) {
  const auto fail = [&](std::uint16_t code) {
    writer_.set_rcode(code);
    return outcome::ready;
  };
  // Neither a zone nor a forwarder of ours: no referral upwards either (RFC 8499, "lame").
  if (route == nullptr) return fail(rcode::refused);
  if (query_.qclass != klass::in && query_.qclass != klass::any) return fail(rcode::refused);
  if (query_.qtype == type::axfr || query_.qtype == type::ixfr) return fail(rcode::refused);
  if (type::is_meta(query_.qtype) && query_.qtype != type::any) return fail(rcode::notimp);

  // file: our own zones come before any upstream.
  if (route->zone) {
    if (asked == snapshot::activation::failed) {
      log_.failed(*route->chain, query_, rcode::servfail, "the name could not be looked up");
      return fail(rcode::servfail);
    }
    const auto absent =
        asked || parking_ == nullptr ? absent_names::do_not_exist : absent_names::may_exist;
    switch (lookup_.answer(query_, *route, client.listener, writer_, absent)) {
      case lookup::outcome::absent: return outcome::absent;
      case lookup::outcome::answered: return outcome::ready;
      case lookup::outcome::no_zone:
        log_.failed(*route->chain, query_, rcode::servfail, "zone is not loaded");
        return fail(rcode::servfail);
      case lookup::outcome::missing:
        if (!any_above(query_.name.view(), route->chain->fallthrough)) {
          lookup_.deny(query_, *route, writer_);
          return outcome::ready;
        }
    }
  }
  return forward(*route, client);
}

pipeline::outcome pipeline::forward(const zone_route& route, const client_ref& client) {
  for (const auto& rule : route.chain->forwards) {
    const auto name = query_.name.view();
    if (!is_at_or_below(name, rule->from) || any_above(name, rule->except)) continue;
    const auto verdict = forwards_ != nullptr
                             ? forwards_->forward(query_, route.chain, *rule, client)
                             : forward_port::verdict::failed;
    if (verdict == forward_port::verdict::taken) return outcome::pending;
    const bool refused = verdict == forward_port::verdict::refused;
    if (!refused) log_.failed(*route.chain, query_, rcode::servfail, "no upstream can be asked");
    writer_.set_rcode(refused ? rcode::refused : rcode::servfail);
    return outcome::ready;
  }
  // No plugin is left to ask.
  writer_.set_rcode(rcode::refused);
  return outcome::ready;
}

}  // namespace stagedoor::dns
