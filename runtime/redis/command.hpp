// SPDX-License-Identifier: Apache-2.0
// A command as its words, and its form on the wire (RESP: an array of bulk strings).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::redis {

using command = std::vector<std::string>;

/// Bytes that encode() appends for |words|.
[[nodiscard]] std::size_t encoded_size(std::span<const std::string> words) noexcept;
void encode(std::span<const std::string> words, std::string& out);

}  // namespace stagedoor::redis
