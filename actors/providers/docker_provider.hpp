// SPDX-License-Identifier: Apache-2.0
// The actor that follows the Docker engine: it offers the routes that containers' labels ask for.
//
// | receives                | replies               | then                                   |
// |-------------------------|-----------------------|----------------------------------------|
// | engine_news             |                       | inspects what changed, offers the rest |
// | use_catalog             |                       | builds the routes again                |
// | messages::report_status | messages::status_rows |                                        |
//
// Sends: containers_known and containers_live to the file_provider; offer_routes to the registry;
// messages::want_certificate to the keeper.
// Owner: the provider_supervisor. Runs on: the scheduler; HTTP on the control loop. Bounded by:
// docker_limits. On failure: while the engine is out of reach, what was offered stays.
// Stops when: told to; what was offered stays.
#pragma once

#include "actors/node_parts.hpp"
#include "actors/providers/docker_provider_state.hpp"
#include "actors/providers/provider_state.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "messages/admin.hpp"
#include "runtime/client/docker_engine.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace stagedoor::actors {

/// From the control loop, through loop_gateway.
struct engine_news {
  std::uint64_t session;
  engine_event what;
};

class docker_provider final : public shell {
 public:
  /// |parts| outlives the actor; its static configuration names a Docker engine.
  docker_provider(caf::actor_config& cfg, const node_parts& parts);
  caf::behavior make_behavior() override;
  void on_exit() override;

 private:
  void run(const docker_effects& effects);
  void open(std::uint64_t session);
  void list(std::uint64_t session);
  void inspect(std::uint64_t session, const std::string& id);
  /// Whatever way a request could not even be sent is an answer too.
  void told(std::uint64_t session, engine_event what);
  void ticked();
  void arm();

  void read_labels();
  void share_middlewares();
  void route();
  void send(const std::vector<source_offer>& offers);
  void one_answered();
  void watch_registry();
  void offer_again();
  void complain(const configs::diagnostics& problems);
  [[nodiscard]] messages::status_rows report() const;

  const node_parts& parts_;
  const configs::docker_provider& options_;
  docker_provider_state state_;
  std::optional<client::docker_engine> engine_;
  std::string unusable_;  ///< why the endpoint cannot be used at all
  client::transfer_handle stream_;

  std::shared_ptr<const configs::dynamic_config> labels_;  ///< null until the engine has answered
  bool shared_ = false;  ///< the file_provider knows labels_' middlewares
  configs::diagnostics label_problems_;
  std::shared_ptr<const catalog> catalog_;
  source_offers offers_;
  std::size_t unanswered_ = 0;               ///< offers on their way
  std::set<std::string> told_;               ///< problems of the last reading: each is logged once
  std::optional<mono_time> offer_again_at_;  ///< the registry was not there
  tick_timer timer_;
};

}  // namespace stagedoor::actors
