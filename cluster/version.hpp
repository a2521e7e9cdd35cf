// SPDX-License-Identifier: Apache-2.0
// The version, as CMakeLists.txt has it.
#pragma once

namespace stagedoor::cluster {
inline constexpr const char* version = STAGEDOOR_VERSION;
}  // namespace stagedoor::cluster
