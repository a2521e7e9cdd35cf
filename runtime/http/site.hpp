// SPDX-License-Identifier: Apache-2.0
// What one host name serves, compiled for the loops: routes, middlewares, services.
//
// A team_router actor builds a site and the site publisher hands it to every loop; from then on it
// is immutable. What a loop must remember about it (whose turn it is in a balancer, a rate
// limiter's buckets) lives in the loop, keyed by qualified name, and survives the next version.
// Owner: the snapshot table. Runs on: any thread, read only.
#pragma once

#include "runtime/http/middleware.hpp"
#include "runtime/http/rule.hpp"
#include "runtime/http/site_use.hpp"
#include "runtime/net/address.hpp"
#include "runtime/snapshot/table.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace stagedoor::http {

struct server {
  std::string url;           ///< as configured, for logs: "http://127.0.0.1:9001"
  net::address address;      ///< resolved by the control plane
  std::string authority;     ///< host[:port] of the url: the Host sent when pass_host_header is off
  std::uint32_t weight = 1;  ///< 0 = takes no traffic
};

/// A load-balanced group of servers; with no server every request is answered 503.
struct service {
  std::string name;  ///< qualified: "team-a-api@stagedoor"
  std::vector<server> servers;
  bool pass_host_header = true;
};

/// Bit i = the entry point with index i of the static configuration.
using entry_point_set = std::uint64_t;

/// From here up a priority is the proxy's own (the redirection of an entry point): no route of a
/// user can have it.
inline constexpr std::int64_t reserved_priority = std::numeric_limits<std::int64_t>::max() - 999;

struct route {
  std::string name;           ///< qualified: "team-a-api@stagedoor"
  rule matcher;               ///< compiled; the text is kept in it
  std::int64_t priority = 0;  ///< the rule's length in bytes unless configured
  entry_point_set entry_points = ~entry_point_set{0};
  bool tls = false;  ///< a route with TLS serves TLS connections only, one without only plain ones
  std::vector<middleware_ptr> middlewares;  ///< outermost first, chains flattened
  std::shared_ptr<const service> target;
};

struct site {
  std::string host;  ///< "team-a.kanban.domain"; "*.kanban.domain" is one label; "" = every host
  std::vector<route> routes;      ///< in the order of comes_before
  std::shared_ptr<site_use> use;  ///< the same for all versions; null = nobody wants to know
};

using site_table = snapshot::table_view<site>;

/// By falling priority, then by name: where Traefik's order is undefined, ours is not.
[[nodiscard]] bool comes_before(const route& a, const route& b) noexcept;

/// The sites that |routes| make up: each route listed under every host of rule::sites(), in order.
/// Keys are distinct and sorted. Which routes share a host, and so a site, is thereby settled: all
/// routes of a host must be given in the same call.
[[nodiscard]] std::vector<site> split_into_sites(std::span<const route> routes);

}  // namespace stagedoor::http
