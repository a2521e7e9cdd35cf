// SPDX-License-Identifier: Apache-2.0
// SHA-1 (RFC 3174), because that is how Redis names a script. For nothing that needs secrecy.
#pragma once

#include <string>
#include <string_view>

namespace stagedoor::redis {

/// 40 lower-case hexadecimal digits.
[[nodiscard]] std::string sha1_hex(std::string_view bytes);

}  // namespace stagedoor::redis
