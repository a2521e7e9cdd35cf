// SPDX-License-Identifier: Apache-2.0
// The keys that session tickets are sealed with.
//
// A client may come back to another loop, after a new certificate was published, or to another
// node: it resumes as long as all of them hold the same keys. So they are made by the control
// plane and handed to every context, newest first; only the newest seals, all open.
// Runs on: any thread; a value. Bounded by: max_ticket_keys.
#pragma once

#include "runtime/base/result.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace stagedoor::tls {

inline constexpr std::size_t max_ticket_keys = 4;

struct ticket_key {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher{};  ///< AES-256-CBC
  std::array<unsigned char, 32> mac{};     ///< HMAC-SHA-256

  /// On failure: internal (no random bytes).
  [[nodiscard]] static result<ticket_key> generate();
};

class ticket_keys {
 public:
  /// |key| seals from now on; the oldest beyond max_ticket_keys is forgotten.
  void rotate_in(const ticket_key& key);

  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }
  [[nodiscard]] const ticket_key& newest() const noexcept { return keys_.front(); }
  [[nodiscard]] const ticket_key* find(const unsigned char* name) const noexcept;

 private:
  std::vector<ticket_key> keys_;  ///< newest first
};

}  // namespace stagedoor::tls
