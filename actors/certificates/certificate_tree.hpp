// SPDX-License-Identifier: Apache-2.0
// The certificates' part of the tree: accounts, orders, the keeper.
#pragma once

#include "actors/node_parts.hpp"
#include "actors/supervision/supervisor.hpp"

namespace stagedoor::actors {

/// |parts| outlives the actors made from the plan.
[[nodiscard]] supervision::supervisor_plan certificates_plan(const node_parts& parts);

}  // namespace stagedoor::actors
