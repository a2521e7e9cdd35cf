// SPDX-License-Identifier: Apache-2.0
// An actor that starts, watches, restarts and stops its children by OTP's rules.
//
// It decides nothing itself: supervisor_state does, and this shell carries out the effects.
//
//   Receives                    Replies                      Does
//   start_child                 child_location               makes a child from the plan's template
//   stop_child, restart_child   child_stopped, done          see messages/supervision.hpp
//   locate_child                child_location
//   which_children              children_listing
//   describe_tree               tree_listing                 asks its supervisors in turn
//   child_started               -                            from a child that reports its start
//
// Stops when: told to by its parent (all children first, in reverse order), or a budget is spent,
// or a significant child is done. If it is killed itself, its children are killed with it. Owner:
// its parent supervisor, or the root's. Runs on: the scheduler. Bounded by:
// options.max_dynamic_children.
#pragma once

#include "actors/supervision/supervisor_state.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "messages/supervision.hpp"

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace stagedoor::supervision {

/// What a factory knows about the child it makes. A child with start_mode::when_reported keeps it.
struct child_context {
  caf::actor supervisor;  ///< none for the root
  instance_id instance = 0;
  std::string id;
  std::string argument;  ///< from start_child
};

/// Spawns one child: `return parent.spawn<team_router>(context.id);`. Called again for each
/// restart, so it holds what a fresh start needs and nothing of the last run. May throw: a failed
/// start.
using child_factory =
    std::function<caf::actor(actors::shell& parent, const child_context& context)>;

struct listed_child {
  child_spec spec;
  child_factory make;
};

struct supervisor_plan {
  const char* name = "supervisor";  ///< in logs and trees; a literal
  supervisor_options options;
  std::vector<listed_child> children;  ///< in start order
  child_factory make_dynamic;          ///< needed for start_child only
  /// Called inside the supervisor for whatever happens to its children; must not block.
  std::function<void(const child_notice&)> on_notice;
};

/// Says to the supervisor that the child is ready.
void report_started(const child_context& context);

class supervisor final : public actors::shell {
 public:
  /// With the context of its own place in the parent's plan, it reports there when all its listed
  /// children have started; so a parent can wait for a whole subtree.
  supervisor(caf::actor_config& cfg, supervisor_plan plan, child_context self = {});

  caf::behavior make_behavior() override;
  void on_exit() override;

 protected:
  void stop_requested(const actors::end_reason& reason) override;

 private:
  using any_promise =
      std::variant<actors::promise<messages::child_location>,
                   actors::promise<messages::child_stopped>, actors::promise<messages::done>>;

  template <class Reply>
  request_id remember_caller();
  template <class Reply>
  void answer(request_id request, Reply reply);
  void refuse(const answer_fault& refusal);

  void carry_out(effects wanted);
  void apply(const spawn_child& e);
  void apply(const stop_instance& e);
  void apply(const kill_instance& e);
  void apply(const wake_at& e);
  void apply(const all_started& e);
  void apply(const finish& e);
  void apply(const child_notice& e);
  void apply(const answer_location& e);
  void apply(const answer_stopped& e);
  void apply(const answer_done& e);
  void apply(const answer_fault& e);

  [[nodiscard]] result<caf::actor> make_child(const spawn_child& e);
  void child_ended(instance_id instance, const actors::end_reason& reason);
  void describe(const messages::describe_tree& request);
  [[nodiscard]] caf::actor handle_of(instance_id instance) const;

  supervisor_plan plan_;
  child_context self_;
  supervisor_state state_;
  std::deque<effect> pending_;
  bool carrying_out_ = false;
  actors::tick_timer timer_;
  std::vector<caf::actor> handles_;  ///< by slot, the lower half of an instance
  std::unordered_map<request_id, any_promise> callers_;
  request_id last_request_ = 0;
};

/// A factory for a supervisor as the child of another.
[[nodiscard]] child_factory make_supervisor(supervisor_plan plan);

}  // namespace stagedoor::supervision
