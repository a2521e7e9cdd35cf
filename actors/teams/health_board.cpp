// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/health_board.hpp"

#include "actors/support/actor_names.hpp"
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
      [this](const messages::forget_servers& m) { forget(m); },
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
  if (!timer_.when()) timer_.arm(*this, now() + gather);
}

void health_board::forget(const messages::forget_servers& m) {
  const auto it = by_team_.find(m.slug);
  if (it == by_team_.end()) return;
  for (const auto& [service, url] : it->second) down_.erase({service, url});
  by_team_.erase(it);
  if (!timer_.when()) timer_.arm(*this, now() + gather);
}

// Null while all are up: a service with one server then needs no choice at all.
void health_board::publish() {
  auto set = down_.empty() ? nullptr : std::make_shared<const http::down_servers>(down_);
  if (!publish_(std::move(set))) timer_.arm(*this, now() + gather);
}

}  // namespace stagedoor::actors
