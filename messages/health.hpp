// SPDX-License-Identifier: Apache-2.0
// The health of servers: what is checked, and what was found.
#pragma once

#include "messages/team.hpp"
#include "messages/type_ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::messages {

/// To a health_checker: the team as it is now. Servers that stay keep their verdict.
struct check_servers {
  team_spec spec;
};
MESSAGE_FIELDS(check_servers, spec)

enum class server_health : std::uint8_t { up, down };
MESSAGE_ENUM(server_health, down)

/// From a health_checker to the health_board: the verdict about a server changed.
struct server_judged {
  std::string slug;
  std::vector<std::string> services;  ///< qualified names of those it belongs to
  std::string url;
  server_health health = server_health::up;
};
MESSAGE_FIELDS(server_judged, slug, services, url, health)

/// To the health_board: nothing is known of this team's servers any more.
struct forget_servers {
  std::string slug;
};
MESSAGE_FIELDS(forget_servers, slug)

/// To a health_checker. Replies: server_states.
struct report_servers {};
MESSAGE_FIELDS(report_servers)

struct server_state {
  std::string url;
  std::string state;  ///< "up", "down: why"
};
MESSAGE_FIELDS(server_state, url, state)

struct server_states {
  std::vector<server_state> servers;
};
MESSAGE_FIELDS(server_states, servers)

}  // namespace stagedoor::messages
