// SPDX-License-Identifier: Apache-2.0
// Which coding of a response the client likes best (RFC 9110 section 12.5.3).
#pragma once

#include "runtime/http/middleware.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace stagedoor::http {

[[nodiscard]] std::optional<coding> parse_coding(std::string_view token) noexcept;
[[nodiscard]] std::string_view to_string(coding c) noexcept;

/// The best of |offered| by the q-values of |header|; its own order decides among equals. "*"
/// stands for |fallback|, or the first offered one that is not refused by name. identity when the
/// client takes none, likes identity better, or the field cannot be read.
[[nodiscard]] coding negotiate_coding(std::string_view header, std::span<const coding> offered,
                                      std::optional<coding> fallback) noexcept;

}  // namespace stagedoor::http
