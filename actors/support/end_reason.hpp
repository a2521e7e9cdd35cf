// SPDX-License-Identifier: Apache-2.0
// Why an actor ended, in words that a supervisor can decide on and a person can read.
//
// CAF reports an error code of some category, and drops the text of an exception on the way. Here
// a crash keeps its text from the throw to the log line, the supervisor's tree and the caller's
// fault; and a fault survives the trip through an actor's reply unchanged.
// Runs on: any thread.
#pragma once

#include "runtime/base/fault.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <string>

namespace stagedoor::actors {

enum class end_kind : std::uint8_t {
  normal,       ///< its work was done
  shutdown,     ///< it was asked to stop, and did
  killed,       ///< it was ended without being asked
  crashed,      ///< an exception or a fault ended it
  unreachable,  ///< it was on a node that cannot be reached any more
};

struct end_reason {
  end_kind kind = end_kind::normal;
  std::string text;  ///< what(), or the fault; empty unless crashed or unreachable

  bool operator==(const end_reason&) const = default;
};

/// "normal", "shutdown", "killed", "unreachable", or the text of the crash.
[[nodiscard]] std::string to_string(const end_reason& reason);

[[nodiscard]] end_reason end_reason_of(const caf::error& error);
[[nodiscard]] caf::error to_error(const end_reason& reason);

/// A fault as an actor's reply or its reason to quit, and back again without loss.
[[nodiscard]] caf::error to_error(const fault& f);

/// Any error as a fault. Kinds, besides those an actor replied itself: timed_out, closed (the
/// receiver ended before it answered), unsupported (no handler for the message, or not this
/// reply), unreachable (no receiver), internal (it crashed while answering; with the text).
[[nodiscard]] fault to_fault(const caf::error& error);

}  // namespace stagedoor::actors
