// SPDX-License-Identifier: Apache-2.0
// Blocks of memory for bytes on their way, shared by all connections of one loop.
//
// A connection that waits holds no block; one that moves bytes takes the block that was used last,
// so a loop's working set stays in the cache however many connections it has.
// Owner: an edge (pool), a connection or transaction (buffer). Runs on: one loop.
// Bounded by: a buffer holds one block; the pool keeps at most max_kept free ones of each size.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace stagedoor::http {

class buffer_pool {
 public:
  static constexpr std::size_t small_bytes = 16U << 10U;  ///< heads, and bodies that trickle
  static constexpr std::size_t large_bytes = 64U << 10U;  ///< bodies that fill a small one
  static constexpr std::size_t max_kept = 256;

  buffer_pool() = default;
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;

  struct block {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
  };

  /// A block of at least |size| bytes; its content is undefined.
  [[nodiscard]] block take(std::size_t size) {
    if (size <= small_bytes) return take(small_, small_bytes);
    if (size <= large_bytes) return take(large_, large_bytes);
    return {std::make_unique_for_overwrite<char[]>(size), size};
  }
  void give(block b) {
    if (b.capacity == small_bytes) {
      if (small_.size() < max_kept) small_.push_back(std::move(b));
    } else if (b.capacity == large_bytes) {
      if (large_.size() < max_kept) large_.push_back(std::move(b));
    }
  }

 private:
  static block take(std::vector<block>& kept, std::size_t size) {
    if (kept.empty()) return {std::make_unique_for_overwrite<char[]>(size), size};
    block b = std::move(kept.back());
    kept.pop_back();
    return b;
  }

  std::vector<block> small_;
  std::vector<block> large_;
};

/// Bytes that were received and not yet used, or composed and not yet sent.
class buffer {
 public:
  explicit buffer(buffer_pool& pool) noexcept : pool_(&pool) {}
  ~buffer() { release(); }
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;

  [[nodiscard]] std::string_view data() const noexcept {
    return {block_.bytes.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return block_.capacity; }

  /// Where more bytes may be written; commit() says how many were.
  [[nodiscard]] std::span<char> space() noexcept {
    return {block_.bytes.get() + end_, block_.capacity - end_};
  }
  void commit(std::size_t n) noexcept {
    assert(n <= block_.capacity - end_);
    end_ += n;
  }
  void consume(std::size_t n) noexcept {
    assert(n <= size());
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Makes room for |n| more bytes. Moves what is there: views into it end. Nothing to do is cheap.
  void reserve(std::size_t n) {
    if (block_.capacity - end_ >= n) return;
    const std::size_t held = size();
    if (block_.capacity >= held + n) {
      std::memmove(block_.bytes.get(), block_.bytes.get() + begin_, held);
    } else {
      auto larger = pool_->take(held + n);
      if (held != 0) std::memcpy(larger.bytes.get(), block_.bytes.get() + begin_, held);
      if (block_.capacity != 0) pool_->give(std::move(block_));
      block_ = std::move(larger);
    }
    begin_ = 0;
    end_ = held;
  }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    reserve(bytes.size());
    std::memcpy(block_.bytes.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  /// Forgets what is there and gives the block back.
  void release() noexcept {
    begin_ = end_ = 0;
    if (block_.capacity == 0) return;
    pool_->give(std::exchange(block_, {}));
  }
  void swap(buffer& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

 private:
  buffer_pool* pool_;
  buffer_pool::block block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace stagedoor::http
