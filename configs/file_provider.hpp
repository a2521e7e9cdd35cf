// SPDX-License-Identifier: Apache-2.0
// The dynamic configuration files of `providers.file`: one file, or every .yml and .yaml below a
// folder.
//
// Each file is judged alone: a bad one is marked, and what to do about it (keep its last good
// version) is the caller's decision. Traefik would drop the whole update.
//
// Bounded by: defaults::config_files, config_folder_depth, config_file_bytes.
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/dynamic_config.hpp"
#include "configs/values.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

struct dynamic_file {
  std::string path;
  bool good = false;      ///< no error in it
  dynamic_config config;  ///< what could be read
};

[[nodiscard]] dynamic_file read_dynamic_file(const std::string& path, std::string_view text,
                                             const environment& env, diagnostics& out);

/// The paths below a folder that are read, in the order of their names; a .toml is an error.
[[nodiscard]] std::vector<std::string> list_dynamic_files(const std::string& folder,
                                                          diagnostics& out);

/// Reads the files from disk. A file that cannot be read is an error and is not good.
[[nodiscard]] std::vector<dynamic_file> load_dynamic_files(const std::vector<std::string>& paths,
                                                           const environment& env,
                                                           diagnostics& out);

/// All good files as one. The first definition of a name wins; others are warned about.
[[nodiscard]] dynamic_config merge_files(const std::vector<dynamic_file>& files, diagnostics& out);

}  // namespace stagedoor::configs
