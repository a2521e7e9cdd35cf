// SPDX-License-Identifier: Apache-2.0
// The two alphabets of RFC 4648: base64 with padding (section 4), and base64url without it
// (section 5), as JOSE wants it (RFC 7515 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagedoor {

enum class base64_form : std::uint8_t {
  exact,   ///< only what an encoder writes
  lenient  ///< padding may be missing, and the bits it cuts off may be anything
};

[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Nothing when a character is not of the alphabet, the length is impossible, or the form is wrong.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text,
                                                       base64_form form = base64_form::exact);

[[nodiscard]] std::string base64url_encode(std::string_view bytes);
/// Nothing when a character is not of the alphabet, padding included, or the length is impossible.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace stagedoor
