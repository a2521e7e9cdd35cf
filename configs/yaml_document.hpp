// SPDX-License-Identifier: Apache-2.0
// YAML text to a document: the only door of yaml-cpp.
//
// Duplicate keys, a second document, and what exceeds the limits (deep nesting, aliases that
// multiply) are errors with a place. `<<` merges are resolved.
//
// Bounded by: defaults::yaml_nodes, defaults::yaml_depth. On failure: errors in `out`, and nothing.
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/document.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::configs {

/// An empty text gives a document whose root is of kind none.
[[nodiscard]] std::optional<document> parse_yaml(std::string file, std::string_view text,
                                                 diagnostics& out);

}  // namespace stagedoor::configs
