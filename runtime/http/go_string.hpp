// SPDX-License-Identifier: Apache-2.0
// Go's string literals, in backticks or double quotes, as rules use them.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>

namespace stagedoor::http {

/// Reads the literal that starts at text[at] and moves |at| behind it. On failure: not_found when
/// no literal starts there; malformed with |at| on the byte that is wrong.
[[nodiscard]] result<std::string> read_go_string(std::string_view text, std::size_t& at);

}  // namespace stagedoor::http
