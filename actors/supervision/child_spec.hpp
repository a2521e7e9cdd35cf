// SPDX-License-Identifier: Apache-2.0
// What a supervisor is told about its children: how each starts, stops, and what its end means.
//
// The words and rules are OTP's. Differences, all on purpose: a failed start is treated as a
// restart that failed (retried with backoff within the budget) also the first time; a supervisor
// that gives up ends as crashed, so that no restart type of its own hides it; and where OTP waits
// for ever for a killed process, a child that outlives kill_grace is left behind as `stuck`.
#pragma once

#include "configs/defaults.hpp"
#include "messages/supervision.hpp"
#include "runtime/base/clock.hpp"

#include <cstdint>
#include <string>

namespace stagedoor::supervision {

using messages::child_kind;
using messages::child_state;

enum class restart_type : std::uint8_t {
  permanent,  ///< always restarted
  transient,  ///< restarted unless it ended as normal or shutdown
  temporary,  ///< never restarted
};

enum class strategy : std::uint8_t {
  one_for_one,   ///< a failed child is restarted alone
  rest_for_one,  ///< together with those that started after it
  one_for_all,   ///< together with all
};

/// When a child counts as started, and the next one may start.
enum class start_mode : std::uint8_t {
  when_spawned,
  when_reported,  ///< when it sends child_started, within its start deadline
};

/// Whether the end of a child that is not restarted can end the supervisor, see auto_shutdown.
enum class significance : std::uint8_t { ordinary, significant };

enum class auto_shutdown : std::uint8_t { never, any_significant, all_significant };

struct child_policy {
  restart_type restart = restart_type::permanent;
  child_kind kind = child_kind::worker;
  start_mode start = start_mode::when_spawned;
  significance weight = significance::ordinary;  ///< of listed children only
  /// Then it is killed and counts as failed.
  milliseconds start_deadline = defaults::child_start_deadline;
  /// Then it is killed. A supervisor needs the sum of its children's.
  milliseconds stop_deadline = defaults::child_stop_deadline;
};

struct child_spec {
  std::string id;  ///< unique in its supervisor
  child_policy policy;
};

/// More than `intensity` restarts within `period` are too many. Do not give every level of a tree
/// the same figures: they multiply.
struct restart_budget {
  std::uint32_t intensity = defaults::child_restarts;
  milliseconds period = defaults::child_restart_period;
};

/// The wait before a restart: doubles from min to max while a child keeps failing.
struct backoff_options {
  milliseconds min = defaults::restart_wait_min;  ///< 0 = at once
  milliseconds max = defaults::restart_wait_max;
  /// So that what failed together does not return together.
  std::uint32_t jitter_percent = defaults::restart_jitter_percent;
  /// A child that ran this long starts again from min.
  milliseconds healthy_after = defaults::restart_healthy_after;
};

struct supervisor_options {
  strategy how = strategy::one_for_one;
  restart_budget budget;  ///< of the listed children together; spent = the supervisor gives up
  backoff_options backoff;
  auto_shutdown closes = auto_shutdown::never;
  milliseconds kill_grace = defaults::child_kill_grace;  ///< of a killed child, to be gone

  // Children that come and go at run time. They are one rank after the listed ones: started after
  // them, stopped before them, all at once.
  child_policy dynamic;
  /// Of one; spent = that one is given up.
  restart_budget dynamic_child_budget;
  /// Of all; spent = the supervisor gives up.
  restart_budget dynamic_budget{defaults::dynamic_restarts, defaults::child_restart_period};
  /// Beyond it start_child is refused. 0 = there are none.
  std::size_t max_dynamic_children = defaults::dynamic_children;

  std::uint64_t seed = 0;  ///< of the jitter; the shell takes a random one for 0
};

}  // namespace stagedoor::supervision
