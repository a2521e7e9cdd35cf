// SPDX-License-Identifier: Apache-2.0
// Everything that a node reads at start, in one call: stagedoor.yml and each file that it points
// to, with every error of every file.
//
// What only other layers can judge (a rule's syntax, a zone file's records, a certificate) they
// append to the same diagnostics; the locations are in the values.
#pragma once

#include "configs/container.hpp"
#include "configs/diagnostic.hpp"
#include "configs/dns_config.hpp"
#include "configs/dynamic_config.hpp"
#include "configs/file_provider.hpp"
#include "configs/settings.hpp"
#include "configs/static_config.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::configs {

struct loaded {
  settings node;
  static_config edge;
  std::vector<std::string>
      dynamic_paths;                  ///< what file_watcher looks at: the provider's file or folder
  std::vector<dynamic_file> files;    ///< of the file provider, each with its own verdict
  dynamic_config from_files;          ///< the good ones, merged
  std::vector<container> containers;  ///< of the compose file
  dynamic_config from_compose;        ///< provider "docker"
  std::set<std::string> unusable_routers;  ///< they name what is missing: not to be built
  dns_config dns;
  diagnostics problems;
};

[[nodiscard]] loaded load_all(const std::string& settings_path, named how);

/// The parts of load_all that run again when their files change.
void load_files(loaded& into, const environment& env);
void load_compose(loaded& into, const environment& env);
void load_dns(loaded& into);

}  // namespace stagedoor::configs
