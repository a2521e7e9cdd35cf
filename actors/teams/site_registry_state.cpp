// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/site_registry_state.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {

result<registry_actions> site_registry_state::offer(const std::string& host,
                                                    const std::string& source, shared_plans routes,
                                                    std::shared_ptr<http::site_use> use) {
  const bool nothing = routes == nullptr || routes->empty();
  registry_actions out;
  auto it = sites_.find(host);
  if (it == sites_.end()) {
    if (!nothing && sites_.size() >= max_sites_)
      return fault{fault_kind::overloaded, fault_side::self, retryable::no,
                   fmt::format("{} sites are served already, which is the limit", sites_.size())};
    it = sites_.try_emplace(host).first;
  }
  auto& e = it->second;
  if (use) e.use = std::move(use);
  if (nothing)
    e.offers.erase(source);
  else
    e.offers[source] = routes;
  if (e.is == router::running) {
    out.forward.push_back({host, source, std::move(routes), e.use});
  } else if (e.is == router::none) {
    e.is = router::starting;
    out.start = start_router{host};
  }
  return out;
}

std::optional<std::vector<forward_offer>> site_registry_state::ready(const std::string& host) {
  const auto it = sites_.find(host);
  if (it == sites_.end()) return std::nullopt;
  it->second.is = router::running;
  std::vector<forward_offer> out;
  for (const auto& [source, routes] : it->second.offers)
    out.push_back({host, source, routes, it->second.use});
  return out;
}

void site_registry_state::start_failed(const std::string& host) {
  const auto it = sites_.find(host);
  if (it == sites_.end() || it->second.is != router::starting) return;
  it->second.is = router::none;
  if (it->second.offers.empty()) sites_.erase(it);
}

bool site_registry_state::settled(const std::string& host) {
  const auto it = sites_.find(host);
  if (it == sites_.end() || !it->second.offers.empty()) return false;
  sites_.erase(it);
  return true;
}

std::vector<std::pair<std::string, std::shared_ptr<http::site_use>>> site_registry_state::hosts_of(
    const std::string& source) const {
  std::vector<std::pair<std::string, std::shared_ptr<http::site_use>>> out;
  for (const auto& [host, site] : sites_)
    if (site.offers.contains(source)) out.emplace_back(host, site.use);
  return out;
}

}  // namespace stagedoor::actors
