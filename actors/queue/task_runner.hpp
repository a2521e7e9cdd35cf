// SPDX-License-Identifier: Apache-2.0
// Where the queue ends and the work begins: what a task's handler is told and may say.
//
// A task is delivered at least once. A handler is therefore idempotent by the task's id, and hands
// its delivery number to whatever it changes outside, which refuses lower numbers.
#pragma once

#include "actors/queue/task.hpp"
#include "runtime/base/fault.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace stagedoor::actors {

/// One run of one task on this node.
using run_id = std::uint64_t;

struct task_progress {
  std::uint32_t step = 0;
  std::uint32_t total_steps = 0;
  std::string message;
  std::optional<std::uint32_t> percentage;  ///< none = step of total_steps
};

/// How a run ended. Exactly one of: no fault = completed; a retryable fault = again later, with
/// backoff; malformed, invalid, too_large, unsupported = a dead letter; any other = failed.
struct task_outcome {
  std::string message;
  std::string result;  ///< JSON, or empty
  std::optional<fault> error;
};

/// Runs tasks; each run ends in one call of the queue's finished(), unless it is cancelled.
class task_runner {
 public:
  virtual ~task_runner() = default;
  virtual void start(run_id run, const task& what) = 0;
  /// The task is somebody else's by now, or the node stops: end the work, report nothing more.
  virtual void cancel(run_id run) = 0;
  /// Progress that came by message, under the task's id.
  virtual void heard(const std::string& task_id, const task_progress& p) = 0;
};

}  // namespace stagedoor::actors
