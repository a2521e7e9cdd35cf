// SPDX-License-Identifier: Apache-2.0
// A Corefile's text to tokens.
//
// Tokens are parted by white space. A double quote opens a quoted token only at a token's start,
// and
// \" is the only escape in it; # comments out the rest of the line anywhere else. Braces are tokens
// only when they stand alone.
//
// Bounded by: the text.
#pragma once

#include "configs/diagnostic.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

struct corefile_token {
  std::string text;
  location at;
  std::uint32_t last_line = 0;  ///< a quoted token may span lines
  bool quoted = false;
  bool closed = true;  ///< false = the text ended inside the quotes
};

[[nodiscard]] std::vector<corefile_token> lex_corefile(const std::string& file,
                                                       std::string_view text);

}  // namespace stagedoor::configs
