// SPDX-License-Identifier: Apache-2.0
// What is said about routes on one node: who offers them, who serves them.
#pragma once

#include "actors/support/local_messages.hpp"
#include "actors/teams/flow_end.hpp"
#include "actors/teams/probing.hpp"
#include "actors/teams/route_plan.hpp"
#include "messages/cluster.hpp"
#include "runtime/base/result.hpp"
#include "runtime/http/site_use.hpp"
#include "runtime/net/address.hpp"

#include <caf/actor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stagedoor::actors {

/// To the site_registry, and from it to the host's team_router: from now on |source| offers these
/// routes for the host. Null = none any more. Replies: messages::published, when live.
struct offer_routes {
  std::string host;
  std::string source;  ///< "team", "file", "docker", "compose"
  shared_plans routes;
  /// Stamped by the lanes from now on; null = as before.
  std::shared_ptr<http::site_use> use = nullptr;
};

/// To the site_registry: for which hosts |source| offers routes. Replies: offered_hosts.
struct which_hosts {
  std::string source;
};
struct offered_hosts {
  std::vector<std::pair<std::string, std::shared_ptr<http::site_use>>> hosts;
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

/// To the health_board. Replies: messages::server_states, those of the team that are down; where
/// another node checks the team, as that one found.
struct report_down {
  std::string slug;
};

/// From the health_board to the node_agent: what the other nodes should know of a team that is
/// checked here.
struct health_found {
  std::string slug;
  std::vector<messages::down_server> down;
};

/// From the provisioner to itself: a step ended without asking anybody.
struct step_over {
  std::string flow;
  std::optional<fault> why;  ///< none = well
};

/// From the provisioner to the team_directory: |holder|, and nobody else, decides about the team
/// until release_team, or its own end. Replies: team_held.
struct hold_team {
  std::string slug;
  std::string doing;  ///< "provisioning", "deprovisioning"
  caf::actor holder;
};
struct team_held {
  std::shared_ptr<http::site_use> use;  ///< for the team's site
};

/// Its site and name are live in this form; JSON, empty = they are withdrawn.
struct team_changed {
  std::string slug;
  std::uint64_t version = 0;  ///< of the log
  std::string json;
};

struct release_team {
  std::string slug;
  flow_end ended = flow_end::settled;
};

/// From the team_directory to itself: look-ups that came in one turn are read together.
struct read_gathered {};

/// To the team_directory: nobody tells this process of changes any more, and its lanes still serve.
struct follow_closely {};

/// The connection to Redis stands (again); from loop_gateway to the team_directory.
struct store_connected {};

}  // namespace stagedoor::actors
