// SPDX-License-Identifier: Apache-2.0
// The actor that tells the loops which servers are down.
//
// | receives                 | replies               | then                                    |
// |--------------------------|-----------------------|-----------------------------------------|
// | messages::server_judged  |                       | the set of every lane has it, or not     |
// | team_judged              |                       | the same, all of a team at once          |
// | messages::tell_health    |                       | as another node found, which checks that |
// |                          |                       | team                                     |
// | messages::forget_servers |                       | the team's servers count as up           |
// | report_down              | messages::server_states |                                       |
// | messages::report_status  | messages::status_rows |                                         |
//
// What is found here goes to "agent" too, which tells the other nodes (health_found).
// Verdicts change rarely, so each change hands every lane the whole set anew.
// Owner: the supervisor of work, with the checkers: when it starts again, so do they, and judge
// afresh. Runs on: the scheduler. Bounded by: max_down; servers beyond it stay in use.
#pragma once

#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "actors/teams/routing_messages.hpp"
#include "messages/admin.hpp"
#include "messages/health.hpp"
#include "runtime/http/balancer.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace stagedoor::actors {

/// Hands the set to every lane; false when one could not take it now.
using down_publisher = std::function<bool(std::shared_ptr<const http::down_servers>)>;

class health_board final : public shell {
 public:
  static constexpr std::size_t max_down = 100'000;
  static constexpr milliseconds gather{20};  ///< what changes within this goes out together

  health_board(caf::actor_config& cfg, down_publisher publish);
  caf::behavior make_behavior() override;

 private:
  void judged(const messages::server_judged& m);
  void replace(const std::string& slug, const std::vector<messages::down_server>& down);
  void erase(const std::string& slug);
  void tell_peers(const std::string& slug);
  [[nodiscard]] messages::server_states down_of(const std::string& slug) const;
  void changed();
  void forget(const messages::forget_servers& m);
  void publish();

  const down_publisher publish_;
  http::down_servers down_;
  std::map<std::string, std::set<std::pair<std::string, std::string>>> by_team_;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
