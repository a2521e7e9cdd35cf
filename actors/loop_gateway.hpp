// SPDX-License-Identifier: Apache-2.0
// The only way out of a loop into the actors.
//
// One of the two places where the planes meet (the other is runtime/loop/mailbox): makes plain
// callbacks, for a loop to call, that send a message to an actor. They hold a weak handle, so a
// loop never keeps a dead actor alive, and sending to one is silence.
// Runs on: made anywhere; the callbacks run on a loop's thread and never block.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/local_messages.hpp"
#include "runtime/base/result.hpp"

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/weak_intrusive_ptr.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace stagedoor::actors {

/// A version of the receiver's table is in every loop.
struct table_live {
  std::uint64_t version = 0;
};

class loop_gateway {
  /// Lives for one question.
  template <class Reply, class Message>
  class asker final : public caf::event_based_actor {
   public:
    asker(caf::actor_config& cfg, const caf::actor& to, Message message, milliseconds deadline,
          std::function<void(result<Reply>)> answered)
        : caf::event_based_actor(cfg) {
      actors::ask<Reply>(
          this, to, std::move(message), deadline,
          [answered](Reply& reply) { answered(std::move(reply)); },
          [answered](const fault& f) { answered(f); });
    }
  };

 public:
  /// Tells |to| of each version that became live.
  [[nodiscard]] static std::function<void(std::uint64_t)> version_sink(const caf::actor& to) {
    return [address = to.address()](std::uint64_t version) { send(address, table_live{version}); };
  }

  /// Answers |caller| with what |convert| makes of the outcome. The callback is copyable, as the
  /// loops want it, and called once.
  template <class Outcome, class Reply, class Convert>
  [[nodiscard]] static std::function<void(result<Outcome>)> answer(promise<Reply> caller,
                                                                   Convert convert) {
    return [shared = std::make_shared<promise<Reply>>(std::move(caller)),
            convert](result<Outcome> outcome) {
      auto reply = convert(std::move(outcome));
      if (reply)
        shared->deliver(*std::move(reply));
      else
        shared->fail(reply.error());
    };
  }

  /// Answers |caller| with what |loops| answers of several loops add up to. Each loop calls its
  /// copy of the returned function once, on its own thread.
  template <class Reply, class Part>
  [[nodiscard]] static std::function<void(Part)> gather(promise<Reply> caller, std::size_t loops,
                                                        std::function<void(Reply&, Part)> add) {
    struct sum {
      std::mutex mutex;
      promise<Reply> caller;
      Reply reply;
      std::size_t missing;
    };
    const auto shared = std::make_shared<sum>();
    shared->caller = std::move(caller);
    shared->missing = loops;
    return [shared, add = std::move(add)](Part part) {
      const std::lock_guard lock(shared->mutex);
      add(shared->reply, std::move(part));
      if (--shared->missing == 0) shared->caller.deliver(std::move(shared->reply));
    };
  }

  /// Asks |to| from outside of the actors; |done| runs once, on the scheduler.
  template <class Reply, class Message>
  static void ask(caf::actor_system& system, const caf::actor& to, Message message,
                  milliseconds deadline, std::function<void(result<Reply>)> done) {
    system.spawn<asker<Reply, Message>>(to, std::move(message), deadline, std::move(done));
  }

  /// Sends |message| to the actor behind |to|, if it still lives.
  template <class Message>
  static void send(const caf::actor_addr& to, Message message) {
    if (const auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, std::move(message));
  }
};

}  // namespace stagedoor::actors
