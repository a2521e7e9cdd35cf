// SPDX-License-Identifier: Apache-2.0
// Counts restarts in a sliding window.
//
// Bounded by: intensity + 1 time stamps.
#pragma once

#include "actors/supervision/child_spec.hpp"

#include <deque>

namespace stagedoor::supervision {

class restart_window {
 public:
  /// Counts a restart at `now`. False when there are now more than `budget` allows: a restart
  /// exactly one period old still counts.
  [[nodiscard]] bool charge(const restart_budget& budget, mono_time now) {
    while (!restarts_.empty() && now - restarts_.front() > budget.period) restarts_.pop_front();
    restarts_.push_back(now);
    if (restarts_.size() <= budget.intensity) return true;
    restarts_.pop_front();
    return false;
  }

 private:
  std::deque<mono_time> restarts_;  ///< oldest first
};

}  // namespace stagedoor::supervision
