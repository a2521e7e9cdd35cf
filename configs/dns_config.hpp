// SPDX-License-Identifier: Apache-2.0
// What a Corefile asks for: which zones are answered on which port, from which files, and where
// other questions are sent.
//
// Plugins and options that CoreDNS knows and that are not implemented are errors that say so: a
// server that silently leaves out an `acl` is worse than one that does not start.
#pragma once

#include "configs/corefile.hpp"
#include "configs/defaults.hpp"
#include "configs/diagnostic.hpp"
#include "configs/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

struct served_zone {
  std::string name;                         ///< lower case, with the final dot
  std::uint16_t port = defaults::dns_port;  ///< without the node's port_offset
  location where;
};

struct file_plugin {
  location where;
  std::string path;  ///< a container path, the block's `root` applied: see settings::dns_path()
  location path_at;
  std::vector<std::string> zones;
  nanoseconds reload = defaults::zone_reload;           ///< 0 = never
  std::optional<std::vector<std::string>> fallthrough;  ///< zones; none = NXDOMAIN is final
};

struct forward_target {
  std::string host;  ///< an IP
  std::uint16_t port = defaults::dns_port;

  friend bool operator==(const forward_target&, const forward_target&) = default;
};

struct forward_plugin {
  enum class policy : std::uint8_t { random, round_robin, sequential };

  location where;
  std::vector<std::string> from;  ///< zones
  std::vector<forward_target> to;
  std::vector<std::string> except;  ///< zones below `from` that go on to the next plugin
  bool force_tcp = false;
  bool prefer_udp = false;
  nanoseconds expire = defaults::forward_expire;
  std::uint32_t max_fails = defaults::forward_max_fails;  ///< 0 = an upstream is never taken out
  policy choice = policy::random;
  nanoseconds health_check = defaults::forward_health_check;
  bool health_recursion = true;  ///< RD in the probe
  std::string health_domain = ".";
  std::uint32_t max_concurrent = 0;  ///< questions under way; 0 = no limit, above: REFUSED
};

struct log_plugin {
  enum class answers : std::uint8_t { all, success, denial, error };

  location where;
  std::vector<std::string> names;  ///< zones
  std::string format;              ///< empty = {common}
  std::vector<answers> classes;
};

struct reload_plugin {
  nanoseconds interval = defaults::corefile_reload;
  nanoseconds jitter = defaults::corefile_reload_jitter;
};

struct dns_server_block {
  location where;
  std::vector<served_zone> zones;
  std::vector<std::string> bind;  ///< addresses or interface names; empty = every interface
  std::string root;
  std::vector<file_plugin> files;
  std::vector<forward_plugin> forwards;
  std::vector<log_plugin> logs;  ///< the first that matches counts
  bool errors = false;
  std::optional<reload_plugin> reload;
};

struct dns_config {
  std::vector<dns_server_block> blocks;
};

[[nodiscard]] dns_config read_dns_config(const std::vector<corefile_block>& blocks,
                                         const corefile_sources& sources, diagnostics& out);

}  // namespace stagedoor::configs
