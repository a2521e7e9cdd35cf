// SPDX-License-Identifier: Apache-2.0
// A router's rule, e.g. Host(`a.example`) && (PathPrefix(`/api`) || Header("X-Api", "1")).
//
// The text is Go's expression syntax as Traefik v3 reads it: && binds tighter than ||, ! tighter
// than both; arguments are Go string literals in backticks or double quotes. It is compiled into
// steps that jump to the next test to make, so that matching is a loop without recursion and a
// negation costs nothing. Regular expressions are RE2's: linear time whatever the request says.
//
// Owner: a route. Runs on: any thread; immutable, copies share the program.
// Bounded by: max_rule_bytes, max_rule_depth, max_rule_matchers, regexp_memory.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/request_facts.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

inline constexpr std::size_t max_rule_bytes = 64U << 10U;
inline constexpr std::size_t max_rule_depth = 128;      ///< nested parentheses and negations
inline constexpr std::size_t max_rule_matchers = 4096;  ///< of one rule

class rule {
 public:
  /// Matches nothing.
  rule() = default;

  /// On failure: malformed (grammar), invalid (a value that a matcher refuses) or too_large; the
  /// detail starts with "column N: " (bytes, from 1) and says what was expected.
  [[nodiscard]] static result<rule> parse(std::string_view text);

  /// No allocation unless QueryRegexp meets a value above 256 bytes.
  [[nodiscard]] bool matches(const request_facts& request) const;

  [[nodiscard]] std::string_view text() const noexcept;
  /// Of the same text, and so with the same matches.
  bool operator==(const rule& other) const noexcept { return text() == other.text(); }

  /// The rule's length in bytes: longer rules come first unless a priority is configured.
  [[nodiscard]] std::int64_t default_priority() const noexcept {
    return static_cast<std::int64_t>(text().size());
  }

  /// Every Host value anywhere in the rule, even under a negation, without duplicates: the names
  /// that certificates are wanted for. `*` is left out.
  [[nodiscard]] const std::vector<std::string>& hosts() const noexcept;

  /// The sites this rule must be listed in so that looking up a request's host, `*.` and its
  /// parent, and "" finds every rule that a linear scan would. {""} when no set of hosts is
  /// needed for a match.
  [[nodiscard]] const std::vector<std::string>& sites() const noexcept;

  struct program;

 private:
  explicit rule(std::shared_ptr<const program> p) noexcept : program_(std::move(p)) {}

  std::shared_ptr<const program> program_;
};

}  // namespace stagedoor::http
