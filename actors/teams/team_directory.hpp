// SPDX-License-Identifier: Apache-2.0
// The actor that stands for all teams and keeps those active that somebody uses.
//
// | receives                   | replies                    | then                                |
// |----------------------------|----------------------------|-------------------------------------|
// | messages::look_up_team     | messages::team_presence    | it is active now, or unknown        |
// | messages::catch_up_to      | messages::caught_up        | every change up to it is live here  |
// | messages::list_teams       | messages::team_listing     |                                     |
// | messages::show_team        | messages::team_description |                                     |
// | messages::list_owned_ids   | messages::owned_ids        | the teams that some node must tend  |
// | hold_team                  | team_held                  | a flow decides about it             |
// | team_changed, release_team |                            | what the flow did                   |
// | use_catalog                |                            | teams that become active follow it  |
// | store_connected            |                            | the log is read at once             |
// | checker_ready              |                            | the checker learns what to check    |
// | messages::report_status    | messages::status_rows      |                                     |
//
// Sends: offer_routes, publish_host_names and withdraw_host_names; messages::owned_ids_changed to
// the actor named "cluster"; messages::check_servers to health checkers.
// What it decides is in team_directory_state; how teams are stored in team_log.
// Owner: the team_supervisor. Runs on: the scheduler. Bounded by: directory_limits; the supervisor
// of checkers. On failure: one that starts again finds in the registry what is live, and compares
// it with what is stored.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "actors/teams/routing_messages.hpp"
#include "actors/teams/team_directory_state.hpp"
#include "messages/admin.hpp"
#include "messages/cluster.hpp"
#include "messages/dns.hpp"
#include "messages/health.hpp"
#include "messages/publishing.hpp"
#include "messages/redis.hpp"
#include "messages/team.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace stagedoor::actors {

struct team_directory_options {
  std::string domain;
  std::shared_ptr<const catalog> first_catalog;
  std::string certificate_resolver;  ///< for teams; empty = none is configured
  directory_limits limits;
  std::function<void()> on_look_ups_served;    ///< teams can be looked up; may be empty
  std::function<void()> on_stored_teams_live;  ///< or come when they are asked for; may be empty
  /// The lanes forget that there is no such team; may be empty.
  std::function<void(const std::string& slug)> forget_missing;
  milliseconds deadline = seconds(10);  ///< of a question to the store or to another actor
  milliseconds tick = seconds(1);
  std::size_t index_page = defaults::team_index_page;
};

class team_directory final : public shell {
 public:
  team_directory(caf::actor_config& cfg, team_directory_options options);
  caf::behavior make_behavior() override;

 private:
  using token = team_directory_state::token;
  struct round;  // of the two that must both publish a team

  // -- effects ------------------------------------------------------------------
  void run(directory_effects effects);
  void apply(read_teams& e);
  void apply(const read_log& e);
  void apply(const scan_teams& e);
  void apply(answer_look_up& e);
  void apply(answer_hold& e);
  void apply(answer_catch_up& e);
  void apply(const look_ups_served&);
  void apply(const stored_teams_live&);
  void apply(const complete_index&);
  void apply(tended_changed& e);
  void apply(const team_settled& e);
  void apply(const team_stored& e) {
    if (options_.forget_missing) options_.forget_missing(e.slug);
  }
  void serve(std::vector<serve_team> teams);
  void withdraw(std::vector<withdraw_team> teams);
  template <class Order>
  void publish_names(Order order, std::vector<std::shared_ptr<round>> rounds);
  void offer(offer_routes what, const std::shared_ptr<round>& r);

  // -- questions ----------------------------------------------------------------
  void find_adopted();
  void wake();
  void hold(const hold_team& m);
  void list(const messages::list_teams& m);
  void show(const messages::show_team& m);
  void describe(const messages::team_spec& spec,
                const std::shared_ptr<promise<messages::team_description>>& reply);
  [[nodiscard]] messages::status_rows report() const;
  /// Calls back with what is stored, or nothing.
  void find_spec(const std::string& slug,
                 std::function<void(std::optional<messages::team_spec>)> found,
                 const std::function<void(const fault&)>& failed);
  void build_index(const std::string& cursor);

  // -- the teams to be tended -----------------------------------------------------
  void list_tended(const messages::list_owned_ids& m);
  void scan_tended(const std::string& cursor);

  // -- health ---------------------------------------------------------------------
  void checker_started(const std::string& slug, const caf::actor& handle);
  void tell_checkers();
  void show_servers(const std::shared_ptr<messages::team_description>& about,
                    const std::function<void()>& finished);

  const team_directory_options options_;
  const team_log::indexing index_;
  team_directory_state state_;
  std::shared_ptr<const catalog> catalog_;
  bool adopted_ = false;  ///< it is known what an earlier run has made live
  bool gathering_ = false;
  bool log_lost_ = false;
  tick_timer timer_;
  milliseconds tick_ = options_.tick;
  std::optional<std::string> index_cursor_;  ///< of a step that failed

  // Callers; bounded by the limits of the state.
  token next_token_ = 1;
  std::unordered_map<token, std::pair<std::string, promise<messages::team_presence>>> look_ups_;
  std::unordered_map<token, promise<messages::caught_up>> catch_ups_;
  std::unordered_map<token, promise<team_held>> holds_;
  std::map<caf::actor_addr, std::set<std::string>> holders_;  ///< the teams that each holds

  std::uint64_t tended_version_ = 1;
  std::set<std::string> tended_;  ///< while it is being listed
  bool listing_tended_ = false;
  std::vector<promise<messages::owned_ids>> tended_callers_;

  std::unordered_map<std::string, caf::actor> checkers_;  ///< by slug
  std::set<std::string> untold_;  ///< of those, whose team could not be read
};

}  // namespace stagedoor::actors
