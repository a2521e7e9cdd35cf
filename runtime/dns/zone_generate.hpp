// SPDX-License-Identifier: Apache-2.0
// BIND's $GENERATE: one line of a zone file that stands for many.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace stagedoor::dns {

/// "1-10" or "0-255/5".
struct generate_range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t step = 1;
  [[nodiscard]] std::uint64_t count() const noexcept {
    return (std::uint64_t{last} - first) / step + 1;
  }
};
/// On failure: malformed.
[[nodiscard]] result<generate_range> parse_generate_range(std::string_view text);

/// |pattern| with `$`, `${offset[,width[,base]]}` (base d, o, x, X) replaced for |value|;
/// `\$` and `$$` stay a dollar sign. On failure: malformed.
[[nodiscard]] result<std::string> expand_generate(std::string_view pattern, std::uint32_t value);

}  // namespace stagedoor::dns
