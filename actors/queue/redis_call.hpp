// SPDX-License-Identifier: Apache-2.0
// A script or command that a state wants run, as a value; and the ticket its answer comes back
// with.
#pragma once

#include "runtime/redis/script.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::actors {

using call_ticket = std::uint64_t;

struct redis_call {
  const redis::script* script = nullptr;  ///< null = |arguments| are the words of a command
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
};

/// Effect: run |call| and hand the answer to the state's answered(). One answer, always.
struct ask_redis {
  call_ticket ticket = 0;
  redis_call call;
};

}  // namespace stagedoor::actors
