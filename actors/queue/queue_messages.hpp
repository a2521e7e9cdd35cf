// SPDX-License-Identifier: Apache-2.0
// What the loop tells the actors of the queues; never leaves the node.
#pragma once

#include "actors/queue/redis_call.hpp"
#include "actors/support/local_messages.hpp"
#include "runtime/base/result.hpp"
#include "runtime/redis/reply.hpp"

#include <string>
#include <variant>

namespace stagedoor::actors {

struct item_popped {
  std::string queue;
  std::string raw;
};
struct pop_went_idle {
  std::string queue;
};
/// A pop lost its connection with an item possibly on its way.
struct pop_in_doubt {
  std::string queue;
};
struct call_answered {
  call_ticket ticket = 0;
  result<redis::reply> answer;
};

struct queue_event {
  std::variant<item_popped, pop_went_idle, pop_in_doubt, call_answered> what;
};

}  // namespace stagedoor::actors
