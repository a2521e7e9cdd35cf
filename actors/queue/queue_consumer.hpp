// SPDX-License-Identifier: Apache-2.0
// The actor that works on one lane of task queues.
//
// | receives                       | replies               | then                             |
// |--------------------------------|-----------------------|----------------------------------|
// | queue_event                    |                       | see queue_consumer_state         |
// | messages::team_flow_progressed |                       | the task's progress, in Redis    |
// | messages::report_status        | messages::status_rows |                                  |
//
// Sends: what its task_runner sends. Stops when: told to, once its runs have ended or their grace
// is over and everything else is back in its queue; give it a longer stop deadline than stop_grace.
// A restart loses nothing: the new one finds what the old one held in the processing lists.
// Owner: the queue_supervisor. Runs on: the scheduler; the sockets are in the client's loop.
// Bounded by: consumer_options::credit.
#pragma once

#include "actors/queue/queue_consumer_state.hpp"
#include "actors/queue/queue_messages.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "configs/defaults.hpp"
#include "messages/admin.hpp"
#include "messages/team.hpp"
#include "runtime/redis/client.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace stagedoor::actors {

/// How a runner reports; to be called in the actor's own context.
struct run_reports {
  std::function<void(run_id, const task_progress&)> progressed;
  std::function<void(run_id, const task_outcome&)> finished;
};

struct queue_consumer_options {
  std::string lane;  ///< "dns": for status
  node_identity who;
  consumer_options consumer;
  std::shared_ptr<redis::client> client;
  std::function<std::unique_ptr<task_runner>(shell& self, run_reports reports)> make_runner;
  milliseconds store_deadline = defaults::queue_store_deadline;  ///< of one script
};

class queue_consumer final : public shell {
 public:
  queue_consumer(caf::actor_config& cfg, queue_consumer_options options);
  caf::behavior make_behavior() override;
  void on_exit() override;

 protected:
  void stop_requested(const end_reason& reason) override;

 private:
  void handle(const queue_event& m);
  void apply(const consumer_effects& effects);
  void order(const order_pop& o);
  void start_pop(const std::string& queue);
  void arm();
  [[nodiscard]] messages::status_rows report() const;

  const queue_consumer_options options_;
  queue_consumer_state state_;
  std::unique_ptr<task_runner> runner_;
  std::map<std::string, redis::popper_id> pops_;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
