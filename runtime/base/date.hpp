// SPDX-License-Identifier: Apache-2.0
// Days for people, in UTC: "2026-11-24".
// Runs on: any thread.
#pragma once

#include "runtime/base/clock.hpp"

#include <string>

namespace stagedoor {

[[nodiscard]] std::string date_of(wall_time at);

}  // namespace stagedoor
