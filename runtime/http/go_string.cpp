// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/go_string.hpp"

#include "runtime/base/ascii.hpp"

#include <cstdint>
#include <optional>

namespace stagedoor::http {
namespace {

fault bad(std::string_view detail) {
  return {fault_kind::malformed, fault_side::operator_input, retryable::no, std::string(detail)};
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto tail = [&](unsigned shift) {
    out.push_back(static_cast<char>(0x80U | ((c >> shift) & 0x3fU)));
  };
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0U | (c >> 6U)));
    tail(0);
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0U | (c >> 12U)));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0U | (c >> 18U)));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::optional<char> simple_escape(char c) noexcept {
  switch (c) {
    case 'a': return '\a';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    case '\\': return '\\';
    case '"': return '"';
    default: return std::nullopt;
  }
}

/// The escape whose letter is text[at], behind the backslash. Go: \xHH and \OOO are bytes, \uHHHH
/// and \UHHHHHHHH are code points.
bool read_escape(std::string_view text, std::size_t& at, std::string& out) {
  const char letter = text[at];
  if (const auto c = simple_escape(letter)) {
    out.push_back(*c);
    ++at;
    return true;
  }
  std::size_t digits = 0;
  int base = 16;
  switch (letter) {
    case 'x': digits = 2; break;
    case 'u': digits = 4; break;
    case 'U': digits = 8; break;
    default: digits = 3; base = 8;
  }
  const std::size_t first = base == 8 ? at : at + 1;
  if (first + digits > text.size()) return false;
  const auto value = ascii::parse_number<std::uint32_t>(text.substr(first, digits), base);
  if (!value) return false;
  if (letter == 'u' || letter == 'U') {
    if (*value > 0x10ffff || (*value >= 0xd800 && *value < 0xe000)) return false;
    append_utf8(out, *value);
  } else {
    if (*value > 0xff) return false;
    out.push_back(static_cast<char>(*value));
  }
  at = first + digits;
  return true;
}

result<std::string> read_raw(std::string_view text, std::size_t& at) {
  const auto end = text.find('`', at + 1);
  if (end == std::string_view::npos) {
    at = text.size();
    return bad("expected a closing backtick, got the end of the rule");
  }
  std::string out;
  for (const char c : text.substr(at + 1, end - at - 1))
    if (c != '\r') out.push_back(c);  // as Go does
  at = end + 1;
  return out;
}

result<std::string> read_quoted(std::string_view text, std::size_t& at) {
  std::string out;
  for (++at; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      ++at;
      return out;
    }
    if (c == '\n') return bad("expected a closing double quote on the same line");
    if (c != '\\') {
      out.push_back(c);
      ++at;
      continue;
    }
    const std::size_t backslash = at++;
    if (at == text.size()) break;
    if (!read_escape(text, at, out)) {
      at = backslash;
      return bad("expected an escape of Go's string literals after the backslash");
    }
  }
  at = text.size();
  return bad("expected a closing double quote, got the end of the rule");
}

}  // namespace

result<std::string> read_go_string(std::string_view text, std::size_t& at) {
  if (at < text.size() && text[at] == '`') return read_raw(text, at);
  if (at < text.size() && text[at] == '"') return read_quoted(text, at);
  return fault{fault_kind::not_found, fault_side::operator_input, retryable::no,
               "expected a string literal"};
}

}  // namespace stagedoor::http
