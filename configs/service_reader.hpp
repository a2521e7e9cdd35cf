// SPDX-License-Identifier: Apache-2.0
// Reads the entries of `http.services` and `http.serversTransports`.
#pragma once

#include "configs/dynamic_config.hpp"
#include "configs/section.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::configs {

/// Exactly one kind must be given; anything else is an error in the section's reader, and nothing.
[[nodiscard]] std::optional<service> read_service(section& s, std::string name,
                                                  std::string_view provider);

[[nodiscard]] servers_transport read_servers_transport(section& s, std::string name);

/// "http", "https" or "h2c" before "://", and a host behind it.
[[nodiscard]] bool is_server_url(std::string_view url);

}  // namespace stagedoor::configs
