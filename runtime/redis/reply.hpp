// SPDX-License-Identifier: Apache-2.0
// What Redis answered, as a value.
//
// Bounded by: the reply_reader that made it (depth, bytes).
#pragma once

#include "runtime/base/fault.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::redis {

struct reply {
  enum class type : std::uint8_t { nil, status, error, integer, string, array };

  type kind = type::nil;
  std::int64_t integer = 0;  ///< of an integer
  std::string text;          ///< of a status, an error or a string; any bytes
  std::vector<reply> items;  ///< of an array

  [[nodiscard]] bool is_nil() const noexcept { return kind == type::nil; }
  [[nodiscard]] bool is_error() const noexcept { return kind == type::error; }
  [[nodiscard]] bool is_array() const noexcept { return kind == type::array; }
  [[nodiscard]] bool is_integer() const noexcept { return kind == type::integer; }
  /// A status or a string.
  [[nodiscard]] bool is_text() const noexcept {
    return kind == type::string || kind == type::status;
  }
  /// The item at |index|, or nil when this is no array or a shorter one.
  [[nodiscard]] const reply& at(std::size_t index) const noexcept;

  friend bool operator==(const reply&, const reply&) = default;
};

/// The code in front of an error: "NOSCRIPT" of "NOSCRIPT No matching script".
[[nodiscard]] std::string_view error_code(std::string_view text) noexcept;

/// The fault an error reply stands for; its detail is the server's text.
/// Kinds: not_found (NOSCRIPT), overloaded (LOADING, BUSY, OOM and alike: retryable), conflict
/// (READONLY, UNBLOCKED: retryable elsewhere), refused (authentication, permission), unsupported
/// (Redis Cluster redirections), invalid (anything else).
[[nodiscard]] fault to_fault(const reply& error);

/// True when a command that ended in |f| may have run all the same: it was sent, and no answer
/// came.
[[nodiscard]] bool may_have_run(const fault& f) noexcept;

}  // namespace stagedoor::redis
