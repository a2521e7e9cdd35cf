// SPDX-License-Identifier: Apache-2.0
#include "actors/supervision/child_table.hpp"

#include <algorithm>
#include <cassert>

namespace stagedoor::supervision {
namespace {

constexpr mono_time never{};
constexpr std::size_t tolerated_outdated_alarms = 64;

constexpr auto later = [](const auto& a, const auto& b) { return a.when > b.when; };

}  // namespace

child& child_table::add(std::string id, origin from, std::uint32_t policy) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back().slot = free_.back();
  }
  auto& c = slots_[free_.back()];
  free_.pop_back();
  c.id = std::move(id);
  c.from = from;
  c.policy = policy;
  c.used = true;
  [[maybe_unused]] const bool fresh = index_.emplace(c.id, c.slot).second;
  assert(fresh);
  return c;
}

void child_table::remove(child& c) {
  clear_deadline(c);
  index_.erase(c.id);
  const auto slot = c.slot;
  const auto starts = c.starts;  // kept, so that no instance number returns
  c = child{};
  c.slot = slot;
  c.starts = starts;
  free_.push_back(slot);
}

child* child_table::find(std::string_view id) {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : &slots_[found->second];
}

child* child_table::find(instance_id instance) {
  const auto slot = static_cast<std::uint32_t>(instance);
  if (slot >= slots_.size()) return nullptr;
  auto& c = slots_[slot];
  return c.used && c.starts > 0 && c.instance() == instance ? &c : nullptr;
}

void child_table::set_deadline(child& c, mono_time when) {
  assert(when != never);
  if (c.deadline == never) ++armed_;
  c.deadline = when;
  alarms_.push_back({when, c.slot});
  std::push_heap(alarms_.begin(), alarms_.end(), later);
  if (alarms_.size() > 4 * armed_ + tolerated_outdated_alarms) drop_outdated();
}

void child_table::clear_deadline(child& c) noexcept {
  if (c.deadline == never) return;
  c.deadline = never;
  --armed_;
}

std::optional<mono_time> child_table::next_deadline() {
  while (!alarms_.empty() && !current(alarms_.front())) {
    std::pop_heap(alarms_.begin(), alarms_.end(), later);
    alarms_.pop_back();
  }
  if (alarms_.empty()) return std::nullopt;
  return alarms_.front().when;
}

child* child_table::take_due(mono_time now) {
  const auto next = next_deadline();
  if (!next || *next > now) return nullptr;
  auto& c = slots_[alarms_.front().slot];
  clear_deadline(c);
  return &c;
}

bool child_table::current(const alarm& a) const noexcept {
  return slots_[a.slot].deadline == a.when;
}

void child_table::drop_outdated() {
  std::erase_if(alarms_, [this](const alarm& a) { return !current(a); });
  std::make_heap(alarms_.begin(), alarms_.end(), later);
}

}  // namespace stagedoor::supervision
