// SPDX-License-Identifier: Apache-2.0
// The only way into a loop from another thread.
//
// One of the two places where the planes meet (the other is actors/loop_gateway): a bounded queue
// of tasks with an eventfd that wakes the loop once, however many tasks are waiting.
// Owner: a loop. Runs on: push() any thread; drain() the loop's.
// Bounded by: |limit| tasks. On failure: push() returns false, the task is not run.
#pragma once

#include "runtime/base/unique_fd.hpp"

#include <functional>
#include <mutex>
#include <vector>

namespace stagedoor {

class mailbox {
 public:
  using task = std::function<void()>;

  explicit mailbox(std::size_t limit);

  [[nodiscard]] int fd() const noexcept { return wake_.get(); }
  /// False when full or closed.
  [[nodiscard]] bool push(task t);
  /// Runs everything that was waiting when it was called, in order.
  void drain();
  /// Refuses further tasks; those already waiting are still drained.
  void close();

 private:
  const std::size_t limit_;
  unique_fd wake_;
  std::mutex mutex_;
  std::vector<task> waiting_;  ///< guarded by mutex_
  bool closed_ = false;        ///< guarded by mutex_
  std::vector<task> running_;  ///< loop thread only; keeps its capacity between turns
};

}  // namespace stagedoor
