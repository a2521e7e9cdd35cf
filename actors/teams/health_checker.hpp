// SPDX-License-Identifier: Apache-2.0
// The actor that keeps asking a team's servers whether they are well.
//
// | receives                 | replies                 | then |
// |--------------------------|-------------------------|--------------------------------------------|
// | messages::check_servers  |                         | checks these from now on | | round_probed
// |                         | a round is answered; from the control loop | |
// messages::report_servers | messages::server_states |                                            |
//
// Sends: checker_ready to the team_directory when it starts; messages::server_judged to the
// health_board; an event on team:status for each change.
// Owner: the supervisor of checkers, as the child named like the team, on the node that owns it.
// Runs on: the scheduler. Bounded by: one round at a time. Stops when: told to.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "actors/teams/health_checker_state.hpp"
#include "actors/teams/probing.hpp"
#include "messages/cluster.hpp"
#include "messages/health.hpp"

#include <string>

namespace stagedoor::actors {

class health_checker final : public shell {
 public:
  health_checker(caf::actor_config& cfg, std::string slug, messages::owner_proof proof,
                 probe_function probe);
  caf::behavior make_behavior() override;

 private:
  void introduce();
  void run(const health_effects& effects);
  void start(const start_round& round);
  void judge(const std::string& url, bool up, const std::string& reason);
  void settle();
  [[nodiscard]] messages::server_states report() const;

  const std::string slug_;
  const probe_function probe_;
  messages::owner_proof proof_;
  health_checker_state state_;
  messages::team_spec spec_;
  tick_timer timer_;
  bool settled_ = false;  ///< what an earlier owner found has been replaced
};

}  // namespace stagedoor::actors
