// SPDX-License-Identifier: Apache-2.0
// Reads a whole configuration file, and resolves the templates that Traefik allows in its files.
//
// Bounded by: defaults::config_file_bytes. On failure: not_found, too_large, or what errno says.
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/values.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::configs {

[[nodiscard]] result<std::string> read_text_file(const std::string& path);

/// `text` with every `{{ env "NAME" }}` replaced (an unset variable is empty). Any other template
/// is an error with its place, and gives nothing. Go templates know no YAML: those in comments and
/// strings count too.
[[nodiscard]] std::optional<std::string> expand_templates(const std::string& file,
                                                          std::string_view text,
                                                          const environment& env, diagnostics& out);

}  // namespace stagedoor::configs
