// SPDX-License-Identifier: Apache-2.0
// Numbers in network byte order, written to and taken from text.
//
// Internal to runtime/link. Runs on: any thread. Bounded by: the text; taking too much is a fault
// of the reader that is remembered, so that a parser checks once at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stagedoor::link {

template <class Integer>
void put(std::string& out, Integer value) {
  for (std::size_t shift = sizeof value; shift > 0; --shift)
    out.push_back(static_cast<char>((std::uint64_t{value} >> (8 * (shift - 1))) & 0xffU));
}

/// The number at the front of |bytes|, which has enough of them.
template <class Integer>
[[nodiscard]] Integer get(std::string_view bytes) noexcept {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value =
        static_cast<Integer>((std::uint64_t{value} << 8U) | static_cast<unsigned char>(bytes[i]));
  return value;
}

class wire_reader {
 public:
  explicit wire_reader(std::string_view bytes) noexcept : left_(bytes) {}

  template <class Integer>
  [[nodiscard]] Integer number() noexcept {
    const auto bytes = take(sizeof(Integer));
    return bytes.size() == sizeof(Integer) ? get<Integer>(bytes) : Integer{0};
  }
  /// Empty, and failed, when there are fewer than |n|.
  [[nodiscard]] std::string_view take(std::size_t n) noexcept {
    if (n > left_.size()) {
      failed_ = true;
      left_ = {};
      return {};
    }
    const auto out = left_.substr(0, n);
    left_.remove_prefix(n);
    return out;
  }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] std::string_view rest() const noexcept { return left_; }

 private:
  std::string_view left_;
  bool failed_ = false;
};

}  // namespace stagedoor::link
