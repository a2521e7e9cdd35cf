// SPDX-License-Identifier: Apache-2.0
// Memory for the few strings that middlewares compose during one exchange.
//
// Owner: an exchange. Runs on: its loop. Bounded by: what is composed is at most a few times the
// request head, which the parser limits. Nothing is allocated until the first string, and the
// first block is kept from exchange to exchange.
#pragma once

#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace stagedoor::http {

class scratch {
 public:
  /// The parts joined. Valid until clear().
  std::string_view join(std::initializer_list<std::string_view> parts) {
    std::size_t size = 0;
    for (const auto part : parts) size += part.size();
    if (size == 0) return {};
    char* const out = take(size);
    char* at = out;
    for (const auto part : parts) {
      if (!part.empty()) std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
    return {out, size};
  }
  std::string_view copy(std::string_view text) { return join({text}); }

  void clear() noexcept {
    used_ = 0;
    large_.clear();
  }

 private:
  static constexpr std::size_t block_bytes = 1024;

  char* take(std::size_t size) {
    if (size <= block_bytes - used_) {
      if (block_ == nullptr) block_ = std::make_unique_for_overwrite<char[]>(block_bytes);
      char* const at = block_.get() + used_;
      used_ += size;
      return at;
    }
    return large_.emplace_back(std::make_unique_for_overwrite<char[]>(size)).get();
  }

  std::unique_ptr<char[]> block_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<char[]>> large_;
};

}  // namespace stagedoor::http
