// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/base64.hpp"

#include <algorithm>
#include <cstdint>

namespace stagedoor::http {
namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  while (!bytes.empty()) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size());
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8U | (i < n ? static_cast<unsigned char>(bytes[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) out += i <= n ? digits[(group >> (18 - 6 * i)) & 63U] : '=';
    bytes.remove_prefix(n);
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const auto value = is_padding ? std::size_t{0} : digits.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    group = group << 6U | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const unsigned shift : {16U, 8U, 0U}) out += static_cast<char>((group >> shift) & 0xffU);
    group = 0;
  }
  // The bits that padding cuts off must be zero, or two texts would mean the same.
  if (padding > 0 && std::any_of(out.end() - static_cast<std::ptrdiff_t>(padding), out.end(),
                                 [](char c) { return c != 0; }))
    return std::nullopt;
  out.resize(out.size() - padding);
  return out;
}

}  // namespace stagedoor::http
