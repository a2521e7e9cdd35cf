// SPDX-License-Identifier: Apache-2.0
// CAF's settings for a control plane: few messages, no idle cost, nobody starves.
//
// CAF's defaults poll when idle (work stealing), let one busy mailbox own a thread for ever, and
// read settings from a file in the working directory. None of that happens here. Owner: main(),
// before the actor system. cluster/ adds the settings of the io module.
#pragma once

#include "configs/defaults.hpp"

#include <caf/actor_system_config.hpp>

#include <cstdint>

namespace stagedoor::actors {

struct system_options {
  std::uint32_t threads = defaults::actor_threads;  ///< scheduler threads; loops have their own
  std::uint32_t throughput =
      defaults::actor_throughput;  ///< messages an actor handles before others get a turn
  enum class scheduling : std::uint8_t { shared, testing } policy = scheduling::shared;
};

/// Also registers every message of messages/type_ids.hpp.
class system_config : public caf::actor_system_config {
 public:
  explicit system_config(const system_options& options = {});
};

}  // namespace stagedoor::actors
