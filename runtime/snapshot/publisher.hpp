// SPDX-License-Identifier: Apache-2.0
// Hands the versions of a table to every loop and knows when they all have it.
//
// At most one delta is on its way at a time; what is staged meanwhile goes out together in the
// next one, so a burst of a thousand changes costs each loop a handful of swaps and the mailboxes
// hold at most one task of each table.
// Owner: one actor. Runs on: the owner's thread; |acked| is called on a loop's thread and must
// only pass the version on to the owner, who then calls acknowledged().
// Bounded by: one delta in flight; waiting callers are the owner's, one a change.
#pragma once

#include "runtime/loop/loop.hpp"
#include "runtime/snapshot/table.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace stagedoor::snapshot {

/// Where a loop receives a table. |apply| runs on the loop's thread.
template <class Value>
struct subscription {
  std::function<bool(loop::task)> post;            ///< loop::post, or a test's stand-in
  std::function<void(const delta<Value>&)> apply;  ///< usually view.apply with a retire hook
};

template <class Value>
class publisher {
 public:
  using ack_handler = std::function<void(std::uint64_t version)>;

  explicit publisher(std::vector<subscription<Value>> loops, ack_handler acked = {},
                     unsigned shard_bits = default_shard_bits)
      : loops_(std::move(loops)), acked_(std::move(acked)), writer_(shard_bits) {}

  /// A new owner takes over, after the old one has ended: a table outlives the actor that writes
  /// it, so that a restart neither empties it nor serves half of it.
  void adopt(ack_handler acked) { acked_ = std::move(acked); }
  /// The version on its way when every loop has it, although nobody was told: what a new owner
  /// asks.
  [[nodiscard]] std::uint64_t arrived_version() const noexcept {
    const bool arrived =
        pending_ != nullptr && pending_->missing.load(std::memory_order_acquire) == 0;
    return arrived ? pending_->change.version : live_;
  }

  /// Change the table here, then call publish().
  [[nodiscard]] table_writer<Value>& table() noexcept { return writer_; }

  /// The version that will hold everything staged so far; it is live when acknowledged() saw it.
  [[nodiscard]] std::uint64_t staged_version() const noexcept {
    return writer_.version() + (writer_.dirty() ? 1 : 0);
  }
  [[nodiscard]] std::uint64_t live_version() const noexcept { return live_; }
  [[nodiscard]] bool in_flight() const noexcept { return writer_.version() != live_; }

  /// Sends what is staged, unless a delta is on its way already (then the acknowledgement does).
  void publish() {
    if (in_flight()) {
      resend();
      return;
    }
    if (!writer_.dirty()) return;
    pending_ = std::make_shared<flight>();
    pending_->change = writer_.freeze();
    pending_->missing = loops_.size();
    unsent_ = loops_.size();
    if (loops_.empty()) acked_(pending_->change.version);
    resend();
  }

  /// The owner received the version from the ack handler. Sends the next delta when there is one.
  void acknowledged(std::uint64_t version) {
    if (version <= live_) return;
    live_ = version;
    pending_.reset();
    publish();
  }

 private:
  struct flight {
    delta<Value> change;
    std::atomic<std::size_t> missing{0};  ///< loops that have not swapped yet
  };

  // A full mailbox refuses the task; the owner calls publish() again (its tick does) and the loops
  // that have not been told yet are told then.
  void resend() {
    while (unsent_ > 0) {
      const auto& to = loops_[unsent_ - 1];
      auto task = [f = pending_, apply = to.apply, acked = acked_] {
        apply(f->change);
        if (f->missing.fetch_sub(1, std::memory_order_acq_rel) == 1) acked(f->change.version);
      };
      if (!to.post(std::move(task))) return;
      --unsent_;
    }
  }

  std::vector<subscription<Value>> loops_;
  ack_handler acked_;
  table_writer<Value> writer_;
  std::shared_ptr<flight> pending_;
  std::size_t unsent_ = 0;  ///< loops that have not been handed pending_
  std::uint64_t live_ = 0;
};

}  // namespace stagedoor::snapshot
