// SPDX-License-Identifier: Apache-2.0
// When a site was last asked for, by any lane: what an actor goes by that takes idle sites out.
//
// A time written by every request would travel between the cores with each of them. So it is
// coarse: seconds, written only when it would move by stamp_every or more, and read otherwise.
// Owner: shared by the actor that publishes the site and by its versions. Runs on: any thread.
#pragma once

#include "runtime/base/clock.hpp"

#include <atomic>
#include <cstdint>

namespace stagedoor::http {

class site_use {
 public:
  /// Uses closer together than this count as one; an idle time is known to this precision.
  static constexpr seconds stamp_every{8};

  /// A site that is published counts as used at |now|.
  explicit site_use(mono_time now) noexcept : last_(coarse(now)) {}

  void stamp(mono_time now) noexcept {
    const auto at = coarse(now);
    const auto last = last_.load(std::memory_order_relaxed);
    // As a signed distance: another lane may have read its clock a moment later.
    if (static_cast<std::int32_t>(at - last) >= static_cast<std::int32_t>(stamp_every.count()))
      last_.store(at, std::memory_order_relaxed);
  }

  /// Since the last use; less than stamp_every too long at most, never negative.
  [[nodiscard]] seconds idle(mono_time now) const noexcept {
    const auto passed =
        static_cast<std::int32_t>(coarse(now) - last_.load(std::memory_order_relaxed));
    return seconds(passed > 0 ? passed : 0);
  }

 private:
  static std::uint32_t coarse(mono_time t) noexcept {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<seconds>(t.time_since_epoch()).count());
  }

  std::atomic<std::uint32_t> last_;
};

}  // namespace stagedoor::http
