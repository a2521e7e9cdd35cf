// SPDX-License-Identifier: Apache-2.0
// The queues' part of the tree:
//
//   queues (one_for_one)
//   ├─ janitors                    the janitor, on the node that owns this work
//   └─ consumers (rest_for_one)    liveness, then a consumer for each kind of task this node can do
//
// Queues of the contract whose tasks nobody here can do (certificates, dns, notifications) are left
// to the workers that can: taking their tasks only to refuse them would lose them.
#pragma once

#include "actors/node_parts.hpp"
#include "actors/supervision/supervisor.hpp"

namespace stagedoor::actors {

/// |parts| outlives the actors made from the plan.
[[nodiscard]] supervision::supervisor_plan queues_plan(const node_parts& parts);

}  // namespace stagedoor::actors
