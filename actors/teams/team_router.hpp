// SPDX-License-Identifier: Apache-2.0
// The actor that owns one site.
//
// | receives      | replies             | then                                                    |
// |---------------|---------------------|---------------------------------------------------------|
// | offer_routes  | messages::published | publishes the merged site, or withdraws it | |
// use_catalog   |                     | publishes the site with the new middlewares              |
// | name_resolved |                     | publishes the site with the new addresses |
//
// Sends: router_ready to the registry when it starts; change_sites to the publisher.
// Owner: the team_supervisor. Runs on: the scheduler. Stops when: told to; the loops keep the site.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "actors/teams/routing_messages.hpp"
#include "actors/teams/team_router_state.hpp"
#include "messages/publishing.hpp"

#include <functional>

namespace stagedoor::actors {

/// Looks a host name up without blocking; calls back on any thread.
using resolve_function =
    std::function<void(std::string name, std::function<void(result<std::vector<net::address>>)>)>;

struct team_router_options {
  resolve_function resolve;
  std::shared_ptr<const catalog> first_catalog;  ///< until the registry sends a newer one
  milliseconds publish_deadline = seconds(5);
};

class team_router final : public shell {
 public:
  team_router(caf::actor_config& cfg, std::string host, team_router_options options);
  caf::behavior make_behavior() override;

 private:
  void offered(const offer_routes& m);
  void run(router_effects effects, promise<messages::published> caller = {});
  void publish(http::site site, promise<messages::published> caller);
  void withdraw(std::string host, promise<messages::published> caller);
  void resolve(const std::string& name);
  void arm();

  const team_router_options options_;
  team_router_state state_;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
