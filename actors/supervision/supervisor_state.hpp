// SPDX-License-Identifier: Apache-2.0
// Decides what a supervisor does: who starts, who is stopped, who is restarted when, when to give
// up.
//
// A plain class: events and the time go in, effects come out, so every rule is tested without an
// actor. Two machines run in it. Each child has its state (see messages::child_state). The sweep
// takes the ranks one by one: down in reverse order when a group restarts or the supervisor stops,
// up in order after that and at the first start. Rank = position in the list; the dynamic children
// are together the last rank.
//
// Owner: the supervisor shell. Bounded by: max_dynamic_children.
// Invariants: a child never has two lives at once; a rank goes down only when all later ones are
// down, and comes up only when all earlier ones are up; each order is answered exactly once.
#pragma once

#include "actors/supervision/backoff.hpp"
#include "actors/supervision/child_spec.hpp"
#include "actors/supervision/child_table.hpp"
#include "actors/supervision/effects.hpp"
#include "actors/supervision/restart_window.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::supervision {

class supervisor_state {
 public:
  supervisor_state(supervisor_options options, const std::vector<child_spec>& listed);

  // -- lifecycle ----------------------------------------------------------------

  [[nodiscard]] effects start(mono_time now);
  /// Stops everything in reverse order, then finishes with `reason`.
  [[nodiscard]] effects stop(const end_reason& reason, mono_time now);

  // -- events -------------------------------------------------------------------

  [[nodiscard]] effects started(instance_id instance, mono_time now);
  /// Also for a child that could not be spawned. Unknown and outdated instances are ignored.
  [[nodiscard]] effects ended(instance_id instance, const end_reason& reason, mono_time now);
  [[nodiscard]] effects tick(mono_time now);

  // -- orders: see messages/supervision.hpp ---------------------------------------

  [[nodiscard]] effects start_child(std::string id, std::string argument, request_id request,
                                    mono_time now);
  [[nodiscard]] effects stop_child(std::string_view id, request_id request, mono_time now);
  [[nodiscard]] effects restart_child(std::string_view id, request_id request, mono_time now);
  [[nodiscard]] effects locate_child(std::string_view id, request_id request, mono_time now);

  // -- views --------------------------------------------------------------------

  [[nodiscard]] messages::children_listing list(std::size_t limit, mono_time now) const;
  /// The current instances of what list() shows, at the same positions; 0 = not alive.
  [[nodiscard]] std::vector<instance_id> instances(std::size_t limit) const;
  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }

 private:
  enum class phase : std::uint8_t { unborn, none, stopping, waiting, starting, ended };

  struct sweep {
    phase now = phase::unborn;
    std::uint32_t from = 0;      ///< ranks from here on take part
    std::uint32_t cursor = 0;    ///< starting: the rank that must come up next
    bool launched = false;       ///< starting: the cursor's child was given its start
    bool dynamic_asked = false;  ///< stopping: the dynamic children were told
    mono_time resume_at{};       ///< waiting: when the ranks start again
  };

  // -- the life of one child -------------------------------------------------------

  void launch(child& c);
  void ask_to_stop(child& c, intent why);
  void kill(child& c);
  void give_up_waiting(child& c);
  void gone_as_intended(child& c, const end_reason& reason);
  void gone_by_itself(child& c, const end_reason& reason);
  void failed(child& c, const end_reason& reason);
  void left(child& c, const end_reason& reason);
  void overdue(child& c);
  void abandon(child& c);
  void retire(child& c);

  // -- the sweep -------------------------------------------------------------------

  void regroup(std::uint32_t from, milliseconds wait);
  void close(const end_reason& reason);
  void escalate(child& c, std::string why, const end_reason& reason);
  void run_sweep();
  [[nodiscard]] bool ranks_are_down();
  [[nodiscard]] bool ranks_are_up();
  [[nodiscard]] bool covers(const child& c) const noexcept;
  void close_if_significant(const child& c);

  // -- small ones --------------------------------------------------------------------

  [[nodiscard]] const child_policy& policy(const child& c) const { return policies_[c.policy]; }
  void set_state(child& c, child_state next);
  void notice(const child& c, verdict what, const end_reason& reason, milliseconds wait = {});
  void answer_starters(child& c, const std::optional<fault>& why);
  void answer_stoppers(child& c, const end_reason& reason);
  void refuse(request_id request, fault_kind kind, retryable again, std::string why);
  [[nodiscard]] effects end_turn();

  supervisor_options options_;
  std::uint32_t dynamic_rank_;          ///< also how many children are listed
  std::vector<child_policy> policies_;  ///< by rank; the last one is of all dynamic children
  child_table table_;                   ///< listed children have the slot of their rank
  sweep sweep_;
  restart_window budget_;
  restart_window dynamic_budget_;
  backoff backoff_;
  std::size_t live_dynamic_ = 0;
  bool closing_ = false;  ///< it stops for good
  bool was_up_ = false;   ///< all_started was said
  end_reason closing_reason_;
  std::optional<mono_time> armed_;  ///< the last wake_at
  mono_time now_{};                 ///< of the current turn
  effects out_;
};

}  // namespace stagedoor::supervision
