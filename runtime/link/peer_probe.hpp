// SPDX-License-Identifier: Apache-2.0
// Is the process of a peer still there? One connection to its cluster port, closed when it stands.
//
// The node that dials finds out by dialling again. The one that was dialled only sees its link
// break; this tells it whether the other process is gone, or only the connection was cut.
// Owner: itself, until it has called back. Runs on: the loop. Bounded by: its deadline.
#pragma once

#include "runtime/link/link_end.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"

#include <functional>
#include <optional>

namespace stagedoor::link {

/// What a failed connect(2) says about the peer: gone only if its host said so.
[[nodiscard]] link_end end_of_connect(int error_number) noexcept;

/// Calls |done| once, on the loop, never within this call: nothing = somebody listens; otherwise
/// gone, timed_out, reset or unreachable. Loop thread only.
void probe_peer(loop& l, const net::address& to, milliseconds deadline,
                std::function<void(std::optional<link_end>)> done);

}  // namespace stagedoor::link
