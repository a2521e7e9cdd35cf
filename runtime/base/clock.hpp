// SPDX-License-Identifier: Apache-2.0
// The two clocks of the program, by name.
//
// Anything that waits or expires takes a mono_time as an argument, so that tests hand in virtual
// time; only loops, actor shells and main() read a clock.
#pragma once

#include <chrono>

namespace stagedoor {

using mono_clock = std::chrono::steady_clock;
using mono_time = mono_clock::time_point;
using wall_clock = std::chrono::system_clock;
using wall_time = wall_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace stagedoor
