// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/site_states.hpp"

#include <cassert>

namespace stagedoor::http {

site_state& site_states::acquire(const snapshot::node_ptr<site>& version) {
  auto& slot = states_[version.get()];
  if (slot == nullptr) {
    slot = std::make_unique<site_state>();
    slot->version = version;
    for (const auto& r : version->value.routes) {
      auto& servers = slot->servers.emplace_back();
      if (r.target == nullptr) continue;
      for (const auto& s : r.target->servers) servers.push_back(&pool_.server(s.address));
      for (auto* used : servers) ++used->users;
    }
  }
  ++slot->requests;
  return *slot;
}

void site_states::release(site_state& s) noexcept {
  assert(s.requests > 0);
  if (--s.requests == 0 && s.retired) forget(states_.find(s.version.get()));
}

void site_states::forget(map::iterator it) noexcept {
  for (const auto& servers : it->second->servers)
    for (auto* used : servers) --used->users;
  states_.erase(it);
}

void site_states::retire(const snapshot::node_ptr<site>& version) noexcept {
  const auto it = states_.find(version.get());
  if (it == states_.end()) return;
  if (it->second->requests == 0)
    forget(it);
  else
    it->second->retired = true;
}

}  // namespace stagedoor::http
