// SPDX-License-Identifier: Apache-2.0
// One alarm of an actor, that can be moved and cancelled.
//
// A delayed message of CAF cannot be taken back and keeps its receiver alive until it fires. This
// alarm numbers its ticks, believes only the newest one, and never sleeps longer than a minute, so
// a stopped actor is freed within that and an alarm for next month costs one message a minute.
//
//   {[this](const messages::tick& t) { if (timer_.due(*this, t)) run(state_.tick(now())); }}
//
// Owner: the actor; use one per actor and let its state keep the list of what is due.
#pragma once

#include "runtime/base/clock.hpp"

#include <cstdint>
#include <optional>

namespace stagedoor::messages {
struct tick;
}

namespace stagedoor::actors {

class shell;

class tick_timer {
 public:
  /// Moves the alarm to `when`; a tick that is under way and comes first is reused.
  void arm(shell& self, mono_time when);
  void cancel() noexcept { when_.reset(); }

  /// True when the alarm is due, which also clears it. Stale and early ticks return false.
  [[nodiscard]] bool due(shell& self, const messages::tick& t);

  [[nodiscard]] std::optional<mono_time> when() const noexcept { return when_; }

 private:
  void send(shell& self);

  std::optional<mono_time> when_;       ///< none = not armed
  std::optional<mono_time> in_flight_;  ///< when the newest tick arrives; none = none is under way
  std::uint64_t generation_ = 0;
};

}  // namespace stagedoor::actors
