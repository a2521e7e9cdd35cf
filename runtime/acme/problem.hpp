// SPDX-License-Identifier: Apache-2.0
// Why a CA refused, in its own words (RFC 7807, RFC 8555 6.7), and what that means for trying
// again.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/client/message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::acme {

struct problem {
  std::string type;  ///< without the prefix "urn:ietf:params:acme:error:"
  std::string detail;
  unsigned status = 0;
  std::string identifier;  ///< the name concerned, of a subproblem
  std::vector<problem> subproblems;
};

/// What a failure asks of the one who tries again.
enum class failure_class : std::uint8_t {
  rate_limited,  ///< the CA said when
  validation,    ///< the CA could not reach or read the challenge: DNS, firewall, name not ours yet
  rejected,      ///< trying again does not help: names the CA will not issue for, CAA, paused
  account,       ///< the account is missing, refused, or has to agree to something
  order,         ///< the order is gone or spoilt; a new one may go through
  server,        ///< the CA or the way to it has trouble
};

[[nodiscard]] std::string_view to_string(failure_class c) noexcept;

struct failure {
  failure_class what = failure_class::server;
  fault why;                           ///< for people: one sentence with the CA's own words
  std::optional<problem> said;         ///< by the CA, when it said anything
  std::optional<seconds> retry_after;  ///< what the CA asked for
};

/// On failure: malformed.
[[nodiscard]] result<problem> parse_problem(std::string_view json_text);

[[nodiscard]] failure_class class_of(const problem& p) noexcept;

/// An answer that is not a success, whatever its body.
[[nodiscard]] failure failure_from(const client::response& answer, std::string_view doing);
/// A problem found inside an order or a challenge.
[[nodiscard]] failure failure_from(problem said, std::string_view doing);
/// No answer at all.
[[nodiscard]] failure failure_from(fault why);

/// Seconds, or a date compared with the answer's own Date; at most a week.
[[nodiscard]] std::optional<seconds> retry_after(const client::response& answer);

}  // namespace stagedoor::acme
