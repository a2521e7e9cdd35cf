// SPDX-License-Identifier: Apache-2.0
// Teams: what one is, and what is said about it while it comes and goes.
//
// A team is a tenant with a slug and a host name; its desired state is the team_spec in Redis
// (hash stagedoor:teams, one JSON value a slug), everything else follows from it.
#pragma once

#include "messages/type_ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::messages {

struct health_policy {
  std::string path;               ///< "/health"; empty = a TCP connect is enough
  std::uint32_t interval_ms = 0;  ///< 0 = the servers are probed once, when the team is provisioned
};
MESSAGE_FIELDS(health_policy, path, interval_ms)

/// What a platform asks for. Also the value stored in Redis, as JSON with the same names.
struct team_spec {
  std::string slug;                      ///< one DNS label, lower case
  std::string host;                      ///< derived: {slug}.{platform.domain}
  std::vector<std::string> api;          ///< http://host:port, served under /api
  std::vector<std::string> web;          ///< http://host:port, served under /
  std::vector<std::string> middlewares;  ///< qualified, outermost first: "secure-headers@file"
  health_policy health;
};
MESSAGE_FIELDS(team_spec, slug, host, api, web, middlewares, health)

// -- orders to the provisioner -----------------------------------------------------------------

/// Makes a team live. Replies: team_flow_finished.
struct provision_team {
  std::string flow;     ///< the task's id, or one that the caller makes up; unique while it runs
  std::string user_id;  ///< who is told on tasks:{user_id}; empty = nobody
  team_spec spec;
};
MESSAGE_FIELDS(provision_team, flow, user_id, spec)

/// Takes a team back. Replies: team_flow_finished; not_found when there is no such team.
struct deprovision_team {
  std::string flow;
  std::string user_id;
  std::string slug;
  std::uint32_t delivery =
      1;  ///< above 1 an absent team counts as success: an earlier try removed it
};
MESSAGE_FIELDS(deprovision_team, flow, user_id, slug, delivery)

/// A flow got further; sent to whoever ordered it.
struct team_flow_progressed {
  std::string flow;
  std::uint32_t step = 0;  ///< from 1
  std::uint32_t total_steps = 0;
  std::string message;
};
MESSAGE_FIELDS(team_flow_progressed, flow, step, total_steps, message)

/// What is worth knowing beyond "done".
struct team_flow_finished {
  std::string flow;
  std::string slug;
  std::string host;
  std::string certificate;  ///< "valid", "pending: why", "default"
  std::vector<std::string>
      unhealthy;  ///< servers that did not answer their first probe, with the reason
};
MESSAGE_FIELDS(team_flow_finished, flow, slug, host, certificate, unhealthy)

// -- questions ---------------------------------------------------------------------------------

/// Replies: team_listing.
struct list_teams {
  std::string after;          ///< slugs greater than this; empty = from the start
  std::uint32_t limit = 100;  ///< at most 1000
};
MESSAGE_FIELDS(list_teams, after, limit)

struct team_listing {
  std::vector<std::string> slugs;  ///< sorted
  std::uint64_t total = 0;
};
MESSAGE_FIELDS(team_listing, slugs, total)

/// Replies: team_description; not_found.
struct show_team {
  std::string slug;
};
MESSAGE_FIELDS(show_team, slug)

struct team_description {
  team_spec spec;
  std::string state;                 ///< "live", "provisioning", "failed: why"
  std::string certificate;           ///< as in team_flow_finished
  std::vector<std::string> servers;  ///< "api http://127.0.0.1:9001 up"
};
MESSAGE_FIELDS(team_description, spec, state, certificate, servers)

// -- virtual teams: to the team_directory ("teamdir") ------------------------------------------

enum class presence : std::uint8_t { active, unknown };
MESSAGE_ENUM(presence, unknown)

/// Somebody asks for a name of the platform's domain that no table of this node has. Replies:
/// team_presence: its site and name are live now, or there is no such team; a fault when that could
/// not be found out (unreachable, timed_out, overloaded).
struct look_up_team {
  std::string slug;
};
MESSAGE_FIELDS(look_up_team, slug)

struct team_presence {
  std::string slug;
  presence is = presence::unknown;
};
MESSAGE_FIELDS(team_presence, slug, is)

/// Replies: caught_up, when every change of the teams' log up to |version| is live here.
struct catch_up_to {
  std::uint64_t version = 0;
};
MESSAGE_FIELDS(catch_up_to, version)

struct caught_up {
  std::uint64_t version = 0;
};
MESSAGE_FIELDS(caught_up, version)

}  // namespace stagedoor::messages
