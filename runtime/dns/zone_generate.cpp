// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/zone_generate.hpp"

#include "runtime/base/ascii.hpp"

#include <fmt/format.h>

namespace stagedoor::dns {
namespace {

constexpr std::int64_t max_width = 255;  // more fits into no name

fault malformed(std::string_view what, std::string_view got) {
  return {fault_kind::malformed, fault_side::operator_input, retryable::no,
          fmt::format("$GENERATE: expected {}, got '{}'", what, got)};
}

result<std::string> format_value(std::string_view modifier, std::uint32_t value) {
  const auto parts = ascii::split(modifier, ',');
  if (parts.size() > 3) return malformed("${offset,width,base}", modifier);
  const bool negative = parts[0].starts_with('-');
  const auto offset = ascii::parse_number<std::int64_t>(negative ? parts[0].substr(1) : parts[0]);
  const auto width = parts.size() > 1 ? ascii::parse_number<std::int64_t>(parts[1]) : 0;
  const std::string_view base = parts.size() > 2 ? parts[2] : "d";
  if (!offset || *offset > 0xffffffff || !width || *width > max_width)
    return malformed("${offset,width,base}", modifier);
  const std::int64_t number = std::int64_t{value} + (negative ? -*offset : *offset);
  if (number < 0) return malformed("a value of at least 0", modifier);
  if (base == "d") return fmt::format("{:0{}d}", number, *width);
  if (base == "o") return fmt::format("{:0{}o}", number, *width);
  if (base == "x") return fmt::format("{:0{}x}", number, *width);
  if (base == "X") return fmt::format("{:0{}X}", number, *width);
  return malformed("base d, o, x or X", base);
}

}  // namespace

result<generate_range> parse_generate_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (dash == std::string_view::npos) return malformed("a range first-last[/step]", text);
  const auto first = ascii::parse_number<std::uint32_t>(text.substr(0, dash));
  const auto last = ascii::parse_number<std::uint32_t>(
      text.substr(dash + 1, slash == std::string_view::npos ? slash : slash - dash - 1));
  const auto step = slash == std::string_view::npos
                        ? std::optional<std::uint32_t>(1)
                        : ascii::parse_number<std::uint32_t>(text.substr(slash + 1));
  if (!first || !last || !step || *step == 0 || *last < *first || *last > 0x7fffffffU)
    return malformed("a range first-last[/step]", text);
  return generate_range{*first, *last, *step};
}

result<std::string> expand_generate(std::string_view pattern, std::uint32_t value) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (c == '\\' && next == '$') {
      out += "\\$";
      ++i;
    } else if (c != '$') {
      out.push_back(c);
    } else if (next == '$') {
      out += "\\$";
      ++i;
    } else if (next == '{') {
      const auto close = pattern.find('}', i);
      if (close == std::string_view::npos) return malformed("'}'", pattern);
      auto text = format_value(pattern.substr(i + 2, close - i - 2), value);
      if (!text) return text;
      out += *text;
      i = close;
    } else {
      out += std::to_string(value);
    }
  }
  return out;
}

}  // namespace stagedoor::dns
