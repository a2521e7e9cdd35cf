// SPDX-License-Identifier: Apache-2.0
// Carries out ask_redis effects for an actor: the answer comes back to it as a queue_event.
// Runs on: the scheduler; the client's loop answers. On failure: the answer is a fault.
#pragma once

#include "actors/queue/redis_call.hpp"
#include "actors/support/shell.hpp"
#include "runtime/redis/client.hpp"

namespace stagedoor::actors {

void carry_out(shell& self, redis::client& client, const ask_redis& asked, milliseconds deadline);

}  // namespace stagedoor::actors
