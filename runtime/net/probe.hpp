// SPDX-License-Identifier: Apache-2.0
// Is anybody listening there? One TCP connection that is closed as soon as it stands.
//
// Owner: itself, until it has called back. Runs on: the loop. Bounded by: its deadline.
#pragma once

#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"

#include <functional>

namespace stagedoor::net {

/// Calls |done| once, on the loop. Loop thread only.
/// On failure: unreachable, timed_out, overloaded, internal.
void probe(loop& l, const address& to, milliseconds deadline,
           std::function<void(result<void>)> done);

}  // namespace stagedoor::net
