// SPDX-License-Identifier: Apache-2.0
// The commands of the program, one function each. They print for people and return the exit code.
//
// Runs on: main's thread.
#pragma once

#include "configs/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::cluster {

/// Which stagedoor.yml, and whether somebody said so.
struct settings_source {
  std::string path = "stagedoor.yml";
  configs::named named = configs::named::by_default;
};

enum exit_code : int { exit_ok = 0, exit_failed = 1, exit_usage = 2, exit_gave_up = 70 };

/// Whether the node begins in the place of one that runs.
enum class start_mode : std::uint8_t { fresh, take_over };
[[nodiscard]] int run_node(const settings_source& from, start_mode mode);
[[nodiscard]] int check(const settings_source& from);

struct team_options {
  std::string slug;
  std::vector<std::string> api, web, middlewares;
  std::string health_path;                          ///< empty = nothing said
  std::optional<std::uint32_t> health_interval_ms;  ///< none = nothing said
  std::string after;
  std::uint32_t limit = 100;
  bool json = false;  ///< print what the node answered
};
[[nodiscard]] int team_add(const settings_source& from, const team_options& o);
[[nodiscard]] int team_remove(const settings_source& from, const team_options& o);
[[nodiscard]] int team_list(const settings_source& from, const team_options& o);
[[nodiscard]] int team_show(const settings_source& from, const team_options& o);

/// |node|: another one of the cluster; empty = the one that is asked.
[[nodiscard]] int show_tree(const settings_source& from, bool json, const std::string& node);
[[nodiscard]] int show_nodes(const settings_source& from, bool json);
/// |kind|: only of this; empty = all.
[[nodiscard]] int show_owners(const settings_source& from, bool json, const std::string& kind);
[[nodiscard]] int drain(const settings_source& from);
[[nodiscard]] int show_status(const settings_source& from, bool json);
[[nodiscard]] int show_certificates(const settings_source& from, bool json);

}  // namespace stagedoor::cluster
