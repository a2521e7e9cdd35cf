// SPDX-License-Identifier: Apache-2.0
// One line of key=value pairs per event.
//
// Keys are the same everywhere: team= node= conn= order= queue= zone= fence= error=. Values with
// blanks, quotes or control characters are quoted and escaped, so nothing from outside can forge a
// second line.
// Runs on: any thread. Bounded by: the sink blocks; nothing is logged per request or per query.
#pragma once

#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

namespace stagedoor::log {

enum class level : unsigned char { debug, info, warning, error, off };

/// One pair of a line: `log::info("site published", {{"team", slug}, {"took_us", "812"}})`.
struct pair {
  template <class T>
  pair(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
  std::string_view key;
  std::string value;
};

using pairs = std::initializer_list<pair>;

void set_level(level minimum) noexcept;
[[nodiscard]] bool enabled(level l) noexcept;

/// Where lines go: standard error until told otherwise.
void to_file(const std::string& path);

void debug(std::string_view event, pairs values = {});
void info(std::string_view event, pairs values = {});
void warning(std::string_view event, pairs values = {});
void error(std::string_view event, pairs values = {});

/// `text` as it stands in a log line: itself, or quoted and escaped where it must be.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace stagedoor::log
