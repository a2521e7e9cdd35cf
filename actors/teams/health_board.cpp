// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/health_board.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "messages/support.hpp"

#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {

health_board::health_board(caf::actor_config& cfg, down_publisher publish)
    : shell(cfg, "health_board"), publish_(std::move(publish)) {}

caf::behavior health_board::make_behavior() {
  publish_name(system(), "health", caf::actor_cast<caf::actor>(this));
  publish();  // what an earlier board had found is found again, or is not so any more
  return {
      [this](const messages::server_judged& m) { judged(m); },
      [this](const team_judged& m) {
        replace(m.slug, m.down);
        tell_peers(m.slug);
      },
      [this](const messages::tell_health& m) { replace(m.slug, m.down); },
      [this](const messages::forget_servers& m) { forget(m); },
      [this](const report_down& m) { return down_of(m.slug); },
      [this](const messages::report_status&) {
        return messages::status_rows{{{"health", "servers down", fmt::format("{}", down_.size())}}};
      },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) publish();
      },
  };
}

void health_board::judged(const messages::server_judged& m) {
  auto& mine = by_team_[m.slug];
  for (const auto& service : m.services) {
    if (m.health == messages::server_health::down) {
      if (down_.size() >= max_down) break;
      down_.insert({service, m.url});
      mine.emplace(service, m.url);
    } else {
      down_.erase({service, m.url});
      mine.erase({service, m.url});
    }
  }
  if (mine.empty()) by_team_.erase(m.slug);
  changed();
  tell_peers(m.slug);
}

void health_board::replace(const std::string& slug,
                           const std::vector<messages::down_server>& down) {
  erase(slug);
  for (const auto& [service, url] : down) {
    if (down_.size() >= max_down) break;
    down_.insert({service, url});
    by_team_[slug].emplace(service, url);
  }
  changed();
}

void health_board::forget(const messages::forget_servers& m) {
  if (!by_team_.contains(m.slug)) return;
  erase(m.slug);
  changed();
  tell_peers(m.slug);
}

void health_board::erase(const std::string& slug) {
  const auto it = by_team_.find(slug);
  if (it == by_team_.end()) return;
  for (const auto& [service, url] : it->second) down_.erase({service, url});
  by_team_.erase(it);
}

messages::server_states health_board::down_of(const std::string& slug) const {
  messages::server_states out;
  if (const auto it = by_team_.find(slug); it != by_team_.end())
    for (const auto& [service, url] : it->second) out.servers.push_back({url, "down"});
  return out;
}

void health_board::changed() {
  if (!timer_.when()) timer_.arm(*this, now() + gather);
}

void health_board::tell_peers(const std::string& slug) {
  health_found found{slug, {}};
  if (const auto it = by_team_.find(slug); it != by_team_.end())
    for (const auto& [service, url] : it->second) found.down.push_back({service, url});
  tell(find_name(system(), "agent"), std::move(found));
}

// Null while all are up: a service with one server then needs no choice at all.
void health_board::publish() {
  auto set = down_.empty() ? nullptr : std::make_shared<const http::down_servers>(down_);
  if (!publish_(std::move(set))) timer_.arm(*this, now() + gather);
}

}  // namespace stagedoor::actors
