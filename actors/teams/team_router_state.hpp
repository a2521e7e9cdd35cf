// SPDX-License-Identifier: Apache-2.0
// One site: what its host serves, from whoever asks for it.
//
// Several sources may offer routes for one host (a team's spec, a container's labels, a file). The
// state merges them, resolves the names of their servers, finds their middlewares and says what to
// publish. A route that cannot be built is left out and named; the others are served.
// Owner: the host's team_router. Runs on: the scheduler. No CAF; time comes in as an argument.
// Bounded by: the offers; names are resolved again every resolve_interval while they are used.
#pragma once

#include "actors/teams/route_plan.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/http/site.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace stagedoor::actors {

/// The site as it is now goes to every loop.
struct publish_site {
  http::site site;
};
/// Nothing is served any more: the host leaves the table.
struct withdraw_site {
  std::string host;
};
/// Look the name up and report with resolved().
struct resolve_name {
  std::string name;
};
/// A route of this version could not be built; one log line.
struct complain {
  std::string route;
  std::string reason;
};

using router_effect = std::variant<publish_site, withdraw_site, resolve_name, complain>;
using router_effects = std::vector<router_effect>;

class team_router_state {
 public:
  team_router_state(std::string host, std::shared_ptr<const catalog> c,
                    milliseconds resolve_interval = seconds(30))
      : host_(std::move(host)), catalog_(std::move(c)), resolve_interval_(resolve_interval) {}

  // -- orders -------------------------------------------------------------------

  /// Replaces what |source| offers for this host; null or empty = it offers nothing any more.
  [[nodiscard]] router_effects offer(const std::string& source, shared_plans routes, mono_time now);
  [[nodiscard]] router_effects use(std::shared_ptr<const catalog> c);
  /// What every version of the site that is built from now on carries.
  void stamp(std::shared_ptr<http::site_use> use) { use_ = std::move(use); }
  /// The last withdraw_site could not be done: the next withdrawal says it again.
  void not_withdrawn() noexcept { published_ = true; }

  // -- callbacks ----------------------------------------------------------------

  /// The addresses of |name|, IPv4 and IPv6 as the resolver ordered them. On a fault the last known
  /// ones stay in use.
  [[nodiscard]] router_effects resolved(const std::string& name,
                                        const result<std::vector<net::address>>& addresses,
                                        mono_time now);
  [[nodiscard]] router_effects tick(mono_time now);
  [[nodiscard]] std::optional<mono_time> next_tick() const;

  // -- observers ----------------------------------------------------------------

  [[nodiscard]] bool empty() const noexcept { return offers_.empty(); }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// Names whose first look-up has not been answered: the site lacks their servers so far.
  [[nodiscard]] bool resolving() const noexcept;

 private:
  struct name_entry {
    std::vector<net::address> addresses;
    bool answered = false;
    std::optional<mono_time> again;  ///< none = a look-up is under way
  };

  void collect_names(router_effects& out);
  void build(router_effects& out);
  [[nodiscard]] std::optional<http::route> compile(const route_plan& plan,
                                                   router_effects& out) const;
  [[nodiscard]] http::service compile(const service_plan& plan) const;

  const std::string host_;
  std::shared_ptr<const catalog> catalog_;
  const milliseconds resolve_interval_;
  std::map<std::string, shared_plans> offers_;  ///< by source; never null or empty
  std::map<std::string, name_entry> names_;     ///< server names that are no IP address
  std::shared_ptr<http::site_use> use_;         ///< null = nobody wants to know
  bool published_ = true;  ///< the loops may hold the site: at first that of a predecessor
};

}  // namespace stagedoor::actors
