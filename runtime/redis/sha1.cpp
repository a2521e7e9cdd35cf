// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/sha1.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <fmt/format.h>

namespace stagedoor::redis {
namespace {

using digest = std::array<std::uint32_t, 5>;

std::uint32_t word_at(std::string_view block, std::size_t i) noexcept {
  std::uint32_t word = 0;
  for (std::size_t b = 0; b < 4; ++b)
    word = (word << 8U) | static_cast<unsigned char>(block[i * 4 + b]);
  return word;
}

void take(std::string_view block, digest& h) noexcept {
  std::array<std::uint32_t, 80> w{};
  for (std::size_t t = 0; t < 16; ++t) w[t] = word_at(block, t);
  for (std::size_t t = 16; t < 80; ++t)
    w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  auto [a, b, c, d, e] = h;
  for (std::size_t t = 0; t < 80; ++t) {
    std::uint32_t f = 0;
    std::uint32_t k = 0;
    if (t < 20) {
      f = (b & c) | (~b & d);
      k = 0x5A827999;
    } else if (t < 40) {
      f = b ^ c ^ d;
      k = 0x6ED9EBA1;
    } else if (t < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8F1BBCDC;
    } else {
      f = b ^ c ^ d;
      k = 0xCA62C1D6;
    }
    const std::uint32_t next = std::rotl(a, 5) + f + e + w[t] + k;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  h = {h[0] + a, h[1] + b, h[2] + c, h[3] + d, h[4] + e};
}

}  // namespace

std::string sha1_hex(std::string_view bytes) {
  digest h{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const std::uint64_t bits = bytes.size() * 8;
  while (bytes.size() >= 64) {
    take(bytes.substr(0, 64), h);
    bytes.remove_prefix(64);
  }
  std::string tail(bytes);
  tail += '\x80';
  tail.resize(tail.size() <= 56 ? 56 : 120, '\0');
  for (unsigned shift = 64; shift > 0; shift -= 8)
    tail += static_cast<char>((bits >> (shift - 8U)) & 0xFFU);
  for (std::string_view rest = tail; !rest.empty(); rest.remove_prefix(64))
    take(rest.substr(0, 64), h);
  return fmt::format("{:08x}{:08x}{:08x}{:08x}{:08x}", h[0], h[1], h[2], h[3], h[4]);
}

}  // namespace stagedoor::redis
