// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/target.hpp"

#include "runtime/base/ascii.hpp"

namespace stagedoor::http {
namespace {

constexpr bool is_unreserved(char c) noexcept {
  return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// RFC 3986 section 2.2, and '%' itself: decoding one of these changes what the path means.
constexpr bool is_reserved(char c) noexcept {
  return std::string_view(":/?#[]@!$&'()*+,;=%").find(c) != std::string_view::npos;
}

constexpr char upper_hex(int digit) noexcept {
  return static_cast<char>(digit < 10 ? '0' + digit : 'A' + digit - 10);
}

// One pass that tells whether there is anything to do.
bool is_normal(std::string_view raw) noexcept {
  char before = 0;
  for (const char c : raw) {
    if (c == '%' || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

// Appends |raw| with its escapes in canonical form. False: a malformed one.
bool append_canonical(std::string_view raw, std::string& out) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out.push_back(raw[i]);
      continue;
    }
    if (i + 2 >= raw.size()) return false;
    const int high = ascii::hex_value(raw[i + 1]);
    const int low = ascii::hex_value(raw[i + 2]);
    if (high < 0 || low < 0) return false;
    if (const char c = static_cast<char>(high * 16 + low); is_unreserved(c))
      out.push_back(c);
    else
      out.append({'%', upper_hex(high), upper_hex(low)});
    i += 2;
  }
  return true;
}

// Removes empty and dot segments in place; ".." at the root goes nowhere. A slash at the end stays.
void remove_dot_segments(std::string& path) {
  std::size_t out = 0;  // path[0, out) is the result; every segment in it starts with its slash
  for (std::size_t in = 0; in < path.size();) {
    auto end = path.find('/', in + 1);
    if (end == std::string::npos) end = path.size();
    const std::string_view segment(path.data() + in + 1, end - in - 1);
    if (segment == "..") {
      while (out > 0 && path[--out] != '/') {
      }
    } else if (!segment.empty() && segment != ".") {
      for (std::size_t i = in; i < end; ++i) path[out++] = path[i];
    }
    in = end;
  }
  const bool slash_at_end = path.back() == '/';
  path.resize(out);
  if (out == 0 || slash_at_end) path.push_back('/');
}

}  // namespace

normal_path normalise_path(std::string_view raw, std::string& memory) {
  if (is_normal(raw)) return {true, raw, raw};
  memory.clear();
  if (!append_canonical(raw, memory)) return {};
  remove_dot_segments(memory);
  const std::size_t escaped_size = memory.size();
  if (memory.find('%') == std::string::npos) return {true, memory, memory};

  // The second form follows the first in the same memory, which may not move any more.
  memory.reserve(2 * escaped_size);
  for (std::size_t i = 0; i < escaped_size; ++i) {
    if (memory[i] != '%') {
      memory.push_back(memory[i]);
      continue;
    }
    const char c =
        static_cast<char>(ascii::hex_value(memory[i + 1]) * 16 + ascii::hex_value(memory[i + 2]));
    if (is_reserved(c))
      memory.append({'%', memory[i + 1], memory[i + 2]});
    else
      memory.push_back(c);
    i += 2;
  }
  const std::string_view all = memory;
  return {true, all.substr(0, escaped_size), all.substr(escaped_size)};
}

}  // namespace stagedoor::http
