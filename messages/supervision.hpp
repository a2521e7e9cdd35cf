// SPDX-License-Identifier: Apache-2.0
// What is said to and by a supervisor.
//
// Orders name a child by its id, which is unique among the children of one supervisor. Replies are
// the struct named at each order, or a fault: not_found, conflict (exists already), overloaded (the
// limit of children is reached), refused (the supervisor is stopping), timed_out, closed.
#pragma once

#include "messages/type_ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::messages {

/// What a child is to its supervisor: a supervisor has a tree of its own to describe.
enum class child_kind : std::uint8_t { worker, supervisor };
MESSAGE_ENUM(child_kind, supervisor)

enum class child_state : std::uint8_t {
  idle,      ///< has a spec and is not running: not started yet, or it ended and is not restarted
  waiting,   ///< will be restarted when its backoff is over
  starting,  ///< spawned, has not yet said that it is started
  running,
  stopping,  ///< was asked to stop
  killing,   ///< did not stop in time
  stuck,     ///< not even kill ended it: a handler never returned; it is left behind
};
MESSAGE_ENUM(child_state, stuck)

// -- orders to a supervisor ---------------------------------------------------

/// Makes a child from the supervisor's template. Replies: child_location, once it is started.
struct start_child {
  std::string id;
  std::string argument;  ///< handed to the factory at every start and restart; often empty
};
MESSAGE_FIELDS(start_child, id, argument)

/// Ends a child and forgets it. Replies: child_stopped, once it is gone.
struct stop_child {
  std::string id;
};
MESSAGE_FIELDS(stop_child, id)

/// Ends a child and starts it again, without counting it against the budget. Replies: done.
struct restart_child {
  std::string id;
};
MESSAGE_FIELDS(restart_child, id)

/// Replies: child_location.
struct locate_child {
  std::string id;
};
MESSAGE_FIELDS(locate_child, id)

/// Replies: children_listing.
struct which_children {
  std::uint32_t limit = 1000;  ///< at most this many entries are listed
};
MESSAGE_FIELDS(which_children, limit)

/// The children, their children, and so on, asked with deadlines: a branch that does not answer is
/// shown as such and costs only its own. Replies: tree_listing.
struct describe_tree {
  std::chrono::milliseconds deadline{2000};  ///< for the whole answer
  std::uint32_t limit = 100;                 ///< children listed per supervisor
};
MESSAGE_FIELDS(describe_tree, deadline, limit)

// -- from a child to its supervisor --------------------------------------------

/// The child is ready for work. Only children with start_mode::when_reported say it.
struct child_started {
  std::uint64_t instance = 0;  ///< from its child_context
};
MESSAGE_FIELDS(child_started, instance)

// -- replies --------------------------------------------------------------------

/// Stays on its node.
struct child_location {
  std::string id;
  actor_handle handle;  ///< none while the child is not running
};
MESSAGE_FIELDS(child_location, id, handle)

struct child_stopped {
  std::string id;
  std::string reason;  ///< "normal", "shutdown", "killed", or what went wrong
};
MESSAGE_FIELDS(child_stopped, id, reason)

struct child_entry {
  std::string id;
  child_kind kind = child_kind::worker;
  child_state state = child_state::idle;
  std::uint64_t restarts = 0;             ///< since the supervisor started
  std::chrono::milliseconds in_state{0};  ///< how long it has been in this state
  std::string last_end;                   ///< why the previous instance ended, empty for the first
};
MESSAGE_FIELDS(child_entry, id, kind, state, restarts, in_state, last_end)

struct children_listing {
  std::vector<child_entry> children;  ///< in start order
  std::uint64_t total = 0;            ///< also those beyond the limit
};
MESSAGE_FIELDS(children_listing, children, total)

/// One actor of a tree that was flattened depth first.
struct tree_entry {
  std::uint32_t depth = 0;  ///< 0 = the supervisor that was asked
  child_entry child;
  std::string actor;                           ///< the kind of actor; empty when it did not answer
  std::optional<std::uint64_t> mailbox_depth;  ///< none = it did not answer in time
  std::uint64_t children = 0;                  ///< of a supervisor, also those beyond the limit
};
MESSAGE_FIELDS(tree_entry, depth, child, actor, mailbox_depth, children)

struct tree_listing {
  std::vector<tree_entry> entries;
};
MESSAGE_FIELDS(tree_listing, entries)

}  // namespace stagedoor::messages
