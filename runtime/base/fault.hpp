// SPDX-License-Identifier: Apache-2.0
// What went wrong, who caused it, and whether trying again can help.
//
// Every function that can fail because of something outside the program returns a result<T> that
// holds a fault. Programmer errors are asserted instead; nothing a client, tenant, file, Redis or
// peer does may reach an assertion.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stagedoor {

enum class fault_kind : std::uint8_t {
  malformed,    ///< bytes that do not follow their grammar
  invalid,      ///< well-formed, but a value is not allowed
  too_large,    ///< exceeds a named limit
  not_found,    ///< names something that does not exist
  refused,      ///< the other side said no, or policy forbids it
  unreachable,  ///< no connection to the other side
  timed_out,    ///< a deadline passed
  closed,       ///< the other side went away in the middle
  overloaded,   ///< a queue or budget is full
  conflict,     ///< exists already, or changed underneath
  stale,        ///< a fencing number was too old
  unsupported,  ///< known, but not implemented here
  internal,     ///< a defect or an exhausted machine
};

enum class fault_side : std::uint8_t { client, upstream, peer, store, operator_input, self };

enum class retryable : std::uint8_t { no, yes };

struct fault {
  fault_kind kind = fault_kind::internal;
  fault_side side = fault_side::self;
  retryable retry = retryable::no;
  std::string detail;  ///< one sentence for a person: what was expected, what came
};

[[nodiscard]] std::string_view to_string(fault_kind kind) noexcept;
[[nodiscard]] std::string_view to_string(fault_side side) noexcept;
/// "upstream unreachable: connect 127.0.0.1:9001: connection refused"
[[nodiscard]] std::string to_string(const fault& f);

/// A fault from errno: `what` names the attempted call and its object.
[[nodiscard]] fault errno_fault(fault_side side, std::string_view what, int error_number);

}  // namespace stagedoor
