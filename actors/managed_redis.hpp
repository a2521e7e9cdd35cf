// SPDX-License-Identifier: Apache-2.0
// The redis-server that this node brings itself, as a supervised child.
//
// It reports as started when Redis answers with its data loaded, so nothing that needs Redis starts
// before. When Redis ends the actor ends with the reason, and its supervisor starts both again.
// Owner: the redis_supervisor. Runs on: the scheduler; the child belongs to the control loop.
// Stops when: told to, once Redis has ended (SIGTERM, then SIGKILL at its stop deadline).
#pragma once

#include "actors/supervision/supervisor.hpp"
#include "actors/support/shell.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/redis/managed_server.hpp"

#include <memory>

namespace stagedoor::actors {

struct managed_redis_options {
  loop* control = nullptr;  ///< outlives the actor; the child dies with its thread
  redis::managed_server_options server;
};

class managed_redis final : public shell {
 public:
  managed_redis(caf::actor_config& cfg, managed_redis_options options,
                supervision::child_context self);
  caf::behavior make_behavior() override;
  void on_exit() override;

 protected:
  void stop_requested(const end_reason& reason) override;

 private:
  struct holder;  // lives in the control loop

  const managed_redis_options options_;
  const supervision::child_context self_;
  std::shared_ptr<holder> holder_;
};

}  // namespace stagedoor::actors
