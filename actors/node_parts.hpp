// SPDX-License-Identifier: Apache-2.0
// What the composition root hands to the tree of actors: the parts that outlive every actor.
//
// Tables, zone states and connections survive the restart of the actor that uses them, so that a
// restart in the control plane is never seen in the data plane.
#pragma once

#include "actors/admin/status_collector.hpp"
#include "actors/dns/dns_plan.hpp"
#include "actors/providers/route_builder.hpp"
#include "actors/publishers/changes.hpp"
#include "actors/redis_bridge.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/teams/health_board.hpp"
#include "actors/teams/provisioner.hpp"
#include "actors/teams/team_router.hpp"
#include "configs/check.hpp"
#include "runtime/client/http_client.hpp"
#include "runtime/dns/zone_state.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/managed_server.hpp"
#include "runtime/snapshot/publisher.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::actors {

struct node_tables {
  std::shared_ptr<snapshot::publisher<http::site>> sites;
  std::shared_ptr<snapshot::publisher<tls::certificate>> certificates;
  std::shared_ptr<snapshot::publisher<dns::zone_node>> names;
  std::shared_ptr<snapshot::publisher<dns::zone_route>> zones;
  std::shared_ptr<snapshot::publisher<std::string>> challenges;
};

struct node_parts {
  std::string version;
  std::string incarnation;    ///< random, of this process: 32 hexadecimal digits
  bool clustered = false;     ///< there may be other nodes
  std::string settings_path;  ///< of stagedoor.yml, read again when files change
  configs::named settings_named = configs::named::by_default;
  std::shared_ptr<const configs::loaded> config;
  entry_point_list entry_points;
  std::shared_ptr<const catalog> first_catalog;

  node_tables tables;
  dns_plan dns;
  std::map<std::string, std::shared_ptr<dns::zone_state>> zone_states;  ///< by zone name
  std::shared_ptr<dns::zone_routes> zone_routes;

  loop* control = nullptr;  ///< Redis, outbound HTTP, the admin socket, probes
  loop* files = nullptr;    ///< whatever blocks: reading files
  std::shared_ptr<redis::client> redis;
  std::shared_ptr<script_library> scripts;
  std::optional<redis::managed_server_options> managed_redis;
  net::resolver* resolver = nullptr;
  client::http_client* http = nullptr;
  down_publisher publish_down;  ///< to every lane
  /// A team of that slug exists from now on: the lanes forget that it did not. Any thread.
  std::function<void(const std::string& slug)> forget_missing;
  std::vector<loop_report> loop_reports;
  /// What cluster/ adds to the tree: who owns what, and the links to other nodes.
  std::optional<supervision::supervisor_plan> cluster;
  /// The zone of that name is live, or its file could not be read; on the scheduler.
  std::function<void(const std::string&)> on_zone_read;
  std::function<void()> on_look_ups_served;  ///< of teams; again after a restart; on the scheduler
  std::function<void()> on_stored_teams_live;  ///< the same
};

}  // namespace stagedoor::actors
