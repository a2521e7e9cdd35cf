// SPDX-License-Identifier: Apache-2.0
// Passwords that were right a moment ago, so that a slow hash is not computed for each request.
//
// Kept is a digest of hash and password with a secret of this process: it says nothing to whoever
// reads it later, and ends to fit when the hash is changed.
// Owner: a loop. Bounded by: max_known_passwords.
#pragma once

#include "runtime/http/recent_map.hpp"

#include <string>
#include <string_view>

namespace stagedoor::http {

inline constexpr std::size_t max_known_passwords = 4096;

class known_passwords {
 public:
  known_passwords();

  [[nodiscard]] std::string key_of(std::string_view hash, std::string_view password) const;
  [[nodiscard]] bool contains(std::string_view key) {
    return !key.empty() && entries_.find(key) != nullptr;
  }
  void remember(std::string_view key) {
    if (!key.empty()) entries_.use(key, true);
  }

 private:
  std::string secret_;
  recent_map<bool> entries_;
};

}  // namespace stagedoor::http
