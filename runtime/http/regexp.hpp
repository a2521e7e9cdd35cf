// SPDX-License-Identifier: Apache-2.0
// Regular expressions as operators write them for Go, on RE2: the same syntax, linear time.
//
// Runs on: any thread; immutable. Bounded by: regexp_memory for each pattern.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace stagedoor::http {

inline constexpr std::int64_t regexp_memory = 1 << 20;  ///< bytes: program and caches

class regexp {
 public:
  /// On failure: invalid, with the pattern and what is wrong with it.
  [[nodiscard]] static result<regexp> compile(std::string_view pattern);

  /// Whether it matches somewhere in |text|.
  [[nodiscard]] bool search(std::string_view text) const;
  /// The length of a match that starts with the first byte; 0 = none.
  [[nodiscard]] std::size_t match_start(std::string_view text) const;
  /// Go's ReplaceAllString: every match gives way to |replacement| with $1, ${1}, $name, ${name}
  /// and $$ expanded; a group that does not exist or did not take part is empty.
  [[nodiscard]] std::string replace_all(std::string_view text, std::string_view replacement) const;

 private:
  explicit regexp(std::shared_ptr<const re2::RE2> p) noexcept : pattern_(std::move(p)) {}
  std::shared_ptr<const re2::RE2> pattern_;
};

}  // namespace stagedoor::http
