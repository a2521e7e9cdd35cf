// SPDX-License-Identifier: Apache-2.0
// A route as it was asked for, before its middlewares are found and its servers' names resolved.
//
// Providers (a team's spec, files, labels) offer plans; the team_router of the host turns them into
// the compiled http::site, again whenever a middleware or an address changes.
#pragma once

#include "messages/team.hpp"
#include "runtime/http/site.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::actors {

struct server_plan {
  std::string url;   ///< "http://portal-api:8000"
  std::string host;  ///< "portal-api", or an IP address
  std::uint16_t port = 80;
  std::string authority;  ///< "portal-api:8000"
  std::uint32_t weight = 1;

  bool operator==(const server_plan&) const = default;
};

struct service_plan {
  std::string name;  ///< qualified
  std::vector<server_plan> servers;
  bool pass_host_header = true;

  bool operator==(const service_plan&) const = default;
};

struct route_plan {
  std::string name;  ///< qualified
  http::rule matcher;
  std::int64_t priority = 0;
  http::entry_point_set entry_points = 0;
  bool tls = false;
  std::vector<std::string> middlewares;  ///< qualified, outermost first
  service_plan service;

  bool operator==(const route_plan&) const = default;
};

using route_plans = std::vector<route_plan>;
using shared_plans = std::shared_ptr<const route_plans>;  ///< one copy for all who remember it

/// What the static and the file configuration say to every router. Immutable; a new one replaces
/// it.
struct catalog {
  /// By qualified name. A chain is stored flattened, so a name may stand for several.
  std::map<std::string, std::vector<http::middleware_ptr>, std::less<>> middlewares;
  http::entry_point_set tls_entry_points = 0;    ///< where teams are served over TLS
  http::entry_point_set plain_entry_points = 0;  ///< where they are served without
  /// Put before each team's own middlewares on these entry points, as Traefik does for routers.
  std::vector<std::string> entry_point_middlewares;
  std::string
      team_resolver;  ///< certificate resolver of teams: that of the TLS entry points; empty = none
};

/// The routes of a team: /api to its API servers, everything else to its web servers.
[[nodiscard]] route_plans routes_of(const messages::team_spec& spec, const catalog& c);

}  // namespace stagedoor::actors
