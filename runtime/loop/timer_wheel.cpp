// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace stagedoor {

void timer::cancel() noexcept {
  if (wheel_ != nullptr) wheel_->unhang(*this);
}

timer_wheel::~timer_wheel() {
  for (auto& level : heads_)
    for (auto* head : level)
      while (head != nullptr) {
        timer* next = head->next_;
        head->wheel_ = nullptr;
        head = next;
      }
}

std::uint64_t timer_wheel::to_tick(mono_time at) const noexcept {
  if (at <= epoch_) return 0;
  // Rounded up, so that nothing fires before its deadline.
  const auto ticks = std::chrono::ceil<milliseconds>(at - epoch_).count();
  return static_cast<std::uint64_t>(ticks);
}

void timer_wheel::arm(timer& t, mono_time deadline) noexcept {
  t.cancel();
  t.tick_ = std::max(to_tick(deadline), current_ + 1);
  hang(t);
}

void timer_wheel::hang(timer& t) noexcept {
  // The level is that of the highest slot group in which the tick differs from now; a tick beyond
  // the horizon hangs as far out as possible and is hung up again when its slot comes.
  const std::uint64_t tick = std::min(t.tick_, current_ + horizon);
  const std::uint64_t differs = tick ^ current_;
  unsigned level =
      differs == 0 ? 0 : (63U - static_cast<unsigned>(std::countl_zero(differs))) / slot_bits;
  level = std::min(level, levels - 1);
  const auto slot = static_cast<unsigned>((tick >> (level * slot_bits)) & (slots - 1));

  t.wheel_ = this;
  t.level_ = static_cast<std::uint8_t>(level);
  t.slot_ = static_cast<std::uint8_t>(slot);
  t.previous_ = nullptr;
  t.next_ = heads_[level][slot];
  if (t.next_ != nullptr) t.next_->previous_ = &t;
  heads_[level][slot] = &t;
  occupied_[level] |= 1ULL << slot;
  ++size_;
}

void timer_wheel::unhang(timer& t) noexcept {
  if (t.previous_ != nullptr)
    t.previous_->next_ = t.next_;
  else
    heads_[t.level_][t.slot_] = t.next_;
  if (t.next_ != nullptr) t.next_->previous_ = t.previous_;
  if (heads_[t.level_][t.slot_] == nullptr) occupied_[t.level_] &= ~(1ULL << t.slot_);
  t.wheel_ = nullptr;
  --size_;
}

void timer_wheel::cascade(unsigned level) {
  const auto slot = static_cast<unsigned>((current_ >> (level * slot_bits)) & (slots - 1));
  if (slot == 0 && level + 1 < levels) cascade(level + 1);
  while (timer* t = heads_[level][slot]) {
    unhang(*t);
    hang(*t);  // never the same slot: its own turn has just begun, and the horizon ends before the
               // next
  }
}

void timer_wheel::advance(mono_time now) {
  // Time that has not fully passed does not count: round down.
  if (now <= epoch_) return;
  const auto target =
      static_cast<std::uint64_t>(std::chrono::floor<milliseconds>(now - epoch_).count());
  while (current_ < target) {
    if (size_ == 0) {
      current_ = target;
      return;
    }
    // Jump over empty slots of the innermost level up to its next turn.
    const auto slot = static_cast<unsigned>(current_ & (slots - 1));
    const std::uint64_t ahead = slot == slots - 1 ? 0 : occupied_[0] >> (slot + 1);
    const std::uint64_t turn = (current_ | (slots - 1)) + 1;
    std::uint64_t next = turn;
    if (ahead != 0) next = current_ + 1 + static_cast<unsigned>(std::countr_zero(ahead));
    if (next > target) {
      current_ = target;
      return;
    }
    current_ = next;
    if ((current_ & (slots - 1)) == 0) cascade(1);
    const auto due = static_cast<unsigned>(current_ & (slots - 1));
    while (timer* t = heads_[0][due]) {
      unhang(*t);
      if (t->tick_ > current_) {
        hang(*t);
        continue;
      }
      // The callback may destroy the timer; the function itself must outlive its own call.
      const auto fire = t->on_fire_;
      fire();
    }
  }
}

std::optional<milliseconds> timer_wheel::until_next(mono_time now) const noexcept {
  if (size_ == 0) return std::nullopt;
  std::uint64_t next = current_ + horizon;
  for (unsigned level = 0; level < levels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = level * slot_bits;
    const auto slot = static_cast<unsigned>((current_ >> shift) & (slots - 1));
    // Slots after the current one come in this turn of the level, the others in the next.
    const std::uint64_t later = slot == slots - 1 ? 0 : occupied_[level] >> (slot + 1);
    std::uint64_t distance;
    if (later != 0)
      distance = 1 + static_cast<unsigned>(std::countr_zero(later));
    else
      distance = slots - slot + static_cast<unsigned>(std::countr_zero(occupied_[level]));
    next = std::min(next, ((current_ >> shift) + distance) << shift);
  }
  const mono_time at = epoch_ + milliseconds(next);
  return at <= now ? milliseconds(0) : std::chrono::ceil<milliseconds>(at - now);
}

}  // namespace stagedoor
