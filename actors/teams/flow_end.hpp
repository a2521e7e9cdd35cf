// SPDX-License-Identifier: Apache-2.0
// How a flow leaves its team.
#pragma once

#include <cstdint>

namespace stagedoor::actors {

enum class flow_end : std::uint8_t {
  settled,  ///< as was said with its steps
  unsure,   ///< it failed half-way: what is stored now is to be made so
};

}  // namespace stagedoor::actors
