// SPDX-License-Identifier: Apache-2.0
// The actor that keeps this run of the node known as alive: see liveness_state.
//
// | receives                | replies               |
// |-------------------------|-----------------------|
// | queue_event             |                       |
// | messages::report_status | messages::status_rows |
//
// Starts before the queue_consumers, so that a list of theirs is known before it holds anything,
// and stops after them: with it goes the sign that this run of the node is alive.
// Owner: the supervisor "consumers". Runs on: the scheduler.
#pragma once

#include "actors/queue/liveness_state.hpp"
#include "actors/queue/queue_messages.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "configs/defaults.hpp"
#include "messages/admin.hpp"
#include "runtime/redis/client.hpp"

#include <memory>

namespace stagedoor::actors {

struct liveness_actor_options {
  node_identity who;
  liveness_options liveness;
  std::shared_ptr<redis::client> client;
  milliseconds store_deadline =
      defaults::janitor_store_deadline;  ///< shorter than the liveness interval
};

class liveness final : public shell {
 public:
  liveness(caf::actor_config& cfg, liveness_actor_options options);
  caf::behavior make_behavior() override;

 protected:
  void stop_requested(const end_reason& reason) override;

 private:
  void apply(const liveness_effects& effects);
  [[nodiscard]] messages::status_rows report() const;

  const liveness_actor_options options_;
  liveness_state state_;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
