// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/path_rewrite.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::http {
namespace {

/// Bytes that stand in a path as they are (RFC 3986 section 3.3); '%' is left alone, so that what
/// is escaped already stays so.
bool stays(char c) noexcept {
  constexpr std::string_view marks = "-._~!$&'()*+,;=:@/%";
  return ascii::is_alpha(c) || ascii::is_digit(c) || marks.find(c) != std::string_view::npos;
}

std::string escaped(std::string_view path) {
  std::string out;
  if (!path.starts_with('/')) out += '/';
  for (const char c : path) {
    if (stays(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

bool has_dot_segment(std::string_view path) noexcept {
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
  return false;
}

std::string_view with_slash(exchange& x, std::string_view rest) {
  if (rest.empty()) return "/";
  return rest.front() == '/' ? rest : x.memory.join({"/", rest});
}

verdict take_prefix(exchange& x, std::string_view said, std::size_t taken) {
  const std::string_view rest = with_slash(x, x.edits.path.substr(taken));
  // What is left of "/api../x" without "/api" would climb out of where it is sent.
  if (has_dot_segment(rest)) {
    x.answer.status = 400;
    x.answer.body = "Bad Request";
    return verdict::respond;
  }
  x.edits.fields.add("X-Forwarded-Prefix", said);
  x.edits.set_path(rest);
  return verdict::proceed;
}

}  // namespace

std::size_t decoded_prefix(std::string_view path, std::string_view plain) noexcept {
  std::size_t at = 0;
  for (const char want : plain) {
    if (at == path.size()) return 0;
    if (path[at] == want) {
      ++at;
      continue;
    }
    if (path[at] != '%' || path.size() - at < 3) return 0;
    const int high = ascii::hex_value(path[at + 1]);
    const int low = ascii::hex_value(path[at + 2]);
    if (high < 0 || low < 0 || high * 16 + low != static_cast<unsigned char>(want)) return 0;
    at += 3;
  }
  return at;
}

verdict strip_prefix::on_request(exchange& x) const {
  for (const auto& prefix : prefixes_)
    if (const auto taken = decoded_prefix(x.edits.path, prefix); taken > 0)
      return take_prefix(x, prefix, taken);
  return verdict::proceed;
}

verdict strip_prefix_regex::on_request(exchange& x) const {
  for (const auto& pattern : patterns_)
    if (const auto taken = pattern.match_start(x.edits.path); taken > 0)
      return take_prefix(x, x.edits.path.substr(0, taken), taken);
  return verdict::proceed;
}

add_prefix::add_prefix(std::string qualified_name, std::string_view prefix)
    : middleware(std::move(qualified_name)), prefix_(escaped(prefix)) {}

verdict add_prefix::on_request(exchange& x) const {
  x.edits.set_path(x.memory.join({prefix_, x.edits.path}));
  return verdict::proceed;
}

replace_path::replace_path(std::string qualified_name, std::string_view path)
    : middleware(std::move(qualified_name)), path_(escaped(path)) {}

verdict replace_path::on_request(exchange& x) const {
  x.edits.fields.set("X-Replaced-Path", x.edits.path);
  x.edits.set_path(path_);
  return verdict::proceed;
}

verdict replace_path_regex::on_request(exchange& x) const {
  if (!pattern_.search(x.edits.path)) return verdict::proceed;
  x.edits.fields.set("X-Replaced-Path", x.edits.path);
  x.edits.set_path(x.memory.copy(escaped(pattern_.replace_all(x.edits.path, replacement_))));
  return verdict::proceed;
}

}  // namespace stagedoor::http
