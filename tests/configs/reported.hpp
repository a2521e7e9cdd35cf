// SPDX-License-Identifier: Apache-2.0
// What a loader reported, as the lines that an operator would see.
#pragma once

#include "configs/diagnostic.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

using lines = std::vector<std::string>;

inline lines reported(const diagnostics& d) {
  lines out;
  for (const auto& one : d.sorted()) out.push_back(to_string(one));
  return out;
}

/// An environment of exactly these variables.
inline auto variables(std::map<std::string, std::string, std::less<>> values = {}) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

}  // namespace stagedoor::configs
