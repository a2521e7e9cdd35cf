// SPDX-License-Identifier: Apache-2.0
// The scripts of queue_scripts, filled in for one task: which keys, which words, in which order.
#pragma once

#include "actors/queue/redis_call.hpp"
#include "actors/queue/task.hpp"
#include "actors/queue/task_runner.hpp"
#include "runtime/base/clock.hpp"

#include <string>
#include <string_view>

namespace stagedoor::actors {

/// An item in a processing list of ours. |what| holds only raw and queue when it could not be
/// parsed.
struct held_task {
  const task& what;
  const std::string& processing;
  seconds ttl;  ///< of the task's hash
};

enum class final_status : std::uint8_t { completed, failed };
enum class was_begun : std::uint8_t { no, yes };

[[nodiscard]] redis_call begin_call(const held_task& t, const std::string& token,
                                    std::uint32_t max_deliveries);
[[nodiscard]] redis_call progress_call(const held_task& t, const task_progress& p,
                                       std::uint32_t percentage);
[[nodiscard]] redis_call finish_call(const held_task& t, final_status status,
                                     const task_outcome& outcome);
/// |due| as queue_scripts::put_off() takes it.
[[nodiscard]] redis_call put_off_call(const held_task& t, std::string due, std::string status,
                                      std::string_view message);
[[nodiscard]] redis_call give_back_call(const held_task& t, was_begun begun);
/// |kept|: how many dead letters of the queue are kept.
[[nodiscard]] redis_call bury_call(const held_task& t, std::string_view reason, std::size_t kept);

}  // namespace stagedoor::actors
