// SPDX-License-Identifier: Apache-2.0
// A map with a limit that gives up the entry that was used least recently.
//
// For state about sources that strangers choose: an unbounded map would be theirs to fill.
// Owner: one loop. Bounded by: |limit| entries.
#pragma once

#include <cassert>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace stagedoor::http {

template <class Value>
class recent_map {
 public:
  explicit recent_map(std::size_t limit) : limit_(limit) { assert(limit > 0); }
  recent_map(const recent_map&) = delete;
  recent_map& operator=(const recent_map&) = delete;

  /// The value under |key|, made from |arguments| when it is new. Stays where it is until erased.
  template <class... Arguments>
  Value& use(std::string_view key, Arguments&&... arguments) {
    if (Value* const found = find(key)) return *found;
    if (index_.size() == limit_) {
      drop_oldest();
      ++evicted_;
    }
    order_.emplace_front(key, std::forward<Arguments>(arguments)...);
    index_.emplace(order_.front().key, order_.begin());
    return order_.front().value;
  }

  /// Also makes it the most recent one.
  Value* find(std::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->value;
  }

  /// Drops the least recently used ones while |is_idle| says so, at most |most|.
  template <class IsIdle>
  std::size_t drop_idle(std::size_t most, IsIdle&& is_idle) {
    std::size_t dropped = 0;
    while (dropped < most && !order_.empty() && is_idle(order_.back().value)) {
      drop_oldest();
      ++dropped;
    }
    return dropped;
  }

  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }
  /// How often the limit took an entry that may still have mattered.
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }

 private:
  struct entry {
    template <class... Arguments>
    explicit entry(std::string_view k, Arguments&&... arguments)
        : key(k), value(std::forward<Arguments>(arguments)...) {}
    const std::string key;
    Value value;
  };

  void drop_oldest() {
    index_.erase(order_.back().key);
    order_.pop_back();
  }

  std::size_t limit_;
  std::list<entry> order_;  ///< most recently used first
  std::unordered_map<std::string_view, typename std::list<entry>::iterator> index_;
  std::uint64_t evicted_ = 0;
};

}  // namespace stagedoor::http
