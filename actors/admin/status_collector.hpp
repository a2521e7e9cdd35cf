// SPDX-License-Identifier: Apache-2.0
// The actor that asks the loops what they have done.
//
// | receives                | replies               | when                     |
// |-------------------------|-----------------------|--------------------------|
// | messages::report_status | messages::status_rows | every loop has answered  |
//
// Owner: the admin supervisor. Runs on: the scheduler. Bounded by: its callers.
#pragma once

#include "actors/support/shell.hpp"
#include "messages/admin.hpp"

#include <functional>
#include <vector>

namespace stagedoor::actors {

/// Posts to its loop, which calls back with its rows on its own thread. False when it is full.
using loop_report = std::function<bool(std::function<void(std::vector<messages::status_row>)>)>;

class status_collector final : public shell {
 public:
  status_collector(caf::actor_config& cfg, std::vector<loop_report> loops);
  caf::behavior make_behavior() override;

 private:
  void report();

  const std::vector<loop_report> loops_;
};

}  // namespace stagedoor::actors
