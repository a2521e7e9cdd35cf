// SPDX-License-Identifier: Apache-2.0
#include "actors/support/tick_timer.hpp"

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "messages/support.hpp"

#include <algorithm>

namespace stagedoor::actors {

void tick_timer::arm(shell& self, mono_time when) {
  when_ = when;
  if (!in_flight_ || *in_flight_ > when) send(self);
}

bool tick_timer::due(shell& self, const messages::tick& t) {
  if (t.generation != generation_) return false;
  in_flight_.reset();
  if (!when_) return false;
  if (self.now() < *when_) return send(self), false;
  when_.reset();
  return true;
}

void tick_timer::send(shell& self) {
  // Rounded up to a whole millisecond: a tick that comes early would only be sent again.
  const auto wait = std::chrono::ceil<milliseconds>(*when_ - self.now());
  const auto delay = std::clamp<milliseconds>(wait, milliseconds{0}, longest_wait);
  in_flight_ = self.now() + delay;
  after(&self, delay, messages::tick{++generation_});
}

}  // namespace stagedoor::actors
