// SPDX-License-Identifier: Apache-2.0
// Numbers of the DNS protocol, by name. Types, classes and codes are open sets (RFC 3597, 6895),
// so they stay integers: a value without a name here is as valid as one with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::dns {

namespace type {
inline constexpr std::uint16_t a = 1;
inline constexpr std::uint16_t ns = 2;
inline constexpr std::uint16_t md = 3;
inline constexpr std::uint16_t mf = 4;
inline constexpr std::uint16_t cname = 5;
inline constexpr std::uint16_t soa = 6;
inline constexpr std::uint16_t mb = 7;
inline constexpr std::uint16_t mg = 8;
inline constexpr std::uint16_t mr = 9;
inline constexpr std::uint16_t null = 10;
inline constexpr std::uint16_t ptr = 12;
inline constexpr std::uint16_t minfo = 14;
inline constexpr std::uint16_t mx = 15;
inline constexpr std::uint16_t txt = 16;
inline constexpr std::uint16_t sig = 24;
inline constexpr std::uint16_t key = 25;
inline constexpr std::uint16_t aaaa = 28;
inline constexpr std::uint16_t nxt = 30;
inline constexpr std::uint16_t srv = 33;
inline constexpr std::uint16_t dname = 39;
inline constexpr std::uint16_t opt = 41;
inline constexpr std::uint16_t ds = 43;
inline constexpr std::uint16_t rrsig = 46;
inline constexpr std::uint16_t nsec = 47;
inline constexpr std::uint16_t nsec3 = 50;
inline constexpr std::uint16_t nsec3param = 51;
inline constexpr std::uint16_t svcb = 64;
inline constexpr std::uint16_t https = 65;
inline constexpr std::uint16_t tkey = 249;
inline constexpr std::uint16_t tsig = 250;
inline constexpr std::uint16_t ixfr = 251;
inline constexpr std::uint16_t axfr = 252;
inline constexpr std::uint16_t mailb = 253;
inline constexpr std::uint16_t maila = 254;
inline constexpr std::uint16_t any = 255;
inline constexpr std::uint16_t caa = 257;

/// Only meaningful in a question or a single message, never zone data (RFC 6895 section 3.1).
[[nodiscard]] constexpr bool is_meta(std::uint16_t t) noexcept {
  return t == 0 || t == opt || (t >= 128 && t <= 255);
}
}  // namespace type

namespace klass {
inline constexpr std::uint16_t in = 1;
inline constexpr std::uint16_t chaos = 3;
inline constexpr std::uint16_t none = 254;
inline constexpr std::uint16_t any = 255;
}  // namespace klass

namespace opcode {
inline constexpr std::uint8_t query = 0;
inline constexpr std::uint8_t notify = 4;
inline constexpr std::uint8_t update = 5;
}  // namespace opcode

namespace rcode {
inline constexpr std::uint16_t noerror = 0;
inline constexpr std::uint16_t formerr = 1;
inline constexpr std::uint16_t servfail = 2;
inline constexpr std::uint16_t nxdomain = 3;
inline constexpr std::uint16_t notimp = 4;
inline constexpr std::uint16_t refused = 5;
inline constexpr std::uint16_t yxdomain = 6;
inline constexpr std::uint16_t notauth = 9;
inline constexpr std::uint16_t badvers = 16;
}  // namespace rcode

/// Bits of the second header word.
namespace flag {
inline constexpr std::uint16_t qr = 0x8000;
inline constexpr std::uint16_t aa = 0x0400;
inline constexpr std::uint16_t tc = 0x0200;
inline constexpr std::uint16_t rd = 0x0100;
inline constexpr std::uint16_t ra = 0x0080;
inline constexpr std::uint16_t ad = 0x0020;
inline constexpr std::uint16_t cd = 0x0010;
}  // namespace flag

inline constexpr std::size_t header_size = 12;

[[nodiscard]] inline std::uint16_t load16(const std::uint8_t* p) noexcept {
  return static_cast<std::uint16_t>((p[0] << 8) | p[1]);
}
[[nodiscard]] inline std::uint32_t load32(const std::uint8_t* p) noexcept {
  return (static_cast<std::uint32_t>(load16(p)) << 16) | load16(p + 2);
}
inline void store16(std::uint8_t* p, std::uint16_t v) noexcept {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void store32(std::uint8_t* p, std::uint32_t v) noexcept {
  store16(p, static_cast<std::uint16_t>(v >> 16));
  store16(p + 2, static_cast<std::uint16_t>(v));
}

/// "A", "TYPE65280".
[[nodiscard]] std::string type_name(std::uint16_t t);
/// "A", "a", "TYPE1"; nothing for an unknown word.
[[nodiscard]] std::optional<std::uint16_t> parse_type(std::string_view text);
/// "IN", "CH", "CLASS42".
[[nodiscard]] std::string class_name(std::uint16_t c);
/// "NOERROR", "RCODE42".
[[nodiscard]] std::string rcode_name(std::uint16_t r);

}  // namespace stagedoor::dns
