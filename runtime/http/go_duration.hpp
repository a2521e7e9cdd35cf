// SPDX-License-Identifier: Apache-2.0
// Durations as Go prints them: "1.5s", "250ms", "1m0.5s", "0s".
#pragma once

#include <chrono>
#include <string>

namespace stagedoor::http {

[[nodiscard]] std::string go_duration(std::chrono::nanoseconds d);

}  // namespace stagedoor::http
