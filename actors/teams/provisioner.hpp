// SPDX-License-Identifier: Apache-2.0
// The actor that brings teams to life and takes them back.
//
// | receives                   | replies                      | then                      |
// |----------------------------|------------------------------|---------------------------|
// | messages::provision_team   | messages::team_flow_finished | see provisioning_state    |
// | messages::deprovision_team | messages::team_flow_finished |                           |
// | use_catalog                |                              | flows from now on use it  |
// | messages::report_status    | messages::status_rows        |                           |
//
// Sends to who ordered a flow: messages::team_flow_progressed.
// While a flow runs it holds the team at the team_directory, and the team's flow at the actor named
// "cluster" if there is one: nobody else changes the team, on no node.
// Owner: the team_supervisor, after the team_directory. Runs on: the scheduler.
// Bounded by: max_flows. On failure: the directory lets go what an ended provisioner held, and
// makes live what is stored; a task is delivered again.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/teams/probing.hpp"
#include "actors/teams/provisioning_state.hpp"
#include "actors/teams/routing_messages.hpp"
#include "messages/admin.hpp"
#include "messages/cluster.hpp"
#include "messages/redis.hpp"
#include "messages/team.hpp"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace stagedoor::actors {

struct provisioner_options {
  std::string domain;
  std::shared_ptr<const catalog> first_catalog;
  std::string certificate_resolver;  ///< for teams; empty = none is configured
  probe_function probe;
  std::size_t max_flows = 4096;
  milliseconds step_deadline = seconds(10);
  milliseconds probe_deadline = seconds(1);
  milliseconds spread_deadline = seconds(2);  ///< for the other nodes; they catch up by themselves
};

class provisioner final : public shell {
 public:
  provisioner(caf::actor_config& cfg, provisioner_options options);
  caf::behavior make_behavior() override;

 private:
  struct caller {
    promise<messages::team_flow_finished> reply;
    caf::actor sender;  ///< told of progress
    bool holds = false;
    std::shared_ptr<http::site_use> use;  ///< of the team's site
    messages::owner_proof proof;          ///< fence 0 = no cluster, nobody else writes
  };

  // -- orders -------------------------------------------------------------------
  /// False when the flow's id is in use: the caller has been told.
  [[nodiscard]] bool remember_caller(const std::string& flow);
  void run(provisioning_effects effects);
  void finished(finish_flow& effect);
  [[nodiscard]] messages::status_rows report() const;

  // -- steps --------------------------------------------------------------------
  void step(const run_step& s);
  void validate(const run_step& s);
  void claim(const run_step& s);
  void read_stored(const run_step& s);
  void persist(const run_step& s);
  void publish_name_of(const run_step& s);
  void site(const run_step& s);
  void spread(const run_step& s);
  void certificate(const run_step& s);
  void health(const run_step& s);
  void announce(const run_step& s);
  /// Asks |service|; the reply, whatever it says, completes the step.
  template <class Reply, class Message>
  void ask_for_step(const std::string& flow, const char* service, Message message,
                    std::function<result<step_outcome>(const Reply&)> outcome);
  [[nodiscard]] std::function<void(const fault&)> step_failed(const std::string& flow);

  const provisioner_options options_;
  provisioning_state state_;
  std::shared_ptr<const catalog> catalog_;
  std::unordered_map<std::string, caller> callers_;  ///< by flow; bounded by max_flows
};

}  // namespace stagedoor::actors
