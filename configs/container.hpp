// SPDX-License-Identifier: Apache-2.0
// What routing needs to know of one container, whether a Docker engine or a compose file told it.
#pragma once

#include "configs/document.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::configs {

struct label {
  std::string key;
  std::string value;
  position at;  ///< in container::file; 0 = not from a file
};

struct attached_network {
  std::string name;
  std::string address;  ///< an IP, or a name that resolves on that network
};

struct container {
  std::string id;
  std::string name;     ///< without a leading slash
  std::string service;  ///< compose service and project; empty = started by hand
  std::string project;
  std::string file;  ///< where messages say it is; a compose file, or "container <name>"
  position at;
  std::vector<label> labels;
  std::vector<attached_network> networks;
  std::vector<std::uint16_t> ports;  ///< exposed inside the container
  bool serves =
      true;  ///< false = its routers exist, but it takes no requests (stopped, not healthy)
};

}  // namespace stagedoor::configs
