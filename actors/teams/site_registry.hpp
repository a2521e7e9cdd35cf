// SPDX-License-Identifier: Apache-2.0
// The actor that everybody asks to serve routes: it finds or starts the team_router of the host.
//
// | receives                | replies               | then                                        |
// |-------------------------|-----------------------|---------------------------------------------|
// | offer_routes            | messages::published   | the host's router has made it live          |
// | use_catalog             |                       | every router rebuilds its site              |
// | router_ready            |                       | the router gets all that is offered, or     |
// |                         |                       | withdraws what the loops still serve        |
// | which_hosts             | offered_hosts         | a source that lost its memory asks for it   |
// | messages::count_entries | messages::entry_count | the number of sites                         |
//
// The routers are dynamic children of the supervisor named "routers".
// Owner: the team_supervisor, after that one. Runs on: the scheduler. Stops when: told to.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/teams/routing_messages.hpp"
#include "actors/teams/site_registry_state.hpp"
#include "messages/publishing.hpp"

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

namespace stagedoor::actors {

struct site_registry_options {
  std::size_t max_sites = 1'000'000;
  milliseconds start_deadline = seconds(30);  ///< of a router: many start at once when a node does
  milliseconds publish_deadline = seconds(10);
};

class site_registry final : public shell {
 public:
  site_registry(caf::actor_config& cfg, site_registry_options options);
  caf::behavior make_behavior() override;

 private:
  using shared_promise = std::shared_ptr<promise<messages::published>>;
  static constexpr milliseconds start_retry{50};  ///< while an old router is stopping

  void offered(const offer_routes& m);
  void ready(const router_ready& m);
  void start(const std::string& host);
  void find_running(const std::string& host);
  void forward(const forward_offer& offer, const std::vector<shared_promise>& callers);
  void settle(const std::string& host);
  void stop_router(const std::string& host);
  void start_failed(const std::string& host, const fault& f);

  const site_registry_options options_;
  site_registry_state state_;
  std::shared_ptr<const catalog> catalog_;
  std::unordered_map<std::string, caf::actor> routers_;
  /// Callers whose host has no running router yet, by host and source; bounded by the callers.
  std::unordered_map<std::string, std::deque<std::pair<std::string, shared_promise>>> waiting_;
};

}  // namespace stagedoor::actors
