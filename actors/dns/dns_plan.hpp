// SPDX-License-Identifier: Apache-2.0
// A Corefile's meaning → what the DNS servers and the zone actors are given.
//
// The platform's own zone is made here when no server block has a file for it: the team hosts
// must resolve although nobody wrote a zone file for them. It is served on every listener, unless a
// server block claims its name.
// Runs on: any thread. On failure: errors with the place in the Corefile.
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/dns_config.hpp"
#include "configs/settings.hpp"
#include "runtime/dns/routes.hpp"
#include "runtime/dns/server.hpp"
#include "runtime/dns/zone_data.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::actors {

struct zone_plan {
  dns::zone_id id{};
  std::string name;     ///< "localhost.", lower case; also the id of its actor
  dns::wire_name apex;  ///< lower-cased
  std::string path;     ///< of its file; empty = the platform's zone, made by us
  configs::location where;
  milliseconds reload{60'000};  ///< 0 = never
};

struct dns_plan {
  std::vector<dns::listener_options> listeners;
  std::vector<dns::server_block> blocks;
  std::vector<zone_plan> zones;
  std::vector<std::string> team_zones;  ///< names of those that team names go into
};

[[nodiscard]] dns_plan plan_dns(const configs::dns_config& from, const configs::settings& node,
                                configs::diagnostics& out);

/// The platform's zone: SOA, NS, and the platform's addresses at its apex and its name server.
/// |serial| starts it; seconds since the epoch keep it rising over restarts.
[[nodiscard]] result<dns::zone_data> make_platform_zone(const std::string& domain,
                                                        const std::vector<std::string>& addresses,
                                                        std::uint32_t serial);

/// Reads the file of |plan|, or makes the platform's zone. Blocks.
[[nodiscard]] result<dns::zone_data> read_zone(const zone_plan& plan,
                                               const configs::settings& node);

}  // namespace stagedoor::actors
