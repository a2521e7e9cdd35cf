// SPDX-License-Identifier: Apache-2.0
// The one table that actors build and loops read: sites by host, certificates by server name,
// DNS names by owner.
//
// The problem: a lookup may take no lock and touch no counter that another core touches, an update
// must cost the same with ten teams and with a million, and the publisher must know when every
// loop sees it. So the table is an array of small immutable shards. A writer copies and changes
// the one shard that a key falls into; the changed shards travel to each loop as a delta; each loop
// swaps the pointers in its own top array between two events.
//
// Owner: table_writer one actor; table_view one loop. Runs on: the owner's thread, no locks.
// Bounded by: the writer's owner. Memory: 16 bytes a shard in each view, one node a key shared by
// all.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stagedoor::snapshot {

/// 16,384 shards: 61 keys a shard with a million keys, 256 KiB of top array a view.
inline constexpr unsigned default_shard_bits = 14;

[[nodiscard]] inline std::uint64_t hash_key(std::string_view key) noexcept {
  // FNV-1a finished with a multiply-xor mix, so that the top bits (the shard) are well spread.
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : key) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  h ^= h >> 32;
  h *= 0x9e3779b97f4a7c15ULL;
  return h ^ (h >> 29);
}

/// The top bits of a hash; in two shifts, since there may be no bits at all.
[[nodiscard]] inline std::uint32_t shard_index(std::uint64_t hash, unsigned shift) noexcept {
  return static_cast<std::uint32_t>((hash >> 1U) >> shift);
}

/// A key with its value. Immutable once published; shared by all versions of its shard.
template <class Value>
struct node {
  std::string key;
  Value value;
};

template <class Value>
using node_ptr = std::shared_ptr<const node<Value>>;

/// A few keys, sorted by hash. Immutable.
template <class Value>
class shard {
 public:
  struct entry {
    std::uint64_t hash;
    node_ptr<Value> item;
  };

  [[nodiscard]] const node_ptr<Value>* find(std::uint64_t hash,
                                            std::string_view key) const noexcept {
    auto it = std::lower_bound(entries_.begin(), entries_.end(), hash,
                               [](const entry& e, std::uint64_t h) { return e.hash < h; });
    for (; it != entries_.end() && it->hash == hash; ++it)
      if (it->item->key == key) return &it->item;
    return nullptr;
  }
  [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }

 private:
  template <class>
  friend class table_writer;
  std::vector<entry> entries_;
};

template <class Value>
using shard_ptr = std::shared_ptr<const shard<Value>>;

/// The shards that changed between two versions of a table.
template <class Value>
struct delta {
  std::uint64_t version = 0;  ///< of the table after it
  std::vector<std::pair<std::uint32_t, shard_ptr<Value>>> changed;
};

/// What one loop sees.
template <class Value>
class table_view {
 public:
  explicit table_view(unsigned shard_bits = default_shard_bits)
      : shift_(63 - shard_bits), top_(std::size_t{1} << shard_bits) {}

  /// The value under |key|, or null. Valid until the next apply(); copy the node_ptr to keep it.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept {
    const auto* item = find_node(key);
    return item != nullptr ? &(*item)->value : nullptr;
  }
  [[nodiscard]] const node_ptr<Value>* find_node(std::string_view key) const noexcept {
    const std::uint64_t hash = hash_key(key);
    const auto& s = top_[shard_index(hash, shift_)];
    return s != nullptr ? s->find(hash, key) : nullptr;
  }

  /// Swaps in the changed shards. |on_retired| is called with each node that is no longer in the
  /// table, while it is still alive: the place to end state that hangs on it.
  template <class OnRetired>
  void apply(const delta<Value>& d, OnRetired&& on_retired) {
    for (const auto& [index, fresh] : d.changed) {
      const auto old = std::exchange(top_[index], fresh);
      if (old == nullptr) continue;
      for (const auto& e : old->entries()) {
        const auto* kept = fresh != nullptr ? fresh->find(e.hash, e.item->key) : nullptr;
        if (kept == nullptr || *kept != e.item) on_retired(e.item);
      }
    }
    version_ = d.version;
  }
  void apply(const delta<Value>& d) {
    for (const auto& [index, fresh] : d.changed) top_[index] = fresh;
    version_ = d.version;
  }

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

 private:
  unsigned shift_;  ///< 63 - shard_bits
  std::vector<shard_ptr<Value>> top_;
  std::uint64_t version_ = 0;
};

/// What the publisher changes. Staged changes become visible in the delta that freeze() returns.
template <class Value>
class table_writer {
 public:
  explicit table_writer(unsigned shard_bits = default_shard_bits)
      : shift_(63 - shard_bits), top_(std::size_t{1} << shard_bits) {}

  void put(std::string key, Value value) {
    const std::uint64_t hash = hash_key(key);
    auto& entries = stage(hash).entries_;
    auto item = std::make_shared<const node<Value>>(node<Value>{std::move(key), std::move(value)});
    const auto [first, last] = range(entries, hash);
    for (auto it = first; it != last; ++it)
      if (it->item->key == item->key) {
        it->item = std::move(item);
        return;
      }
    entries.insert(last, {hash, std::move(item)});
    ++size_;
  }

  /// False when there is no such key.
  bool erase(std::string_view key) {
    if (find(key) == nullptr) return false;
    const std::uint64_t hash = hash_key(key);
    auto& entries = stage(hash).entries_;
    const auto [first, last] = range(entries, hash);
    for (auto it = first; it != last; ++it)
      if (it->item->key == key) {
        entries.erase(it);
        --size_;
        return true;
      }
    return false;
  }

  /// The value under |key| with staged changes, or null. Valid until the next change.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept {
    const std::uint64_t hash = hash_key(key);
    const auto index = shard_index(hash, shift_);
    const shard<Value>* s = top_[index].get();
    if (const auto it = staged_.find(index); it != staged_.end()) s = it->second.get();
    const auto* item = s != nullptr ? s->find(hash, key) : nullptr;
    return item != nullptr ? &(*item)->value : nullptr;
  }

  /// Keys, staged changes included.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool dirty() const noexcept { return !staged_.empty(); }
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

  /// Ends the staging: the new shards are immutable from here on.
  [[nodiscard]] delta<Value> freeze() {
    delta<Value> d;
    d.version = ++version_;
    d.changed.reserve(staged_.size());
    for (auto& [index, fresh] : staged_) {
      shard_ptr<Value> frozen = fresh->entries().empty() ? nullptr : std::move(fresh);
      top_[index] = frozen;
      d.changed.emplace_back(index, std::move(frozen));
    }
    staged_.clear();
    return d;
  }

  /// Everything, for a loop that starts late.
  [[nodiscard]] delta<Value> whole() const {
    assert(!dirty());
    delta<Value> d;
    d.version = version_;
    for (std::size_t i = 0; i < top_.size(); ++i)
      if (top_[i] != nullptr) d.changed.emplace_back(static_cast<std::uint32_t>(i), top_[i]);
    return d;
  }

 private:
  using entries_t = std::vector<typename shard<Value>::entry>;

  shard<Value>& stage(std::uint64_t hash) {
    const auto index = shard_index(hash, shift_);
    auto& slot = staged_[index];
    if (slot == nullptr) {
      slot = std::make_shared<shard<Value>>();
      if (top_[index] != nullptr) {
        slot->entries_.reserve(top_[index]->entries_.size() + 1);
        slot->entries_ = top_[index]->entries_;
      }
    }
    return *slot;
  }

  static auto range(entries_t& entries, std::uint64_t hash) {
    using entry = typename shard<Value>::entry;
    const auto first = std::lower_bound(entries.begin(), entries.end(), hash,
                                        [](const entry& e, std::uint64_t h) { return e.hash < h; });
    auto last = first;
    while (last != entries.end() && last->hash == hash) ++last;
    return std::pair{first, last};
  }

  unsigned shift_;  ///< 63 - shard_bits
  std::vector<shard_ptr<Value>> top_;
  std::unordered_map<std::uint32_t, std::shared_ptr<shard<Value>>> staged_;
  std::size_t size_ = 0;
  std::uint64_t version_ = 0;
};

}  // namespace stagedoor::snapshot
