// SPDX-License-Identifier: Apache-2.0
// The text of a rule as a tree, before anything is decided about its matchers' arguments.
//
// Runs on: any thread. Bounded by: max_rule_bytes, max_rule_depth, max_rule_matchers.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

enum class matcher_kind : std::uint8_t {
  host,
  host_regexp,
  path,
  path_prefix,
  path_regexp,
  method,
  header,
  header_regexp,
  query,
  query_regexp,
  client_ip,
};

[[nodiscard]] std::string_view to_string(matcher_kind kind) noexcept;

struct rule_node {
  enum class kind : std::uint8_t { matcher, all_of, any_of, not_of };

  kind what = kind::matcher;
  matcher_kind matcher = matcher_kind::host;
  std::vector<std::string> arguments;  ///< of a matcher: one or two, none empty
  std::vector<rule_node> children;     ///< of the others: not_of has one, the rest two or more
  std::size_t column = 1;              ///< of its first byte, from 1
};

/// On failure: malformed, invalid or too_large, "column N: expected ..., got ...".
[[nodiscard]] result<rule_node> parse_rule_syntax(std::string_view text);

/// The fault that rules report.
[[nodiscard]] fault rule_fault(fault_kind kind, std::size_t column, std::string_view detail);

}  // namespace stagedoor::http
