// SPDX-License-Identifier: Apache-2.0
// Collects what a supervisor's children say of themselves into one listing, within a deadline.
//
// Every child is asked ahead of its backlog: a worker for its mailbox depth, a supervisor for its
// own tree with three quarters of the time left. Who does not answer is listed without an answer.
// Bounded by: describe_tree.limit questions at a time per supervisor.
#pragma once

#include "actors/support/shell.hpp"
#include "messages/supervision.hpp"

#include <vector>

namespace stagedoor::supervision {

/// Called in the handler of `request`, and answers it. `handles` are those of `children`, in order;
/// none where a child is not alive.
void walk_tree(actors::shell& self, const messages::describe_tree& request,
               messages::children_listing children, const std::vector<caf::actor>& handles);

}  // namespace stagedoor::supervision
