// SPDX-License-Identifier: Apache-2.0
// Finds the route of a request: Traefik's order without Traefik's scan.
//
// A route is listed under the hosts its rule needs, or under "" when it needs none (rule::sites).
// So what can match is in at most three short lists, and walking them merged by priority, then
// name, gives the same answer as walking every route of the node.
// Owner: an edge. Runs on: its loop; no allocation.
#pragma once

#include "runtime/http/request_facts.hpp"
#include "runtime/http/site.hpp"

namespace stagedoor::http {

struct route_choice {
  const route* chosen = nullptr;  ///< null: no route matches
  /// The node that holds it; copy the pointer to keep the route beyond the table's next change.
  const snapshot::node_ptr<site>* holder = nullptr;
  /// Whether the exact host has a site. If not, somebody may know how to make one.
  bool host_known = false;
};

[[nodiscard]] route_choice choose_route(const site_table& sites, const request_facts& request);

}  // namespace stagedoor::http
