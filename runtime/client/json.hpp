// SPDX-License-Identifier: Apache-2.0
// Reading JSON that strangers wrote: every look-up says what is missing instead of throwing.
//
// Bounded by: the caller, who limits the bytes before they come here.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::client {

using json = nlohmann::json;

/// The whole text as one value. |what| names it in the fault. On failure: malformed, too_large
/// (nested deeper than 64).
[[nodiscard]] result<json> parse_json(std::string_view text, std::string_view what);

/// The member |key| of an object; null when there is none, or when |from| is no object.
[[nodiscard]] const json* member(const json* from, const char* key) noexcept;

/// The same, only of that type; empty when it is missing or of another type.
[[nodiscard]] std::string text_of(const json* from, const char* key);
[[nodiscard]] std::optional<std::int64_t> number_of(const json* from, const char* key) noexcept;
[[nodiscard]] std::vector<std::string> texts_of(const json* from, const char* key);

}  // namespace stagedoor::client
