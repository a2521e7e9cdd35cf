// SPDX-License-Identifier: Apache-2.0
// Base64 with padding (RFC 4648 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::http {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Nothing unless |text| is exactly what an encoder writes.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace stagedoor::http
