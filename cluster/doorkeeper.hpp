// SPDX-License-Identifier: Apache-2.0
// Stands above the root of the tree, where no supervisor is: starts it, and tells the composition
// root when the whole tree is up and why it ended.
//
// For a successor it ends what only one process may have, and leaves the rest of the tree: what is
// in no table is still looked up for the lanes, which serve until the successor does, and whoever
// keeps a connection asks once more after that.
//
// Owner: the node. Runs on: the scheduler, as do the callbacks.
#pragma once

#include "actors/supervision/supervisor.hpp"
#include "actors/support/shell.hpp"
#include "cluster/local_messages.hpp"

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
  void end_part(std::size_t at, const std::function<void(result<void>)>& told);

  supervision::supervisor_plan plan_;
  std::function<void()> ready_;
  std::function<void(std::string)> ended_;
  caf::actor root_;
};

}  // namespace stagedoor::cluster
