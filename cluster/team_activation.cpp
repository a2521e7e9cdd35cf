// SPDX-License-Identifier: Apache-2.0
#include "cluster/team_activation.hpp"

#include "actors/dns/dns_plan.hpp"
#include "actors/loop_gateway.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/team.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

namespace stagedoor::cluster {

snapshot::activate_function activate_teams(caf::actor_system& system, milliseconds deadline) {
  using snapshot::activation;
  const auto had_one = std::make_shared<std::atomic<bool>>(false);
  return [&system, deadline, had_one](std::string name, std::function<void(activation)> done) {
    const auto directory = actors::find_name(system, "teamdir");
    if (!directory) return done(*had_one ? activation::failed : activation::unknown);
    *had_one = true;
    actors::loop_gateway::ask<messages::team_presence>(
        system, directory, messages::look_up_team{std::move(name)}, deadline,
        [done = std::move(done)](const result<messages::team_presence>& answer) {
          if (!answer) return done(activation::failed);
          done(answer->is == messages::presence::active ? activation::active : activation::unknown);
        });
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
