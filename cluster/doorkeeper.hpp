// SPDX-License-Identifier: Apache-2.0
// Stands above the root of the tree, where no supervisor is: starts it, and tells the composition
// root when the whole tree is up and why it ended.
//
// Owner: the node. Runs on: the scheduler, as do the callbacks.
#pragma once

#include "actors/supervision/supervisor.hpp"
#include "actors/support/shell.hpp"

#include <functional>
#include <string>

namespace stagedoor::cluster {

class doorkeeper final : public actors::shell {
 public:
  doorkeeper(caf::actor_config& cfg, supervision::supervisor_plan plan, std::function<void()> ready,
             std::function<void(std::string)> ended);
  caf::behavior make_behavior() override;

 protected:
  void stop_requested(const actors::end_reason& reason) override;

 private:
  supervision::supervisor_plan plan_;
  std::function<void()> ready_;
  std::function<void(std::string)> ended_;
  caf::actor root_;
};

}  // namespace stagedoor::cluster
