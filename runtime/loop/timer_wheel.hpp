// SPDX-License-Identifier: Apache-2.0
// Deadlines by the hundred thousand: arming and cancelling are O(1) and allocate nothing.
//
// A proxy re-arms a deadline on nearly every event of every connection, and almost none of them
// fires. So timers are intrusive and hang in a hierarchical wheel: four levels of 64 slots, one
// tick a millisecond; a timer moves down at most three times before it fires.
// Owner: a loop (or a test, with virtual time). Runs on: that one thread.
// Bounded by: the objects that contain the timers. Deadlines beyond about 4.6 hours fire early
// inside the wheel and are hung up again, so any deadline is exact to the tick.
#pragma once

#include "runtime/base/clock.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace stagedoor {

class timer_wheel;

/// One deadline. Disarms itself when it goes away.
class timer {
 public:
  /// |on_fire| runs on the wheel's thread, at most once per arming; it may re-arm or destroy the
  /// timer.
  explicit timer(std::function<void()> on_fire) : on_fire_(std::move(on_fire)) {}
  ~timer() { cancel(); }
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;

  [[nodiscard]] bool armed() const noexcept { return wheel_ != nullptr; }
  void cancel() noexcept;

 private:
  friend class timer_wheel;
  std::function<void()> on_fire_;
  timer_wheel* wheel_ = nullptr;  ///< null = not armed
  timer* previous_ = nullptr;
  timer* next_ = nullptr;
  std::uint64_t tick_ = 0;  ///< when to fire, in ticks since the wheel's epoch
  std::uint8_t level_ = 0;
  std::uint8_t slot_ = 0;
};

class timer_wheel {
 public:
  explicit timer_wheel(mono_time epoch) : epoch_(epoch) {}
  ~timer_wheel();
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;

  /// Fires at the first advance() that reaches |deadline|; replaces an earlier arming.
  void arm(timer& t, mono_time deadline) noexcept;

  /// Fires everything due at |now|, in order of tick.
  void advance(mono_time now);

  /// Until the next tick at which advance() has something to do; nothing when no timer is armed.
  [[nodiscard]] std::optional<milliseconds> until_next(mono_time now) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  friend class timer;
  static constexpr unsigned levels = 4;
  static constexpr unsigned slot_bits = 6;
  static constexpr unsigned slots = 1U << slot_bits;
  static constexpr std::uint64_t horizon = (1ULL << (levels * slot_bits)) - 1;

  [[nodiscard]] std::uint64_t to_tick(mono_time at) const noexcept;
  void hang(timer& t) noexcept;
  void unhang(timer& t) noexcept;
  void cascade(unsigned level);

  mono_time epoch_;
  std::uint64_t current_ = 0;  ///< last tick that was fired
  std::size_t size_ = 0;
  std::array<std::array<timer*, slots>, levels> heads_{};
  std::array<std::uint64_t, levels> occupied_{};  ///< one bit a non-empty slot
};

}  // namespace stagedoor
