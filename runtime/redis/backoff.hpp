// SPDX-License-Identifier: Apache-2.0
// How long to wait before trying again: decorrelated jitter, so that a thousand clients of a
// server that comes back do not come back together.
//
// Each delay is drawn between the base and three times the one before, and capped.
#pragma once

#include "runtime/base/clock.hpp"

#include <algorithm>
#include <random>

namespace stagedoor::redis {

class backoff {
 public:
  backoff(milliseconds base, milliseconds cap) : base_(base), cap_(cap), last_(base) {}

  template <class Random>
  [[nodiscard]] milliseconds next(Random& random) {
    const auto high = std::max(base_.count(), std::min(cap_.count(), last_.count() * 3));
    last_ =
        milliseconds(std::uniform_int_distribution<milliseconds::rep>(base_.count(), high)(random));
    return last_;
  }
  void reset() noexcept { last_ = base_; }

 private:
  milliseconds base_;
  milliseconds cap_;
  milliseconds last_;
};

}  // namespace stagedoor::redis
