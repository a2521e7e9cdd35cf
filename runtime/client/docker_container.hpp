// SPDX-License-Identifier: Apache-2.0
// A container as the Docker engine describes it, reduced to what routing needs.
//
// The engine tells the same things in two shapes: the list (one call for all) and the inspection
// of one. Both become this struct, so a watcher lists once and then inspects only what changed.
// On failure: malformed (no JSON, or without an id), too_large.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::client {

enum class container_state : std::uint8_t {
  unknown,
  created,
  running,
  paused,
  restarting,
  removing,
  exited,
  dead,
};

enum class container_health : std::uint8_t {
  none,  ///< no health check is configured
  starting,
  healthy,
  unhealthy,
};

enum class port_protocol : std::uint8_t { tcp, udp, sctp };

struct container_network {
  std::string name;
  std::string id;
  std::string ip;    ///< empty while not connected
  std::string ipv6;  ///< the global one
};

struct container_port {
  std::uint16_t port = 0;  ///< inside the container
  port_protocol protocol = port_protocol::tcp;
  std::string host_ip;          ///< empty = not published
  std::uint16_t host_port = 0;  ///< 0 = not published
};

struct container {
  std::string id;
  std::string name;  ///< without the leading slash
  std::string image;
  std::map<std::string, std::string> labels;
  container_state state = container_state::unknown;
  container_health health = container_health::none;
  std::string network_mode;  ///< "host", "container:<id>", "none", or a network's name
  std::vector<container_network> networks;  ///< by name
  std::vector<container_port> ports;        ///< by number, exposed ones included

  [[nodiscard]] bool host_mode() const noexcept { return network_mode == "host"; }
  /// The container whose network this one shares; empty when it has its own.
  [[nodiscard]] std::string_view shares_network_of() const noexcept;
};

/// GET /containers/json
[[nodiscard]] result<std::vector<container>> parse_container_list(std::string_view text);
/// GET /containers/{id}/json
[[nodiscard]] result<container> parse_container(std::string_view text);

}  // namespace stagedoor::client
