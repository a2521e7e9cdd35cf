// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_router_state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {

// -- orders ---------------------------------------------------------------------

router_effects team_router_state::offer(const std::string& source, shared_plans routes, mono_time) {
  if (routes == nullptr || routes->empty())
    offers_.erase(source);
  else
    offers_[source] = std::move(routes);
  router_effects out;
  collect_names(out);
  build(out);
  return out;
}

router_effects team_router_state::use(std::shared_ptr<const catalog> c) {
  catalog_ = std::move(c);
  router_effects out;
  if (!offers_.empty()) build(out);  // a router that just started has not been told its offers yet
  return out;
}

// -- callbacks --------------------------------------------------------------------

router_effects team_router_state::resolved(const std::string& name,
                                           const result<std::vector<net::address>>& addresses,
                                           mono_time now) {
  router_effects out;
  const auto it = names_.find(name);
  if (it == names_.end()) return out;  // no longer used
  auto& entry = it->second;
  entry.again = now + resolve_interval_;
  const bool first = !std::exchange(entry.answered, true);
  if (!addresses) {
    out.emplace_back(complain{name, to_string(addresses.error())});
    if (first) build(out);
    return out;
  }
  const bool same =
      std::equal(entry.addresses.begin(), entry.addresses.end(), addresses->begin(),
                 addresses->end(), [](const auto& a, const auto& b) { return a == b; });
  if (same && !first) return out;
  entry.addresses = *addresses;
  build(out);
  return out;
}

router_effects team_router_state::tick(mono_time now) {
  router_effects out;
  for (auto& [name, entry] : names_)
    if (entry.again && *entry.again <= now) {
      entry.again.reset();
      out.emplace_back(resolve_name{name});
    }
  return out;
}

std::optional<mono_time> team_router_state::next_tick() const {
  std::optional<mono_time> next;
  for (const auto& [name, entry] : names_)
    if (entry.again && (!next || *entry.again < *next)) next = entry.again;
  return next;
}

bool team_router_state::resolving() const noexcept {
  return std::any_of(names_.begin(), names_.end(),
                     [](const auto& n) { return !n.second.answered; });
}

// -- building ---------------------------------------------------------------------

void team_router_state::collect_names(router_effects& out) {
  std::set<std::string> used;
  for (const auto& [source, routes] : offers_)
    for (const auto& route : *routes)
      for (const auto& server : route.service.servers)
        if (!net::address::parse_ip(server.host, server.port)) used.insert(server.host);
  std::erase_if(names_, [&](const auto& n) { return !used.contains(n.first); });
  for (const auto& name : used)
    if (names_.try_emplace(name).second) out.emplace_back(resolve_name{name});
}

void team_router_state::build(router_effects& out) {
  if (offers_.empty()) {
    if (published_) out.emplace_back(withdraw_site{host_});
    published_ = false;
    return;
  }
  http::site built;
  built.host = host_;
  built.use = use_;
  for (const auto& [source, routes] : offers_)
    for (const auto& plan : *routes)
      if (auto route = compile(plan, out)) built.routes.push_back(*std::move(route));
  std::stable_sort(built.routes.begin(), built.routes.end(), [](const auto& a, const auto& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.name < b.name;
  });
  published_ = true;
  out.emplace_back(publish_site{std::move(built)});
}

std::optional<http::route> team_router_state::compile(const route_plan& plan,
                                                      router_effects& out) const {
  http::route made;
  for (const auto& name : plan.middlewares) {
    const auto found = catalog_->middlewares.find(name);
    if (found == catalog_->middlewares.end()) {
      // As Traefik does: the router is left out, so that no request passes without its middleware.
      out.emplace_back(complain{plan.name, fmt::format("middleware \"{}\" does not exist", name)});
      return std::nullopt;
    }
    made.middlewares.insert(made.middlewares.end(), found->second.begin(), found->second.end());
  }
  made.name = plan.name;
  made.matcher = plan.matcher;
  made.priority = plan.priority;
  made.entry_points = plan.entry_points;
  made.tls = plan.tls;
  made.target = std::make_shared<const http::service>(compile(plan.service));
  return made;
}

http::service team_router_state::compile(const service_plan& plan) const {
  http::service made;
  made.name = plan.name;
  made.pass_host_header = plan.pass_host_header;
  for (const auto& server : plan.servers) {
    if (const auto numeric = net::address::parse_ip(server.host, server.port)) {
      made.servers.push_back({server.url, *numeric, server.authority, server.weight});
      continue;
    }
    const auto entry = names_.find(server.host);
    if (entry == names_.end() || entry->second.addresses.empty()) continue;
    // One server a name, as Traefik dials it: the resolver's first choice.
    net::address at = entry->second.addresses.front();
    at.set_port(server.port);
    made.servers.push_back({server.url, at, server.authority, server.weight});
  }
  return made;
}

}  // namespace stagedoor::actors
