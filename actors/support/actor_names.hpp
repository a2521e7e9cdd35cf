// SPDX-License-Identifier: Apache-2.0
// Well-known names of a node's services: "redis", "teams", "admin".
//
// CAF's registry keeps the first actor under a name for ever, dead or alive, so after a restart
// everybody would talk to the grave. Here the newest actor has the name and loses it when it ends.
// Runs on: any thread. Bounded by: the number of services, which is fixed by the tree.
#pragma once

#include <caf/fwd.hpp>

#include <string_view>

namespace stagedoor::actors {

/// `name`: 1 to 10 characters of [a-zA-Z0-9_], which is what CAF 0.17 can send to another node.
void publish_name(caf::actor_system& system, std::string_view name, const caf::actor& who);

/// The actor with that name, or none. Ask again for each use: it changes with a restart.
[[nodiscard]] caf::actor find_name(caf::actor_system& system, std::string_view name);

}  // namespace stagedoor::actors
