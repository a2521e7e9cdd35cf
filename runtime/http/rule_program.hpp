// SPDX-License-Identifier: Apache-2.0
// A rule compiled: tests that jump to the next test, to rule_accept or to rule_reject.
//
// Owner: the copies of a rule. Runs on: any thread; immutable.
#pragma once

#include "runtime/http/ip_range.hpp"
#include "runtime/http/regexp.hpp"
#include "runtime/http/rule.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

enum class rule_test : std::uint8_t {
  host,        ///< equals first
  host_below,  ///< one label in front of first
  any_host,    ///< always
  some_host,   ///< there is one
  host_regexp,
  path,
  path_prefix,
  path_regexp,
  method,
  header,  ///< any value under first equals second
  header_regexp,
  query,  ///< any value under first equals second
  query_regexp,
  client_ip,
};

inline constexpr std::uint32_t rule_accept = 0xffff'ffff;
inline constexpr std::uint32_t rule_reject = 0xffff'fffe;

struct rule_step {
  rule_test test = rule_test::any_host;
  std::uint32_t index = 0;  ///< into patterns or ranges
  std::uint32_t on_true = rule_accept;
  std::uint32_t on_false = rule_reject;
  std::string_view first;  ///< into program::literals
  std::string_view second;
};

struct rule::program {
  std::string text;
  std::string literals;  ///< what the steps compare with; never grows after it was reserved
  std::vector<rule_step> steps;
  std::uint32_t entry = rule_reject;
  std::vector<regexp> patterns;
  std::vector<ip_range> ranges;
  std::vector<std::string> hosts;
  std::vector<std::string> sites;
};

/// See rule::parse.
[[nodiscard]] result<std::shared_ptr<const rule::program>> compile_rule(std::string_view text);

}  // namespace stagedoor::http
