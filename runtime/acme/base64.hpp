// SPDX-License-Identifier: Apache-2.0
// The two alphabets of RFC 4648: base64url without padding for JOSE (RFC 7515 2), plain base64 for
// acme.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::acme {

[[nodiscard]] std::string base64url_encode(std::string_view bytes);
/// Nothing when a character is not of the alphabet, padding included, or the length is impossible.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

/// Padding may be missing.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace stagedoor::acme
