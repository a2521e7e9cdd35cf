// SPDX-License-Identifier: Apache-2.0
// How a lane has a team's site and name brought into the tables: it asks the team directory.
// Runs on: made anywhere; the function on a lane's loop, the answer comes on the scheduler.
// Bounded by: the deadline; missing_names, which asks. On failure: activation::failed.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/dns/zone_node.hpp"
#include "runtime/snapshot/missing_names.hpp"

#include <caf/fwd.hpp>

#include <string>
#include <vector>

namespace stagedoor::actors {
struct dns_plan;
}

namespace stagedoor::cluster {

/// Asks the actor named "teamdir". Before there has been one, no team is known that is not in the
/// tables; while one is being restarted, it is waited for. |system| outlives the lanes.
[[nodiscard]] snapshot::activate_function activate_teams(caf::actor_system& system,
                                                         milliseconds deadline);

/// The zones that team names go into.
[[nodiscard]] std::vector<dns::zone_id> team_zone_ids(const actors::dns_plan& plan);

}  // namespace stagedoor::cluster
