// SPDX-License-Identifier: Apache-2.0
// stagedoor.yml: the one small file of our own. Everything in it has a default; it points to the
// files that operators already have.
//
// Relative paths are taken from the folder of stagedoor.yml, so that a node starts the same from
// any working directory.
//
// Runs on: any one thread. On failure: errors in `out`; the value holds what could be read.
#pragma once

#include "configs/defaults.hpp"
#include "configs/diagnostic.hpp"
#include "configs/values.hpp"
#include "runtime/base/log.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

/// A path that may be a default. A default that does not exist is no error, a named one is.
struct file_setting {
  std::string path;  ///< resolved; empty = none
  bool named = false;
  location where{};
};

struct node_settings {
  std::string name = "node-1";
  std::string data_dir = "data";
  std::uint16_t port_offset = 0;  ///< added to every port below 65536: 8000 makes :80 → :8080
  std::uint16_t loops = 0;        ///< threads that move bytes; 0 = one per core
};

struct redis_settings {
  bool managed = true;           ///< a child of this node on 127.0.0.1
  std::optional<redis_url> url;  ///< set exactly when not managed
};

struct edge_settings {
  file_setting static_file{"traefik/traefik.yml"};
  std::string root = "traefik";
  file_setting compose;  ///< a docker-compose.yml whose labels are read as a provider
};

struct dns_settings {
  file_setting corefile{"coredns/Corefile"};
  std::string root = "coredns";
};

struct certificate_settings {
  std::string directory = "certbot/conf";
  std::string webroot = "certbot/www";
};

struct platform_settings {
  std::string domain = "kanban.domain";  ///< team hosts are {slug}.{domain}
  std::vector<std::string> zones = {
      "localhost"};  ///< further zones that team names are published in
  std::vector<std::string> addresses = {"127.0.0.1"};
};

struct team_settings {
  std::uint32_t active =
      defaults::teams_active;  ///< at most, in memory; others come when asked for
  std::chrono::seconds idle = defaults::teams_idle;  ///< without a request; then out of memory
};

struct cluster_settings {
  listen_address listen{"0.0.0.0", 7443, {}};
  std::string advertise;  ///< host:port told to peers; empty = found out
  file_setting certificate, key, ca;
};

struct admin_settings {
  std::string socket = "admin.sock";
  std::optional<listen_address> listen;  ///< none = the socket only
};

struct settings {
  std::string folder = ".";  ///< of stagedoor.yml: every relative path starts here
  node_settings node;
  redis_settings redis;
  edge_settings edge;
  dns_settings dns;
  certificate_settings certificates;
  platform_settings platform;
  team_settings teams;
  cluster_settings cluster;
  admin_settings admin;
  log::level log_level = log::level::info;

  /// The port of the managed Redis.
  [[nodiscard]] std::uint16_t managed_redis_port() const;
  /// A path of traefik.yml, such as /acme.json, on this machine.
  [[nodiscard]] std::string edge_path(std::string_view container_path) const;
  /// A path of the Corefile, such as /zones/db.localhost, on this machine.
  [[nodiscard]] std::string dns_path(std::string_view container_path) const;
};

/// `folder` is that of the file. Empty text gives the defaults.
[[nodiscard]] settings read_settings(const std::string& file, const std::string& folder,
                                     std::string_view text, diagnostics& out);

enum class named : std::uint8_t { by_default, explicitly };

/// Reads stagedoor.yml from disk; a missing one that was not named explicitly gives the defaults.
[[nodiscard]] settings load_settings(const std::string& path, named how, diagnostics& out);

}  // namespace stagedoor::configs
