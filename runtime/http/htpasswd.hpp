// SPDX-License-Identifier: Apache-2.0
// Lines of an htpasswd file, and whether a password is the one that was hashed.
//
// bcrypt ($2a$, $2b$, $2x$, $2y$), Apache's and crypt's MD5 ($apr1$, $1$) and {SHA}. bcrypt is slow
// on purpose, so verifying belongs on a thread that nobody waits for: see password_checker.
// Runs on: any thread. Bounded by: max_bcrypt_cost, max_password_bytes.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>

namespace stagedoor::http {

inline constexpr unsigned max_bcrypt_cost = 15;  ///< about 2 s a check
inline constexpr std::size_t max_password_bytes = 1024;

struct htpasswd_user {
  std::string name;
  std::string hash;
};

/// "name:hash". On failure: malformed (not such a line), unsupported (another kind of hash),
/// too_large (a bcrypt cost above max_bcrypt_cost). Faults do not repeat the hash.
[[nodiscard]] result<htpasswd_user> parse_htpasswd_line(std::string_view line);

/// Takes microseconds: {SHA} only.
[[nodiscard]] bool is_cheap_hash(std::string_view hash) noexcept;

/// |hash| came out of parse_htpasswd_line.
[[nodiscard]] bool verify_password(std::string_view hash, std::string_view password);

}  // namespace stagedoor::http
