// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/date.hpp"

#include <fmt/chrono.h>

namespace stagedoor {

std::string date_of(wall_time at) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(wall_clock::to_time_t(at)));
}

}  // namespace stagedoor
