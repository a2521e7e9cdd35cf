// SPDX-License-Identifier: Apache-2.0
// What a supervisor is told about its children: how each starts, stops, and what its end means.
//
// The words and rules are OTP's. Differences, all on purpose: a failed start is treated as a
// restart that failed (retried with backoff within the budget) also the first time; a supervisor
// that gives up ends as crashed, so that no restart type of its own hides it; and where OTP waits
// for ever for a killed process, a child that outlives kill_grace is left behind as `stuck`.
#pragma once

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
  significance weight = significance::ordinary;
  milliseconds start_deadline{5'000};  ///< then it is killed and counts as failed
  milliseconds stop_deadline{5'000};   ///< then it is killed; give a supervisor its children's sum
};

struct child_spec {
  std::string id;  ///< unique in its supervisor
  child_policy policy;
};

/// More than `intensity` restarts within `period` are too many. Do not give every level of a tree
/// the same figures: they multiply.
struct restart_budget {
  std::uint32_t intensity = 5;
  milliseconds period{30'000};
};

/// The wait before a restart: doubles from min to max while a child keeps failing.
struct backoff_options {
  milliseconds min{100};  ///< 0 = at once
  milliseconds max{30'000};
  std::uint32_t jitter_percent = 20;   ///< so that what failed together does not return together
  milliseconds healthy_after{60'000};  ///< a child that ran this long starts again from min
};

struct supervisor_options {
  strategy how = strategy::one_for_one;
  restart_budget budget;  ///< of the listed children together; spent = the supervisor gives up
  backoff_options backoff;
  auto_shutdown closes = auto_shutdown::never;
  milliseconds kill_grace{1'000};  ///< how long a killed child may take to be gone

  // Children that come and go at run time. They are one rank after the listed ones: started after
  // them, stopped before them, all at once.
  child_policy dynamic;
  restart_budget dynamic_child_budget;  ///< of one; spent = that one is given up
  restart_budget dynamic_budget{1'000,
                                milliseconds{30'000}};  ///< of all; spent = the supervisor gives up
  std::size_t max_dynamic_children = 200'000;           ///< beyond it start_child is refused

  std::uint64_t seed = 1;  ///< of the jitter
};

}  // namespace stagedoor::supervision
