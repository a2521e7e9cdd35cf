// SPDX-License-Identifier: Apache-2.0
// What can be found wrong with the settings of a cluster before a node joins it.
//
// A certificate of another node, or another authority, is found by the peers only, who say so in
// their logs; whoever wrote the settings looks at this node. So they are judged where they are
// written. What time alone makes wrong is a warning: a node serves without its peers, and must
// start again after a power cut.
// Runs on: main's thread (reads files).
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/settings.hpp"
#include "runtime/base/clock.hpp"

namespace stagedoor::cluster {

void check_cluster(const configs::settings& node, wall_time now, configs::diagnostics& out);

}  // namespace stagedoor::cluster
