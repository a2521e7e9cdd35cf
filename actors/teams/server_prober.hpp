// SPDX-License-Identifier: Apache-2.0
// Asks servers whether they are there: a TCP connection, or a GET of their health path.
//
// Runs on: the returned function any thread; the work is done in the control loop.
// Bounded by: max_servers of a team, and the deadline.
#pragma once

#include "actors/teams/probing.hpp"
#include "runtime/client/http_client.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/resolver.hpp"

namespace stagedoor::actors {

/// All three outlive the function.
[[nodiscard]] probe_function server_prober(loop& control, net::resolver& names,
                                           client::http_client& http);

}  // namespace stagedoor::actors
