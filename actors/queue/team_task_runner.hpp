// SPDX-License-Identifier: Apache-2.0
// Runs the platform's team tasks by asking the provisioner.
//
//   team.provision    payload: a team_spec            result: the flow's end, as JSON
//   team.deprovision  payload: {"slug": "team-a"}
// Any other type is a dead letter: nobody on this node can do it.
// Owner: a queue_consumer. Runs on: the scheduler, in the consumer's context.
// Bounded by: the consumer's credit; |deadline| for one task.
#pragma once

#include "actors/queue/queue_consumer.hpp"
#include "actors/queue/task_runner.hpp"
#include "messages/team.hpp"

#include <map>
#include <string>

namespace stagedoor::actors {

class team_task_runner final : public task_runner {
 public:
  team_task_runner(shell& self, run_reports reports, std::string domain, milliseconds deadline);

  void start(run_id run, const task& what) override;
  void cancel(run_id run) override;
  void heard(const std::string& task_id, const task_progress& p) override;

 private:
  void provision(run_id run, const task& what);
  void deprovision(run_id run, const task& what);
  template <class Order>
  void order(run_id run, const std::string& task_id, Order message);
  void end(run_id run, const task_outcome& outcome);

  shell& self_;
  const run_reports reports_;
  const std::string domain_;
  const milliseconds deadline_;
  std::map<std::string, run_id> runs_;  ///< by task id, which is the flow's id too
};

}  // namespace stagedoor::actors
