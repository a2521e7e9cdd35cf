// SPDX-License-Identifier: Apache-2.0
// Does everything that a router names exist, and is it implemented?
//
// A router that names something missing is not built, and the rest of the configuration is; this
// says which routers those are, and why, at the place of the name.
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/dynamic_config.hpp"
#include "configs/static_config.hpp"

#include <set>
#include <string>
#include <vector>

namespace stagedoor::configs {

/// The qualified names of the routers that cannot be built. `providers` are all of them, merged per
/// provider.
[[nodiscard]] std::set<std::string> check_references(
    const std::vector<const dynamic_config*>& providers, const static_config& edge,
    diagnostics& out);

}  // namespace stagedoor::configs
