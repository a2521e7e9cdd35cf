// SPDX-License-Identifier: Apache-2.0
// How a team comes to life and goes again, step by step.
//
// Problem: eight things in seven actors must all happen, in an order in which a crash at any point
// leaves a team either wholly there or wholly absent once the task is delivered again. So every
// step is idempotent, Redis is written first (what is stored is made live at each start), and a
// step that fails for good is answered by undoing the earlier ones.
//
//   provision:   validate → persist → name → site → spread → certificate → health → announce → done
//                              └──────── a fault ────────▶ undo: site, name, store ─▶ failed
//   deprovision: validate → forget → site → name → spread → certificate → announce → done
//
// Spreading waits until the other nodes have made live what is stored; they do so by themselves, so
// nothing of it is undone.
// Validating makes this flow the only one for the team, on all nodes, and reads what is stored,
// before anything is written: a write that timed out may have happened, and only what was read
// before it can then be put back.
//
// Flows for one slug run one after the other, in the order they came.
// Owner: the provisioner actor. Runs on: the scheduler. No clock, no CAF: each step is an ask with
// its own deadline in the shell, whose outcome comes back through step_done().
// Bounded by: max_flows (then overloaded, and the task is retried).
#pragma once

#include "actors/teams/flow_end.hpp"
#include "messages/team.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace stagedoor::actors {

enum class provisioning_step : std::uint8_t {
  validate,
  persist,
  name,
  site,
  spread,
  certificate,
  health,
  announce,
};

/// What a step found out, where later steps or the reply need it.
struct step_outcome {
  std::optional<messages::team_spec> previous;  ///< validate: what is stored now
  std::uint64_t version = 0;                    ///< persist: of the change in the teams' log
  std::string certificate;                      ///< certificate: "valid", "pending: why"
  std::vector<std::string> unhealthy;           ///< health
};

// -- effects: what the shell does for the state -------------------------------------------------

enum class step_action : std::uint8_t { apply, revert };

/// Do |step| for the team and report with step_done(flow, ...). apply makes it so, revert takes it
/// back; for a deprovisioning every step is a revert.
struct run_step {
  std::string flow;
  provisioning_step step;
  step_action action = step_action::apply;
  messages::team_spec spec;
  std::uint64_t version = 0;  ///< that persist was told; 0 = not stored yet
};

struct report_progress {
  std::string flow;
  std::uint32_t step = 0;
  std::uint32_t total_steps = 0;
  std::string message;
};

struct finish_flow {
  std::string flow;
  std::string slug;
  result<messages::team_flow_finished> outcome;
  flow_end ended = flow_end::settled;
};

using provisioning_effect = std::variant<run_step, report_progress, finish_flow>;
using provisioning_effects = std::vector<provisioning_effect>;

class provisioning_state {
 public:
  explicit provisioning_state(std::size_t max_flows) : max_flows_(max_flows) {}

  // -- orders -------------------------------------------------------------------

  /// Finishes at once with overloaded when there are too many flows, conflict when the id is in
  /// use.
  [[nodiscard]] provisioning_effects provision(const messages::provision_team& order);
  [[nodiscard]] provisioning_effects deprovision(const messages::deprovision_team& order);

  // -- callbacks ----------------------------------------------------------------

  /// The outcome of the last run_step of |flow|.
  [[nodiscard]] provisioning_effects step_done(const std::string& flow,
                                               result<step_outcome> outcome);

  // -- observers ----------------------------------------------------------------

  [[nodiscard]] std::size_t active() const noexcept { return flows_.size(); }
  /// "provisioning", or empty when no flow of this slug is running.
  [[nodiscard]] std::string state_of(const std::string& slug) const;

 private:
  enum class phase : std::uint8_t { waiting, forward, undoing };
  struct flow {
    step_action direction = step_action::apply;  ///< apply = provision, revert = deprovision
    std::uint32_t delivery = 1;
    messages::team_spec spec;
    phase at = phase::waiting;
    std::size_t index = 0;  ///< into the steps of its direction
    std::optional<messages::team_spec> previous;
    std::uint64_t version = 0;
    bool touched = false;  ///< something may have been written
    messages::team_flow_finished found;
    std::optional<fault> cause;  ///< why it is being undone
  };

  [[nodiscard]] provisioning_effects admit(std::string id, flow f);
  void start(const std::string& id, provisioning_effects& out);
  void enter(const std::string& id, flow& f, provisioning_effects& out);
  void undo(const std::string& id, flow& f, provisioning_effects& out);
  void finish(const std::string& id, result<messages::team_flow_finished> outcome,
              provisioning_effects& out);

  const std::size_t max_flows_;
  std::unordered_map<std::string, flow> flows_;
  std::unordered_map<std::string, std::deque<std::string>> by_slug_;  ///< front = running
};

}  // namespace stagedoor::actors
