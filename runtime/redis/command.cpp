// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/command.hpp"

#include <array>
#include <charconv>

namespace stagedoor::redis {
namespace {

std::size_t digits(std::size_t n) noexcept {
  std::size_t count = 1;
  for (; n >= 10; n /= 10) ++count;
  return count;
}

void append_header(char mark, std::size_t n, std::string& out) {
  std::array<char, 24> buffer{};
  buffer[0] = mark;
  char* end = std::to_chars(buffer.data() + 1, buffer.data() + buffer.size() - 2, n).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(buffer.data(), end);
}

}  // namespace

std::size_t encoded_size(std::span<const std::string> words) noexcept {
  std::size_t size = 3 + digits(words.size());
  for (const auto& word : words) size += 5 + digits(word.size()) + word.size();
  return size;
}

void encode(std::span<const std::string> words, std::string& out) {
  append_header('*', words.size(), out);
  for (const auto& word : words) {
    append_header('$', word.size(), out);
    out += word;
    out += "\r\n";
  }
}

}  // namespace stagedoor::redis
