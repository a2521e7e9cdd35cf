// SPDX-License-Identifier: Apache-2.0
// What is said about routes on one node: who offers them, who serves them.
#pragma once

#include "actors/support/local_messages.hpp"
#include "actors/teams/probing.hpp"
#include "actors/teams/route_plan.hpp"
#include "messages/cluster.hpp"
#include "runtime/base/result.hpp"
#include "runtime/net/address.hpp"

#include <caf/actor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// To the site_registry, and from it to the host's team_router: from now on |source| offers these
/// routes for the host. Null = none any more. Replies: messages::published, when live.
struct offer_routes {
  std::string host;
  std::string source;  ///< "team", "file", "docker", "compose"
  shared_plans routes;
};

/// To the site_registry, and from it to every team_router.
struct use_catalog {
  std::shared_ptr<const catalog> now;
};

/// A team_router has started, for the first time or again, and wants what is offered for its host.
struct router_ready {
  std::string host;
  caf::actor handle;
};

/// From the resolver (through loop_gateway) to the team_router that asked.
struct name_resolved {
  std::string name;
  result<std::vector<net::address>> addresses;
};

/// From the prober (through loop_gateway) to the provisioner that asked.
struct servers_probed {
  std::string flow;
  std::vector<probe_failure> failures;
};

/// From the prober (through loop_gateway) to the health_checker that asked.
struct round_probed {
  std::uint64_t round = 0;
  std::vector<probe_failure> failures;
};

/// A health_checker has started, for the first time or again, and wants to know what to check.
struct checker_ready {
  std::string slug;
  caf::actor handle;
};

/// From a health_checker to the health_board: it has looked at every server often enough for a
/// verdict, and these are down. What an earlier owner of the team had found counts no more.
struct team_judged {
  std::string slug;
  std::vector<messages::down_server> down;
};

/// From the health_board to the node_agent: what the other nodes should know of a team that is
/// checked here.
struct health_found {
  std::string slug;
  std::vector<messages::down_server> down;
};

/// From the provisioner to itself: a step ended without asking anybody.
struct step_refused {
  std::string flow;
  fault why;
};

/// From the provisioner to itself: the team's health_checker could not be started just then.
struct watch_again {
  std::string slug;
};

/// The connection to Redis stands (again); from loop_gateway to the provisioner.
struct store_connected {};

}  // namespace stagedoor::actors
