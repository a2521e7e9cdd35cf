// SPDX-License-Identifier: Apache-2.0
// The tree of actors of one node: what is started in which order, and what a failure restarts.
//
//   root (rest_for_one)
//   ├─ redis         managed_redis?, redis_bridge
//   ├─ publishers    sites, certificates, names, zones, challenges
//   ├─ dns           zones (dns_zone*), zone_directory
//   ├─ certificates  accounts (acme_account*), orders (acme_order*), certificate_keeper
//   ├─ teams         routers (team_router*), site_registry, team_directory, provisioner
//   ├─ cluster       coordinator, work (owned_work and the supervisors of its kinds), node_agent
//   ├─ queues        liveness, queue_consumer*
//   ├─ providers     file_provider, docker_provider
//   └─ admin         status_collector, admin_api
//
// Certificates start before teams, because each team asks for its own while it is loaded. The
// cluster starts before the queues and stops after them: a node that leaves has let go of its
// tasks.
#pragma once

#include "actors/node_parts.hpp"
#include "actors/supervision/supervisor.hpp"

namespace stagedoor::actors {

/// |parts| outlives the actors made from the plans.
[[nodiscard]] supervision::supervisor_plan root_plan(const node_parts& parts);

/// What this node does because it owns it: a supervisor for each kind, and owned_work, which orders
/// their children. They end together.
[[nodiscard]] supervision::supervisor_plan work_plan(const node_parts& parts);

}  // namespace stagedoor::actors
