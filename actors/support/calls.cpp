// SPDX-License-Identifier: Apache-2.0
#include "actors/support/calls.hpp"

#include <caf/actor_clock.hpp>
#include <caf/duration.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include <cassert>

namespace stagedoor::actors {

// Both overtake the backlog: a busy actor must be able to keep its stop deadline.
void stop(const caf::actor& who) {
  tell(who, caf::exit_msg{who.address(), caf::exit_reason::user_shutdown}, urgency::urgent);
}

void kill(const caf::actor& who) {
  tell(who, caf::exit_msg{who.address(), caf::exit_reason::kill}, urgency::urgent);
}

// Not self->request(): in CAF 0.17 it ignores the priority it is given, and the question how deep a
// mailbox is would wait at the end of it.
caf::message_id send_request(caf::event_based_actor* self, const caf::actor& to,
                             caf::message message, milliseconds deadline, urgency how) {
  assert(deadline > milliseconds::zero());
  const auto fresh = self->new_request_id(caf::message_priority::normal);
  const auto id =
      how == urgency::urgent ? fresh.with_high_priority() : fresh.with_normal_priority();
  if (to) {
    to->enqueue(self->ctrl(), id, std::move(message), self->context());
    self->request_response_timeout(caf::duration{deadline}, id);
  } else {
    self->enqueue(self->ctrl(), id.response_id(),
                  caf::make_message(caf::make_error(caf::sec::invalid_argument)), self->context());
  }
  return id.response_id();
}

void forget_timeout(caf::event_based_actor* self, caf::message_id id) {
  self->clock().cancel_request_timeout(self, id);
}

}  // namespace stagedoor::actors
