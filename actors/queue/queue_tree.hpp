// SPDX-License-Identifier: Apache-2.0
// The queues' part of the tree: liveness, then a consumer for each kind of task this node can do;
// and the supervisor of janitors, which is a part of the owned work.
//
// Queues of the contract whose tasks nobody here can do (certificates, dns, notifications) are left
// to the workers that can: taking their tasks only to refuse them would lose them.
#pragma once

#include "actors/node_parts.hpp"
#include "actors/supervision/supervisor.hpp"

namespace stagedoor::actors {

/// |parts| outlives the actors made from the plan.
[[nodiscard]] supervision::supervisor_plan queues_plan(const node_parts& parts);

/// The janitor is its child "queues" on the node that owns this work, with the proof as argument.
[[nodiscard]] supervision::supervisor_plan janitors_plan(const node_parts& parts);

}  // namespace stagedoor::actors
