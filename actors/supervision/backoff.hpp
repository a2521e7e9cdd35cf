// SPDX-License-Identifier: Apache-2.0
// How long to wait before the n-th try, with jitter.
#pragma once

#include "actors/supervision/child_spec.hpp"

#include <algorithm>
#include <cstdint>

namespace stagedoor::supervision {

class backoff {
 public:
  backoff(const backoff_options& options, std::uint64_t seed) : options_(options), random_(seed) {}

  /// `attempt` 0 waits min, each further one twice as long up to max; ± jitter, never above max.
  [[nodiscard]] milliseconds wait(std::uint32_t attempt) {
    const auto doubled = options_.min.count() << std::min(attempt, max_doublings);
    const auto plain = std::min<std::int64_t>(doubled, options_.max.count());
    const auto spread = plain * options_.jitter_percent / 100;
    if (spread == 0) return milliseconds{plain};
    const auto offset =
        static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(2 * spread + 1));
    return milliseconds{std::min<std::int64_t>(plain - spread + offset, options_.max.count())};
  }

 private:
  static constexpr std::uint32_t max_doublings = 20;

  /// splitmix64: enough for jitter, and the same everywhere for a seed.
  std::uint64_t next() noexcept {
    auto z = random_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  backoff_options options_;
  std::uint64_t random_;
};

}  // namespace stagedoor::supervision
