// SPDX-License-Identifier: Apache-2.0
// An owner_proof as the argument that a supervisor keeps for a child and hands it at each start.
//
// Proofs that are given later come to the child as a message, so that what it was started with may
// be outdated after a restart: its writes are then refused until the newer one is said again.
// Runs on: any thread.
#pragma once

#include "messages/cluster.hpp"
#include "runtime/base/result.hpp"

#include <string>
#include <string_view>

namespace stagedoor::actors {

/// One line for each field; none of them has a line break (the store refuses such names).
[[nodiscard]] std::string to_text(const messages::owner_proof& proof);

/// Kinds: malformed.
[[nodiscard]] result<messages::owner_proof> parse_owner_proof(std::string_view text);

}  // namespace stagedoor::actors
