// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/open_questions.hpp"

#include <cassert>
#include <utility>

namespace stagedoor::snapshot {

// -- waiters ---------------------------------------------------------------------------------------

void name_waiter::stop_waiting() noexcept {
  if (for_ != nullptr) for_->owner.leave(*this);
}

void open_questions::join(open_question& q, name_waiter& who) noexcept {
  assert(!who.waiting());
  who.for_ = &q;
  who.previous_ = q.last;
  who.next_ = nullptr;
  (q.last != nullptr ? q.last->next_ : q.first) = &who;
  q.last = &who;
  ++waiters_;
}

void open_questions::leave(name_waiter& who) noexcept {
  auto& q = *who.for_;
  (who.previous_ != nullptr ? who.previous_->next_ : q.first) = who.next_;
  (who.next_ != nullptr ? who.next_->previous_ : q.last) = who.previous_;
  who.for_ = nullptr;
  --waiters_;
}

open_questions::~open_questions() {
  for (auto& q : open_)
    while (q.first != nullptr) leave(*q.first);
}

// -- questions -------------------------------------------------------------------------------------

open_questions::verdict open_questions::ask(std::string_view name, name_waiter& who,
                                            mono_time now) {
  if (known_unknown(name, now)) {
    ++counters_.unknown;
    return {activation::unknown};
  }
  const auto found = by_name_.find(name);
  const bool is_new = found == by_name_.end();
  if (waiters_ >= options_.waiters || (is_new && open_.size() >= options_.in_flight)) {
    ++counters_.refused;
    return {activation::failed};
  }
  ++counters_.parked;
  if (!is_new) {
    join(*found->second, who);
    return {};
  }
  open_.push_back({*this, std::string(name), ++last_number_, now + options_.deadline});
  const auto fresh = std::prev(open_.end());
  by_name_.emplace(fresh->name, fresh);
  by_number_.emplace(fresh->number, fresh);
  join(*fresh, who);
  ++counters_.questions;
  return {std::nullopt, fresh->number};
}

void open_questions::answer(std::uint64_t question, activation outcome, mono_time now) {
  const auto found = by_number_.find(question);
  if (found == by_number_.end()) return;  // came too late
  const auto it = found->second;
  // First, since those who are told may ask again.
  if (outcome == activation::unknown && !it->outdated) remember(it->name, now);
  settle(it, outcome);
}

void open_questions::expire(mono_time now) {
  // Questions that are asked by those who are told stand behind, with a later deadline.
  while (!open_.empty() && open_.front().deadline <= now) settle(open_.begin(), activation::failed);
}

void open_questions::settle(questions::iterator it, activation outcome) {
  questions over;  // keeps the waiters in a list while they are told, so that any may leave it
  over.splice(over.begin(), open_, it);
  by_name_.erase(it->name);
  by_number_.erase(it->number);
  while (it->first != nullptr) {
    auto& who = *it->first;
    leave(who);
    switch (outcome) {
      case activation::active: ++counters_.activated; break;
      case activation::unknown: ++counters_.unknown; break;
      case activation::failed: ++counters_.failed; break;
    }
    who.name_answered(outcome);
  }
}

std::optional<mono_time> open_questions::next_deadline() const noexcept {
  if (open_.empty()) return std::nullopt;
  return open_.front().deadline;
}

// -- names that do not exist -----------------------------------------------------------------------

bool open_questions::known_unknown(std::string_view name, mono_time now) {
  const auto found = unknown_.find(name);
  return found != unknown_.end() && found->second->until > now;
}

// All are remembered for the same time, so those at the front end first: two are looked at for each
// that comes, and nobody has to come round to clean up.
void open_questions::remember(std::string name, mono_time now) {
  for (int i = 0; i < 2 && !order_.empty() && order_.front().until <= now; ++i) drop_oldest();
  if (const auto found = unknown_.find(name); found != unknown_.end()) {
    found->second->until = now + options_.remember_unknown;
    order_.splice(order_.end(), order_, found->second);
    return;
  }
  if (options_.unknown == 0) return;
  if (unknown_.size() >= options_.unknown) drop_oldest();
  order_.push_back({std::move(name), now + options_.remember_unknown});
  unknown_.emplace(order_.back().name, std::prev(order_.end()));
}

void open_questions::drop_oldest() {
  unknown_.erase(order_.front().name);
  order_.pop_front();
}

void open_questions::forget(std::string_view name) {
  if (const auto found = unknown_.find(name); found != unknown_.end()) {
    const auto it = found->second;
    unknown_.erase(found);
    order_.erase(it);
  }
  if (const auto found = by_name_.find(name); found != by_name_.end())
    found->second->outdated = true;
}

}  // namespace stagedoor::snapshot
