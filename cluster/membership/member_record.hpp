// SPDX-License-Identifier: Apache-2.0
// A member as the text it is stored as: words with a space between, its incarnation first, since
// that is the one thing the scripts compare.
#pragma once

#include "cluster/membership/lease_store.hpp"

namespace stagedoor::cluster {

inline constexpr std::size_t longest_member_word = 255;  ///< bytes of a name, an address, a build

/// Kinds: invalid (an empty or too long word, or one with a space or control character in it).
[[nodiscard]] result<std::string> encode_member(const member& m);

/// |name| is the field the record was stored under. Words that a newer build added are passed over.
/// Kinds: malformed.
[[nodiscard]] result<member> parse_member(std::string_view name, std::string_view record);

}  // namespace stagedoor::cluster
