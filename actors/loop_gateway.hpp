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
#include <caf/send.hpp>
#include <caf/weak_intrusive_ptr.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace stagedoor::actors {

/// A version of the receiver's table is in every loop.
struct table_live {
  std::uint64_t version = 0;
};

class loop_gateway {
 public:
  /// Tells |to| of each version that became live.
  [[nodiscard]] static std::function<void(std::uint64_t)> version_sink(const caf::actor& to) {
    return [address = to.address()](std::uint64_t version) { send(address, table_live{version}); };
  }

  /// Answers |caller| with what |convert| makes of the outcome. The callback is copyable, as the
  /// loops want it, and called once.
  template <class Outcome, class Reply, class Convert>
  [[nodiscard]] static std::function<void(result<Outcome>)> answer(promise<Reply> caller, Convert convert) {
    return [shared = std::make_shared<promise<Reply>>(std::move(caller)),
            convert](result<Outcome> outcome) {
      auto reply = convert(std::move(outcome));
      if (reply)
        shared->deliver(*std::move(reply));
      else
        shared->fail(reply.error());
    };
  }

  /// Sends |message| to the actor behind |to|, if it still lives.
  template <class Message>
  static void send(const caf::actor_addr& to, Message message) {
    if (const auto target = caf::actor_cast<caf::actor>(to)) caf::anon_send(target, std::move(message));
  }
};

}  // namespace stagedoor::actors
