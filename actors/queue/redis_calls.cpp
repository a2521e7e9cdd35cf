// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/redis_calls.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/queue/queue_messages.hpp"

namespace stagedoor::actors {

void carry_out(shell& self, redis::client& client, const ask_redis& asked, milliseconds deadline) {
  auto answered = [to = self.address(), ticket = asked.ticket](result<redis::reply> answer) {
    loop_gateway::send(to, queue_event{call_answered{ticket, std::move(answer)}});
  };
  // The client's deadlines are of the real clock, whatever clock this actor lives by.
  const auto until = mono_clock::now() + deadline;
  if (asked.call.script != nullptr)
    client.eval(*asked.call.script, asked.call.keys, asked.call.arguments, until,
                std::move(answered));
  else
    client.command(asked.call.arguments, until, std::move(answered));
}

}  // namespace stagedoor::actors
