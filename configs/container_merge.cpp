// SPDX-License-Identifier: Apache-2.0
#include "configs/container_merge.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

bool same(const router& a, const router& b) {
  return a.rule == b.rule && a.v2_syntax == b.v2_syntax && a.service == b.service &&
         a.entry_points == b.entry_points && a.middlewares == b.middlewares &&
         a.priority == b.priority && a.tls == b.tls;
}

bool same(const middleware& a, const middleware& b) { return a.kind == b.kind; }

bool same(const servers_transport& a, const servers_transport& b) {
  return a.server_name == b.server_name && a.insecure_skip_verify == b.insecure_skip_verify &&
         a.disable_http2 == b.disable_http2 && a.root_cas == b.root_cas &&
         a.certificates == b.certificates && a.idle_per_host == b.idle_per_host &&
         a.dial_timeout == b.dial_timeout &&
         a.response_header_timeout == b.response_header_timeout && a.idle_timeout == b.idle_timeout;
}

bool same_settings(const load_balancer& a, const load_balancer& b) {
  return a.strategy == b.strategy && a.pass_host_header == b.pass_host_header &&
         a.check == b.check && a.sticky == b.sticky && a.transport == b.transport &&
         a.flush_interval == b.flush_interval;
}

/// Equal, or load balancers that differ in nothing but their servers: those are taken over.
bool same_or_joined(service& a, service& b) {
  if (a.kind.index() != b.kind.index()) return false;
  if (auto* balancer = std::get_if<load_balancer>(&a.kind)) {
    auto& other = std::get<load_balancer>(b.kind);
    if (!same_settings(*balancer, other)) return false;
    for (auto& fresh : other.servers) {
      const bool known = std::any_of(balancer->servers.begin(), balancer->servers.end(),
                                     [&](const server& s) { return s.url == fresh.url; });
      if (!known) balancer->servers.push_back(std::move(fresh));
    }
    return true;
  }
  if (const auto* weighted = std::get_if<weighted_service>(&a.kind)) {
    const auto& other = std::get<weighted_service>(b.kind);
    return weighted->parts == other.parts && weighted->sticky == other.sticky &&
           weighted->propagate_health == other.propagate_health;
  }
  return std::get<unsupported_service>(a.kind) == std::get<unsupported_service>(b.kind);
}

}  // namespace

template <class Element, class Join>
void container_merge::join(slots<Element>& into, Element fresh, std::string_view what,
                           const Join& is_same) {
  const auto [at, added] = into.try_emplace(fresh.name);
  if (added) {
    at->second.element = std::move(fresh);
    return;
  }
  if (at->second.conflict || is_same(at->second.element, fresh)) return;
  at->second.conflict = true;
  out_.error(fresh.where, fmt::format("{} {} is defined differently at {}: neither is used", what,
                                      shown(fresh.name), to_string(at->second.element.where)));
}

void container_merge::add(dynamic_config part) {
  const auto equal = [](const auto& a, const auto& b) { return same(a, b); };
  for (auto& r : part.routers) join(routers_, std::move(r), "router", equal);
  for (auto& s : part.services) join(services_, std::move(s), "service", same_or_joined);
  for (auto& m : part.middlewares) join(middlewares_, std::move(m), "middleware", equal);
  for (auto& t : part.transports) join(transports_, std::move(t), "serversTransport", equal);
  std::move(part.stores.begin(), part.stores.end(), std::back_inserter(joined_.stores));
}

template <class Element>
void container_merge::release(slots<Element>& from, std::vector<Element>& into) {
  for (auto& [name, s] : from) {
    if (s.conflict) {
      joined_.broken.push_back(name);
    } else {
      into.push_back(std::move(s.element));
    }
  }
}

dynamic_config container_merge::take() {
  release(routers_, joined_.routers);
  release(services_, joined_.services);
  release(middlewares_, joined_.middlewares);
  release(transports_, joined_.transports);
  return std::move(joined_);
}

}  // namespace stagedoor::configs
