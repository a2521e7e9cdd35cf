// SPDX-License-Identifier: Apache-2.0
// Which hosts have a team_router, and what is offered for each.
//
// Routers come when something is offered for a host and go when nothing is any more. The offers are
// remembered here, so that a router that crashed gets them again from its successor's first words.
// Withdrawing needs a router as well, also for a host that nothing is known of: the loops may still
// serve what a router of before a restart has published.
// Owner: the site_registry. Runs on: the scheduler. No CAF type in it.
// Bounded by: max_sites; withdrawals are taken beyond it, and are gone once they are answered.
#pragma once

#include "actors/teams/route_plan.hpp"
#include "runtime/base/result.hpp"
#include "runtime/http/site_use.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stagedoor::actors {

/// Spawn a router for the host.
struct start_router {
  std::string host;
};
/// Pass these on to the host's router.
struct forward_offer {
  std::string host;
  std::string source;
  shared_plans routes;
  std::shared_ptr<http::site_use> use = nullptr;
};

struct registry_actions {
  std::optional<start_router> start;
  std::vector<forward_offer> forward;
};

class site_registry_state {
 public:
  explicit site_registry_state(std::size_t max_sites) : max_sites_(max_sites) {}

  /// Remembers the offer. What is forwarded goes to a running router; when one must start first, it
  /// gets everything by ready(). On failure: overloaded.
  [[nodiscard]] result<registry_actions> offer(const std::string& host, const std::string& source,
                                               shared_plans routes,
                                               std::shared_ptr<http::site_use> use = nullptr);
  /// The host's router runs (again): everything that is offered goes to it, and if that is nothing,
  /// it withdraws the host. None = nobody has asked for this router.
  [[nodiscard]] std::optional<std::vector<forward_offer>> ready(const std::string& host);
  /// No router could be started. What is offered is remembered; the next offer tries again.
  void start_failed(const std::string& host);
  /// An offer was taken by the router: true when nothing is left for it to do.
  [[nodiscard]] bool settled(const std::string& host);

  [[nodiscard]] std::size_t size() const noexcept { return sites_.size(); }
  /// The hosts that |source| offers routes for, with what their lanes stamp.
  [[nodiscard]] std::vector<std::pair<std::string, std::shared_ptr<http::site_use>>> hosts_of(
      const std::string& source) const;

 private:
  enum class router : std::uint8_t { none, starting, running };
  struct entry {
    std::map<std::string, shared_plans> offers;
    std::shared_ptr<http::site_use> use;
    router is = router::none;
  };

  const std::size_t max_sites_;
  std::unordered_map<std::string, entry> sites_;
};

}  // namespace stagedoor::actors
