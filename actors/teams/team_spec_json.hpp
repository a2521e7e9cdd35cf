// SPDX-License-Identifier: Apache-2.0
// team_spec as JSON: the payload of a team.provision task, the value in Redis, the admin API's
// body.
//
// Strict on what comes in: a misspelt field would otherwise be a server that silently takes no
// traffic. Runs on: any thread. Bounded by: max_servers, max_middlewares; the text's own size is
// its caller's limit.
#pragma once

#include "messages/team.hpp"
#include "runtime/base/result.hpp"

#include <string>
#include <string_view>

namespace stagedoor::actors {

inline constexpr std::size_t max_servers = 256;     ///< of one kind in one team
inline constexpr std::size_t max_middlewares = 32;  ///< of one team

/// The payload {"slug", "api", "web", "middlewares", "health"}; |domain| completes the host name.
/// On failure: malformed, invalid, too_large; the detail names the field.
[[nodiscard]] result<messages::team_spec> parse_team_spec(std::string_view json,
                                                          std::string_view domain);

/// The value that is stored; parse_team_spec reads it back.
[[nodiscard]] std::string to_json(const messages::team_spec& spec);

/// What is published on team:status: {"team", "host", "status"}.
[[nodiscard]] std::string team_event_json(std::string_view slug, std::string_view host,
                                          std::string_view status);

/// What is published there when a server's health changes: {"team", "server", "status", "reason"}.
[[nodiscard]] std::string server_event_json(std::string_view slug, std::string_view url,
                                            std::string_view status, std::string_view reason);

/// The qualified name of a team's route and service: part is "api" or "web".
[[nodiscard]] std::string team_service(std::string_view slug, std::string_view part);

/// One DNS label of letters, digits and inner hyphens (RFC 1035 section 2.3.1, RFC 1123 section
/// 2.1), lower case, at most 63 bytes. On failure: invalid.
[[nodiscard]] result<void> check_slug(std::string_view slug);

/// An upstream's URL taken apart.
struct server_url {
  std::string host;  ///< a name or an IP address, without brackets
  std::uint16_t port = 80;
  std::string authority;  ///< as it stands in the url
};

/// http://host[:port] without path, query or user. On failure: invalid, unsupported (https).
[[nodiscard]] result<server_url> parse_server_url(std::string_view url);

}  // namespace stagedoor::actors
