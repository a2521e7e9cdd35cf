// SPDX-License-Identifier: Apache-2.0
// The few messages that every actor understands without saying so.
//
// actors/support answers report_actor and consumes tick for all actors.
#pragma once

#include "messages/type_ids.hpp"

#include <cstdint>
#include <string>

namespace stagedoor::messages {

/// The reply to an order that has nothing else to say.
struct done {
  bool operator==(const done&) const = default;
};
MESSAGE_FIELDS(done)

/// An actor's own clock: sent by a tick_timer to the actor that owns it.
struct tick {
  std::uint64_t generation = 0;  ///< only the newest generation counts
};
MESSAGE_FIELDS(tick, generation)

/// Asks any actor how it is. Replies: actor_report.
struct report_actor {};
MESSAGE_FIELDS(report_actor)

struct actor_report {
  std::string name;                 ///< the kind of actor, as in its log lines
  std::uint64_t mailbox_depth = 0;  ///< messages waiting behind the question
  std::uint64_t unexpected = 0;     ///< messages that it had no handler for, since its start
};
MESSAGE_FIELDS(actor_report, name, mailbox_depth, unexpected)

}  // namespace stagedoor::messages
