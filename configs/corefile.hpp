// SPDX-License-Identifier: Apache-2.0
// A Corefile to server blocks and their lines: imports and snippets put in place, variables of the
// environment resolved. What the lines mean is dns_config's business.
//
// Bounded by: defaults::corefile_tokens, corefile_imports, corefile_depth. On failure: errors in
// `out`; the blocks that could be read.
#pragma once

#include "configs/corefile_lexer.hpp"
#include "configs/diagnostic.hpp"
#include "configs/values.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

/// A directive or an option: its words up to the end of the line, and the block that opened there.
struct corefile_line {
  corefile_token name;
  std::vector<corefile_token> arguments;
  std::vector<corefile_line> block;
  bool has_block = false;
};

struct corefile_block {
  std::vector<corefile_token> keys;
  std::vector<corefile_line> lines;
};

/// Where a Corefile's surroundings come from; tests bring their own.
struct corefile_sources {
  environment env;
  std::function<result<std::string>(const std::string& path)> read;
  /// The regular files that a pattern with * or ? names, sorted.
  std::function<std::vector<std::string>(const std::string& pattern)> glob;
  /// Absolute paths of `import` are looked up below this folder; empty = as they are.
  std::string root = {};
};

[[nodiscard]] corefile_sources disk_sources(std::string root);

[[nodiscard]] std::vector<corefile_block> parse_corefile(const std::string& file,
                                                         std::string_view text,
                                                         const corefile_sources& sources,
                                                         diagnostics& out);

}  // namespace stagedoor::configs
