// SPDX-License-Identifier: Apache-2.0
// The words that trees are written in: worker, subtree, named.
#pragma once

#include "actors/supervision/supervisor.hpp"

#include <string>

namespace stagedoor::supervision {

/// A worker that is up as soon as it is spawned.
[[nodiscard]] listed_child worker(std::string id, child_factory make);

/// A supervisor that is up when its last child is; its id is the plan's name.
[[nodiscard]] listed_child subtree(supervisor_plan plan, milliseconds start_deadline = seconds(60));

/// The same child, found by actors::find_name(|name|).
[[nodiscard]] listed_child named(const char* name, listed_child child);

/// An empty plan that logs one line for each child that ended unasked.
[[nodiscard]] supervisor_plan plan_of(const char* name, strategy how = strategy::one_for_one);

}  // namespace stagedoor::supervision
