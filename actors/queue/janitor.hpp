// SPDX-License-Identifier: Apache-2.0
// The actor that keeps the queues of all nodes tidy, on the one that owns this work: see
// janitor_state.
//
// | receives                | replies               |
// |-------------------------|-----------------------|
// | queue_event             |                       |
// | messages::owner_proof   |                       |
// | messages::node_gone     |                       |
// | messages::report_status | messages::status_rows |
//
// Sends: janitor_ready to "cluster"; write_owned, when it is refused. Known as "janitor". Owner:
// the supervisor "janitors". Runs on: the scheduler.
#pragma once

#include "actors/queue/janitor_state.hpp"
#include "actors/queue/queue_messages.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "configs/defaults.hpp"
#include "messages/admin.hpp"
#include "runtime/redis/client.hpp"

#include <memory>

namespace stagedoor::actors {

struct janitor_actor_options {
  node_identity who;
  messages::owner_proof proof;
  janitor_options janitor;
  std::shared_ptr<redis::client> client;
  milliseconds store_deadline = defaults::janitor_store_deadline;
};

class janitor final : public shell {
 public:
  janitor(caf::actor_config& cfg, janitor_actor_options options);
  caf::behavior make_behavior() override;

 private:
  void apply(const janitor_effects& effects);
  void handle(const queue_event& m);
  void refused();
  [[nodiscard]] messages::status_rows report() const;

  const janitor_actor_options options_;
  janitor_state state_;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
