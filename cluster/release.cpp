// SPDX-License-Identifier: Apache-2.0
#include "cluster/release.hpp"

namespace stagedoor::cluster {

const char* version() noexcept { return STAGEDOOR_VERSION; }

// Raise |highest| with the first message of a new version, |lowest| one release later.
link::protocol_range spoken() noexcept { return {.lowest = 1, .highest = 1}; }

}  // namespace stagedoor::cluster
