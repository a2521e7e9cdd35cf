// SPDX-License-Identifier: Apache-2.0
// Routers as configured → the plans of each site.
//
// Rules are compiled here, so here is where their errors are found; they are reported at the place
// of the rule. A router that cannot be built is left out with an error, the others are served, as
// Traefik does it.
// Runs on: any thread.
#pragma once

#include "actors/teams/route_plan.hpp"
#include "configs/diagnostic.hpp"
#include "configs/dynamic_config.hpp"
#include "configs/static_config.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// The entry points as the loops number them: those of traefik.yml in their order, and `traefik`
/// for /ping where the file has none.
struct entry_point_list {
  std::vector<configs::entry_point> all;
  std::uint16_t port_offset = 0;

  /// The bit of a name; 0 = there is none.
  [[nodiscard]] http::entry_point_set bit_of(std::string_view name) const noexcept;
  /// The port that clients reach it at.
  [[nodiscard]] std::uint16_t port_of(const configs::entry_point& e) const noexcept;
};

[[nodiscard]] entry_point_list list_entry_points(const configs::static_config& from,
                                                 std::uint16_t port_offset);

using plans_by_host = std::map<std::string, route_plans>;

struct built_routes {
  plans_by_host sites;  ///< by the hosts they must be listed under; "" = every host
  /// Hosts that a router wants a certificate for, with the resolver's name.
  std::map<std::string, std::string> certificates;
};

/// |unusable|: routers that were found wanting when they were read. |known|: the middlewares there
/// are.
[[nodiscard]] built_routes build_routes(const configs::dynamic_config& from,
                                        const configs::static_config& edge,
                                        const entry_point_list& entry_points,
                                        const std::set<std::string>& unusable,
                                        const decltype(catalog::middlewares)& known,
                                        configs::diagnostics& out);

/// The redirections of entry points, as routes for every host; their middlewares are added to
/// |into|.
[[nodiscard]] route_plans build_redirections(const entry_point_list& entry_points,
                                             decltype(catalog::middlewares)& into,
                                             configs::diagnostics& out);

/// Which entry points serve teams, and with which middlewares before their own.
void describe_entry_points(const configs::static_config& edge, const entry_point_list& entry_points,
                           catalog& into);

}  // namespace stagedoor::actors
