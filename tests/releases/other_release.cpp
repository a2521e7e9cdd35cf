// SPDX-License-Identifier: Apache-2.0
// Takes the place of cluster/release.cpp: the same program, as another release would be.
#include "cluster/release.hpp"

namespace stagedoor::cluster {

const char* version() noexcept { return OTHER_VERSION; }

link::protocol_range spoken() noexcept {
  return {.lowest = OTHER_LOWEST, .highest = OTHER_HIGHEST};
}

}  // namespace stagedoor::cluster
