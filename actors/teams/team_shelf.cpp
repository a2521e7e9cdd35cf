// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_shelf.hpp"

namespace stagedoor::actors {

active_team& team_shelf::put(const std::string& slug, mono_time now) {
  const auto [it, fresh] = teams_.try_emplace(slug);
  if (fresh) {
    it->second.use = std::make_shared<http::site_use>(now);
    it->second.seen = now;
    by_use_.emplace(now, &*it);
  }
  return it->second;
}

void team_shelf::erase(const std::string& slug) {
  const auto it = teams_.find(slug);
  if (it == teams_.end()) return;
  by_use_.erase({it->second.seen, &*it});
  teams_.erase(it);
}

active_team* team_shelf::find(const std::string& slug) {
  const auto it = teams_.find(slug);
  return it == teams_.end() ? nullptr : &it->second;
}

void team_shelf::move(node& n, mono_time seen) {
  by_use_.erase({n.second.seen, &n});
  n.second.seen = seen;
  by_use_.emplace(seen, &n);
}

std::vector<std::string> team_shelf::idle(mono_time now, seconds least, std::size_t limit,
                                          std::size_t looks) {
  std::vector<std::string> out;
  auto it = by_use_.begin();
  while (it != by_use_.end() && out.size() < limit && looks-- > 0 && now - it->first >= least) {
    node& n = *it->second;
    ++it;  // moving takes the element out, and puts it in behind
    const auto used = now - n.second.use->idle(now);
    if (n.second.offers > 0 || n.second.kept)
      move(n, now);
    else if (now - used < least)
      move(n, used);
    else
      out.push_back(n.first);
  }
  return out;
}

std::vector<std::string> team_shelf::slugs() const {
  std::vector<std::string> out;
  out.reserve(teams_.size());
  for (const auto& [slug, team] : teams_) out.push_back(slug);
  return out;
}

}  // namespace stagedoor::actors
