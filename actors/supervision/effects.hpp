// SPDX-License-Identifier: Apache-2.0
// What a supervisor_state wants done. The shell carries it out, in order; a test looks at it.
#pragma once

#include "actors/support/end_reason.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/fault.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace stagedoor::supervision {

using actors::end_kind;
using actors::end_reason;

/// One life of one child. Never reused, 0 = none.
using instance_id = std::uint64_t;
/// Names the caller of an order until it is answered, 0 = nobody asked.
using request_id = std::uint64_t;

enum class origin : std::uint8_t { listed, dynamic };

// -- to the children --------------------------------------------------------------

struct spawn_child {
  instance_id instance = 0;
  std::string id;
  std::string argument;
  origin from = origin::listed;
};
struct stop_instance {
  instance_id instance = 0;
};
struct kill_instance {
  instance_id instance = 0;
};

// -- to itself, its parent, its users ---------------------------------------------

/// Call tick() at this time; replaces the one before.
struct wake_at {
  mono_time when;
};
/// Every listed child has started for the first time.
struct all_started {};
/// Every child is gone: quit with this reason.
struct finish {
  end_reason reason;
};

enum class verdict : std::uint8_t {
  restarting,  ///< after `wait`
  left,        ///< it ended and is not restarted
  given_up,    ///< it failed too often; it is forgotten
  overdue,     ///< it did not stop in time and is killed
  stuck,       ///< it did not even die
  escalating,  ///< it failed and the supervisor gives up
};

/// What happened to a child, for the log and for the owner of a dynamic one.
struct child_notice {
  std::string id;
  verdict what = verdict::restarting;
  end_reason reason;
  milliseconds wait{0};
  origin from = origin::listed;
};

// -- answers to orders --------------------------------------------------------------

struct answer_location {
  request_id request = 0;
  std::string id;
  instance_id instance = 0;  ///< 0 = it is not running now
};
struct answer_stopped {
  request_id request = 0;
  std::string id;
  end_reason reason;
};
struct answer_done {
  request_id request = 0;
};
struct answer_fault {
  request_id request = 0;
  fault why;
};

using effect =
    std::variant<spawn_child, stop_instance, kill_instance, wake_at, all_started, finish,
                 child_notice, answer_location, answer_stopped, answer_done, answer_fault>;
using effects = std::vector<effect>;

}  // namespace stagedoor::supervision
