// SPDX-License-Identifier: Apache-2.0
#include "cluster/team_activation.hpp"

#include "actors/dns/dns_plan.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "configs/defaults.hpp"
#include "messages/support.hpp"
#include "messages/team.hpp"

#include <algorithm>
#include <atomic>
#include <caf/actor_clock.hpp>
#include <caf/event_based_actor.hpp>
#include <memory>

namespace stagedoor::cluster {
namespace {

using snapshot::activation;

/// Asks until somebody can answer. For a moment the directory is away, or has read nothing yet,
/// when it starts again after a failure, and when the whole tree does because a take-over came to
/// nothing; and so is the store when another one takes its place.
class look_up final : public caf::event_based_actor {
 public:
  look_up(caf::actor_config& cfg, std::string name, milliseconds deadline,
          std::function<void(activation)> answered)
      : caf::event_based_actor(cfg),
        name_(std::move(name)),
        until_(clock().now() + deadline),
        answered_(std::move(answered)) {}

  caf::behavior make_behavior() override {
    ask();
    return {[this](const messages::tick&) { ask(); }};
  }

 private:
  void ask() {
    const auto left = std::chrono::ceil<milliseconds>(until_ - clock().now());
    if (left <= milliseconds::zero()) return end(activation::failed);
    actors::ask<messages::team_presence>(
        this, actors::find_name(system(), "teamdir"), messages::look_up_team{name_}, left,
        [this](const messages::team_presence& found) {
          end(found.is == messages::presence::active ? activation::active : activation::unknown);
        },
        [this](const fault& why) {
          const bool away = why.kind == fault_kind::unreachable || why.kind == fault_kind::closed;
          if (!away) return end(activation::failed);
          actors::after(this, defaults::look_up_pause, messages::tick{});
        });
  }
  void end(activation outcome) {
    answered_(outcome);
    quit();
  }

  const std::string name_;
  const caf::actor_clock::time_point until_;
  const std::function<void(activation)> answered_;
};

}  // namespace

snapshot::activate_function activate_teams(caf::actor_system& system, milliseconds deadline) {
  const auto had_one = std::make_shared<std::atomic<bool>>(false);
  return [&system, deadline, had_one](std::string name, std::function<void(activation)> done) {
    if (actors::find_name(system, "teamdir")) *had_one = true;
    if (!*had_one) return done(activation::unknown);
    system.spawn<look_up>(std::move(name), deadline, std::move(done));
  };
}

std::vector<dns::zone_id> team_zone_ids(const actors::dns_plan& plan) {
  std::vector<dns::zone_id> out;
  for (const auto& zone : plan.zones)
    if (std::find(plan.team_zones.begin(), plan.team_zones.end(), zone.name) !=
        plan.team_zones.end())
      out.push_back(zone.id);
  return out;
}

}  // namespace stagedoor::cluster
