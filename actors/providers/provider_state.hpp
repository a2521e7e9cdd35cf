// SPDX-License-Identifier: Apache-2.0
// What the files of one node say, as offers to its sites: what changed since they were last read.
//
// A file with an error keeps its last good version; the others take effect. A source (the files,
// the compose file, the entry points) offers per host, and a host it no longer mentions is
// withdrawn.
// Owner: a provider actor. Runs on: the scheduler. No CAF type in it.
#pragma once

#include "actors/providers/route_builder.hpp"
#include "actors/teams/route_plan.hpp"
#include "configs/check.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// From now on |source| offers this for |host|; null = nothing any more.
struct source_offer {
  std::string host;
  shared_plans routes;
};

/// The difference between what a source offered and what it offers now.
class source_offers {
 public:
  [[nodiscard]] std::vector<source_offer> change(const plans_by_host& now);
  /// Everything that is offered, for a registry that has forgotten it.
  [[nodiscard]] std::vector<source_offer> all() const;

 private:
  std::map<std::string, shared_plans> offered_;
};

/// All that the configuration says about routing.
struct routing_config {
  std::shared_ptr<const catalog> middlewares;
  plans_by_host from_files;
  plans_by_host from_compose;
  plans_by_host from_entry_points;                  ///< redirections
  std::map<std::string, std::string> certificates;  ///< hosts to resolvers
  std::vector<configs::tls_certificate> certificate_files;
};

/// Errors go to |out| with their places.
[[nodiscard]] routing_config build_routing(const configs::loaded& from,
                                           const entry_point_list& entry_points,
                                           configs::diagnostics& out);

/// What a Docker engine's containers define, in place of what the compose file says of them.
struct engine_labels {
  std::shared_ptr<const configs::dynamic_config> labels;  ///< null = no engine has answered yet
  bool serves = false;  ///< its routes are live: those of the compose file are not needed any more

  /// Puts the engine's middlewares in the place of the compose file's.
  void join(configs::loaded& config) const;
};

/// The last good version of each file takes the place of one that is bad now.
class last_good_files {
 public:
  void patch(configs::loaded& fresh);

 private:
  std::map<std::string, configs::dynamic_config> good_;  ///< by path
};

}  // namespace stagedoor::actors
