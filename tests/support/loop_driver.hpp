// SPDX-License-Identifier: Apache-2.0
// Runs a loop on the test's own thread until something is true.
#pragma once

#include "runtime/loop/loop.hpp"

namespace stagedoor::test {

/// Turns |l| until |done| says so; false when it took longer than |limit|.
template <class Predicate>
[[nodiscard]] bool turn_until(loop& l, Predicate done, milliseconds limit = milliseconds(10'000)) {
  const auto end = mono_clock::now() + limit;
  while (!done()) {
    if (mono_clock::now() >= end) return false;
    l.turn(milliseconds(10));
  }
  return true;
}

/// Turns |l| for a while in which nothing particular is awaited.
inline void turn_for(loop& l, milliseconds span) {
  (void)turn_until(
      l, [] { return false; }, span);
}

}  // namespace stagedoor::test
