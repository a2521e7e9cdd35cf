// SPDX-License-Identifier: Apache-2.0
// A token bucket that can be overdrawn: who comes too early is told how long to wait.
//
// The arithmetic of Go's x/time/rate: tokens flow in at a rate up to the burst; a request takes one
// and waits for what is missing, unless the wait would be longer than it may be, in which case it
// takes none.
// Runs on: any; a value of 16 bytes.
#pragma once

#include "runtime/base/clock.hpp"

#include <algorithm>
#include <chrono>

namespace stagedoor::http {

struct bucket_limits {
  double rate = 1;   ///< tokens a second, above 0
  double burst = 1;  ///< at least 1
  std::chrono::nanoseconds longest_wait{0};
};

class token_bucket {
 public:
  /// Full.
  token_bucket(const bucket_limits& limits, mono_time now) noexcept
      : tokens_(limits.burst), at_(now) {}

  struct reservation {
    bool granted = false;
    std::chrono::nanoseconds wait{0};  ///< until it may go; if not granted, until a token is there
  };

  [[nodiscard]] reservation take(const bucket_limits& limits, mono_time now) noexcept {
    refill(limits, now);
    const double after = tokens_ - 1;
    reservation r;
    if (after < 0)
      r.wait = std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>(-after / limits.rate));
    r.granted = r.wait <= limits.longest_wait;
    if (r.granted) tokens_ = after;
    return r;
  }

  /// As good as new: nothing is lost when it is forgotten.
  [[nodiscard]] bool is_full(const bucket_limits& limits, mono_time now) const noexcept {
    return tokens_ + flow(limits, now) >= limits.burst;
  }

 private:
  [[nodiscard]] double flow(const bucket_limits& limits, mono_time now) const noexcept {
    return now > at_ ? std::chrono::duration<double>(now - at_).count() * limits.rate : 0;
  }
  void refill(const bucket_limits& limits, mono_time now) noexcept {
    tokens_ = std::min(limits.burst, tokens_ + flow(limits, now));
    if (now > at_) at_ = now;
  }

  double tokens_;  ///< negative: that many are owed
  mono_time at_;   ///< when tokens_ was right
};

}  // namespace stagedoor::http
