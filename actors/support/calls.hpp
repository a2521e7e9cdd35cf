// SPDX-License-Identifier: Apache-2.0
// How actors talk: tell, ask, after, stop, kill, and the promise of a later reply.
//
// CAF's own calls allow what this project does not: a request without a deadline, one without an
// error handler, one that stops everything else while it waits, an answer to something that was not
// a question, and a promise that is dropped in silence. None of them can be written with these.
// CAF 1.x names all of this differently; this is the file to rewrite then.
// Runs on: the scheduler, inside an actor's handler; tell(to, ...) and stop/kill from any thread.
#pragma once

#include "actors/support/end_reason.hpp"
#include "configs/defaults.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/make_message.hpp>
#include <caf/response_handle.hpp>
#include <caf/response_promise.hpp>
#include <caf/result.hpp>
#include <caf/send.hpp>

#include <cassert>
#include <utility>

namespace stagedoor::actors {

/// No wait is longer than this; see tick_timer for what happens later.
inline constexpr seconds longest_wait = defaults::longest_actor_wait;

enum class urgency : std::uint8_t { normal, urgent };  ///< urgent = ahead of the backlog

// -- sending --------------------------------------------------------------------

/// Fire and forget. The receiver sees no sender, so nothing comes back; ask() where it should.
template <class Message>
void tell(const caf::actor& to, Message message, urgency how = urgency::normal) {
  if (!to) return;
  const auto priority =
      how == urgency::urgent ? caf::message_priority::high : caf::message_priority::normal;
  to->enqueue(nullptr, caf::make_message_id(priority), caf::make_message(std::move(message)),
              nullptr);
}

/// Sends `message` to itself after `delay`, at most longest_wait. It cannot be taken back: give it
/// a generation number, or use a tick_timer.
template <class Message>
void after(caf::event_based_actor* self, milliseconds delay, Message message) {
  assert(delay <= longest_wait);
  caf::delayed_anon_send(caf::actor{self}, delay, std::move(message));
}

/// Orders an actor to stop, or ends it without asking.
void stop(const caf::actor& who);
void kill(const caf::actor& who);

// -- asking ---------------------------------------------------------------------

/// The part of ask() that is the same for all types: returns the id of the answer.
caf::message_id send_request(caf::event_based_actor* self, const caf::actor& to,
                             caf::message message, milliseconds deadline, urgency how);

/// The answer with this id has come. CAF would keep the timeout, and with it the actor, until it is
/// due: a burst of answered questions would hold memory for as long as their deadlines.
void forget_timeout(caf::event_based_actor* self, caf::message_id id);

/// Exactly one of the handlers is called, within `deadline`: `on_reply(Reply&)` or
/// `on_fault(const fault&)` (the kinds of to_fault). Neither is called once `self` has ended.
template <class Reply, class Message, class OnReply, class OnFault>
void ask(caf::event_based_actor* self, const caf::actor& to, Message message, milliseconds deadline,
         OnReply on_reply, OnFault on_fault, urgency how = urgency::normal) {
  const auto id = send_request(self, to, caf::make_message(std::move(message)), deadline, how);
  caf::response_handle<caf::event_based_actor, caf::message, false>{id, self}.then(
      [self, id, on_reply = std::move(on_reply)](Reply& reply) mutable {
        forget_timeout(self, id);
        on_reply(reply);
      },
      [self, id, on_fault = std::move(on_fault)](const caf::error& error) mutable {
        forget_timeout(self, id);
        on_fault(to_fault(error));
      });
}

// -- answering ------------------------------------------------------------------

/// A handler's reply from what the state class returned: `return reply(state_.add(m));`.
template <class T>
[[nodiscard]] caf::result<T> reply(result<T> outcome) {
  if (!outcome) return to_error(outcome.error());
  return std::move(outcome).value();
}

/// A reply that is given later. Made inside the handler of the question, which then returns void;
/// dropped without deliver() or fail() it answers `closed` instead of leaving the caller to wait.
/// Unlike CAF's own it holds neither the actor that made it nor the one that asked: an actor that
/// ends with promises in its members would otherwise never be freed. The asker lives at least until
/// it is answered, or its deadline, since its timeout holds it.
template <class T>
class promise {
 public:
  promise() = default;  ///< answers nobody
  explicit promise(caf::local_actor* self) {
    const auto made = self->make_response_promise();
    asker_ = caf::actor_cast<caf::weak_actor_ptr>(made.next());
    id_ = made.id().response_id();
  }
  promise(promise&& other) noexcept : asker_(std::move(other.asker_)), id_(other.id_) {}
  promise& operator=(promise&& other) noexcept {
    if (this != &other) {
      abandon();
      asker_ = std::move(other.asker_);
      id_ = other.id_;
    }
    return *this;
  }
  promise(const promise&) = delete;
  promise& operator=(const promise&) = delete;
  ~promise() { abandon(); }

  void deliver(T value) { send(caf::make_message(std::move(value))); }
  void fail(const fault& f) { send(caf::make_message(to_error(f))); }
  [[nodiscard]] bool pending() const { return asker_ != nullptr; }

 private:
  void abandon() {
    if (pending())
      fail({fault_kind::closed, fault_side::self, retryable::yes, "no answer was given"});
  }
  void send(caf::message answer) {
    const auto asker = std::exchange(asker_, nullptr);
    if (const auto to = caf::actor_cast<caf::strong_actor_ptr>(asker))
      to->enqueue(nullptr, id_, std::move(answer), nullptr);
  }

  caf::weak_actor_ptr asker_;  ///< none = answered, or nobody asked
  caf::message_id id_;         ///< of the answer
};

}  // namespace stagedoor::actors
