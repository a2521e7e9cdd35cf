// SPDX-License-Identifier: Apache-2.0
// The actor that brings teams to life and takes them back, and knows which there are.
//
// | receives                   | replies                      | then |
// |----------------------------|------------------------------|------------------------------------|
// | messages::provision_team   | messages::team_flow_finished | see provisioning_state | |
// messages::deprovision_team | messages::team_flow_finished |                                    |
// | messages::list_teams       | messages::team_listing       | | | messages::show_team        |
// messages::team_description   |                                    | | use_catalog | | flows from
// now on follow it        | | store_connected            |                              | what is
// stored is read again       | | messages::report_status    | messages::status_rows        | |
//
// Sends to who ordered a flow: messages::team_flow_progressed.
// At its start it reads all teams from the store and makes them live, in batches, again and again
// until the store answers; new orders are taken meanwhile.
// Owner: the team_supervisor. Runs on: the scheduler. Bounded by: max_flows, max_teams.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "actors/teams/probing.hpp"
#include "actors/teams/provisioning_state.hpp"
#include "actors/teams/routing_messages.hpp"
#include "messages/admin.hpp"
#include "messages/redis.hpp"
#include "messages/team.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace stagedoor::actors {

struct provisioner_options {
  std::string domain;
  std::shared_ptr<const catalog> first_catalog;
  std::string certificate_resolver;  ///< for teams; empty = none is configured
  probe_function probe;
  std::function<void()> on_live;  ///< all stored teams are live for the first time; may be empty
  std::size_t max_flows = 4096;
  std::size_t max_teams = 1'000'000;
  milliseconds step_deadline = seconds(10);
  milliseconds probe_deadline = seconds(1);
  std::uint32_t load_batch = 500;  ///< teams read from the store at a time
  /// The next ones are read when fewer than this are on their way to the loops. CAF looks through
  /// all open requests of an actor at each answer: with all teams at once loading would be
  /// quadratic.
  std::size_t load_window = 250;
};

class provisioner final : public shell {
 public:
  provisioner(caf::actor_config& cfg, provisioner_options options);
  caf::behavior make_behavior() override;

 private:
  struct caller {
    promise<messages::team_flow_finished> reply;
    caf::actor sender;  ///< told of progress
  };

  // -- orders -------------------------------------------------------------------
  /// False when the flow's id is in use: the caller has been told.
  [[nodiscard]] bool remember_caller(const std::string& flow);
  void run(provisioning_effects effects);
  void finished(finish_flow& effect);
  [[nodiscard]] messages::team_listing list(const messages::list_teams& m) const;
  void show(const messages::show_team& m);
  [[nodiscard]] messages::status_rows report() const;

  // -- steps --------------------------------------------------------------------
  void step(const run_step& s);
  void validate(const run_step& s);
  void persist(const run_step& s);
  void publish_name_of(const run_step& s);
  void site(const run_step& s);
  void certificate(const run_step& s);
  void health(const run_step& s);
  void announce(const run_step& s);
  /// Asks |service|; the reply, whatever it says, completes the step.
  template <class Reply, class Message>
  void ask_for_step(const std::string& flow, const char* service, Message message,
                    std::function<result<step_outcome>(const Reply&)> outcome);
  [[nodiscard]] std::function<void(const fault&)> step_failed(const std::string& flow);

  // -- health of live teams -------------------------------------------------------
  void watch_health(const messages::team_spec& spec);
  void unwatch_health(const std::string& slug);
  void checker_started(const std::string& slug, const caf::actor& handle);
  void show_servers(std::shared_ptr<messages::team_description> about,
                    const std::function<void()>& finished);

  // -- loading ------------------------------------------------------------------
  void load(const std::string& cursor);
  void loaded(const messages::redis_value& page);
  void make_live(std::vector<messages::team_spec> batch);
  void load_later();
  void maybe_live();
  void one_published();

  const provisioner_options options_;
  provisioning_state state_;
  std::shared_ptr<const catalog> catalog_;
  std::unordered_map<std::string, caller> callers_;  ///< by flow; bounded by max_flows
  std::map<std::string, messages::team_spec> teams_;
  std::unordered_map<std::string, caf::actor> checkers_;  ///< by slug; null until it has started
  enum class load_state : std::uint8_t { reading, done, waiting } load_ = load_state::waiting;
  mono_time load_began_{};
  std::size_t being_published_ = 0;  ///< of the loading: answers that are missing
  bool told_live_ = false;
  std::string next_page_;  ///< cursor of the page to read when the window has room; empty = none
  tick_timer load_timer_;
};

}  // namespace stagedoor::actors
