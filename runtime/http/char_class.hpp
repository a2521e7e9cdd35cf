// SPDX-License-Identifier: Apache-2.0
// Which bytes may stand where in a message head (RFC 9110 section 5, RFC 9112 section 3).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace stagedoor::http::char_class {

inline constexpr std::uint8_t token = 1;   ///< tchar: methods, field names
inline constexpr std::uint8_t target = 2;  ///< visible, and bytes above 127 as they come; no '#'
inline constexpr std::uint8_t field_value = 4;  ///< visible, above 127, space and tab
inline constexpr std::uint8_t host = 8;         ///< of a reg-name or IPv4 address

namespace detail {
constexpr std::array<std::uint8_t, 256> make() {
  std::array<std::uint8_t, 256> t{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const auto in = [c](std::string_view set) {
      return c < 128 && set.find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (alnum || in("!#$%&'*+-.^_`|~")) t[c] |= token;
    if ((c > 0x20 && c != 0x7f) && c != '#') t[c] |= target;
    if ((c >= 0x20 && c != 0x7f) || c == '\t') t[c] |= field_value;
    if (alnum || in("-._~!$&'()*+;=%")) t[c] |= host;
  }
  return t;
}
inline constexpr auto table = make();
}  // namespace detail

[[nodiscard]] constexpr bool is(char c, std::uint8_t classes) noexcept {
  return (detail::table[static_cast<unsigned char>(c)] & classes) != 0;
}

/// The first byte in [p, end) that is not in |classes|, or |end|.
[[nodiscard]] constexpr const char* skip(const char* p, const char* end,
                                         std::uint8_t classes) noexcept {
  while (p != end && is(*p, classes)) ++p;
  return p;
}

/// skip(p, end, field_value), eight bytes at a time.
[[nodiscard]] inline const char* skip_field_value(const char* p, const char* end) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  constexpr std::uint64_t tops = 0x8080808080808080ULL;
  while (end - p >= 8) {
    std::uint64_t x = 0;
    std::memcpy(&x, p, sizeof x);
    const std::uint64_t del = x ^ (ones * 0x7f);
    // The top bit of a byte is set where the byte is below 0x20, or is 0x7f. A borrow can set it in
    // a byte above such a one only, so the test for "none" is exact.
    const std::uint64_t bad = (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & tops;
    if (bad != 0) {
      // A tab is allowed, and a borrow may have lied: look at the bytes one by one.
      const char* const stop = skip(p, p + 8, field_value);
      if (stop != p + 8) return stop;
    }
    p += 8;
  }
  return skip(p, end, field_value);
}

}  // namespace stagedoor::http::char_class
