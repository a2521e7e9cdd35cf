// SPDX-License-Identifier: Apache-2.0
// traefik.yml's values as the edge takes them.
//
// Runs on: any thread.
#pragma once

#include "actors/providers/route_builder.hpp"
#include "configs/check.hpp"
#include "runtime/http/access_log.hpp"
#include "runtime/http/edge_options.hpp"
#include "runtime/net/address.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stagedoor::cluster {

/// An IP, or every interface, with the node's offset added to the port. On failure: invalid.
[[nodiscard]] result<net::address> to_address(const configs::listen_address& at,
                                              std::uint16_t port_offset);

[[nodiscard]] http::edge_options edge_options_of(const configs::loaded& config);

/// Nothing = requests are not logged. Makes the folder of the file.
[[nodiscard]] std::optional<http::access_log_options> access_log_of(const configs::loaded& config);

/// Numbered as the routes count on it. Those whose address is no IP are errors of
/// check_addresses().
[[nodiscard]] std::vector<http::entry_point> entry_points_of(const actors::entry_point_list& from);
void check_addresses(const actors::entry_point_list& from, configs::diagnostics& out);

/// The one that answers /ping.
[[nodiscard]] std::string ping_entry_point(const configs::static_config& edge);

}  // namespace stagedoor::cluster
