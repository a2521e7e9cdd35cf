// SPDX-License-Identifier: Apache-2.0
// The middlewares that a router's list of names stands for, chains taken apart.
//
// A chain is a middleware that is a list of others; taking it apart once, when a site is built,
// leaves nothing of it for the request.
// Runs on: any thread. Bounded by: max_chain_depth, max_chain_length.
#pragma once

#include "runtime/http/middleware.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stagedoor::http {

inline constexpr std::size_t max_chain_depth = 16;    ///< chains in chains
inline constexpr std::size_t max_chain_length = 128;  ///< middlewares of one route

/// A middleware, or the qualified names of which a chain consists.
using middleware_or_chain = std::variant<middleware_ptr, std::vector<std::string>>;

/// What a qualified name stands for; null when there is no such middleware.
using middleware_lookup = std::function<const middleware_or_chain*(std::string_view name)>;

/// On failure: not_found with the name that is missing, conflict when a chain contains itself,
/// too_large.
[[nodiscard]] result<std::vector<middleware_ptr>> flatten_chain(std::span<const std::string> names,
                                                                const middleware_lookup& lookup);

}  // namespace stagedoor::http
