// SPDX-License-Identifier: Apache-2.0
// A run of the simulator: a cluster of 5 to 200 nodes, half a minute in which everything that can
// go wrong does, then calm, in which it must heal.
#pragma once

#include "tests/sim/world.hpp"

namespace stagedoor::test {

struct simulation_report {
  std::string failure;  ///< "" = passed
  std::size_t nodes = 0;
  std::size_t ids = 0;
  micros healed{0};  ///< after the last fault, until everything desired ran again
  micros placed{0};  ///< and until it ran where it should
  world_counters counters;
};

/// All of it follows from |seed|.
[[nodiscard]] simulation_report simulate(std::uint64_t seed);

}  // namespace stagedoor::test
