// SPDX-License-Identifier: Apache-2.0
// Middlewares as configured → middlewares as run.
//
// Runs on: any thread. On failure: an error at the place of the definition; routers that use the
// middleware are then left out, so that nobody loses a protection without noticing.
#pragma once

#include "actors/teams/route_plan.hpp"
#include "configs/diagnostic.hpp"
#include "configs/dynamic_config.hpp"

#include <map>
#include <string>
#include <vector>

namespace stagedoor::actors {

using middleware_map = decltype(catalog::middlewares);

/// Adds the middlewares of all providers together, since a chain may name another provider's. A
/// chain becomes the list of what it names, in order, up to max_chain_depth chains in chains. Of
/// definitions with one name the first counts, as Traefik does it between files.
void build_middlewares(const std::vector<const configs::dynamic_config*>& from,
                       middleware_map& into, configs::diagnostics& out);

inline constexpr std::size_t max_chain_depth = 16;
inline constexpr std::size_t max_chain_parts = 256;        ///< middlewares of one chain, flattened
inline constexpr std::size_t max_users = 100'000;          ///< of one usersFile
inline constexpr std::size_t max_users_file = 32U << 20U;  ///< bytes

}  // namespace stagedoor::actors
