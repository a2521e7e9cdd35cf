// SPDX-License-Identifier: Apache-2.0
// The keeper alone, as the node's program has it: keep-redis <descriptor> <server>.
#include "runtime/redis/lifeline.hpp"

#include <cstdlib>
#include <span>

int main(int argc, char** argv) {
  const std::span arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() != 4) return 2;
  stagedoor::redis::keep(std::atoi(arguments[2]), arguments[3]);
}
