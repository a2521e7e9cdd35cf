// SPDX-License-Identifier: Apache-2.0
#include "cluster/doorkeeper.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "messages/supervision.hpp"

#include <caf/actor_cast.hpp>

namespace stagedoor::cluster {

doorkeeper::doorkeeper(caf::actor_config& cfg, supervision::supervisor_plan plan,
                       std::function<void()> ready, std::function<void(std::string)> ended)
    : shell(cfg, "doorkeeper"),
      plan_(std::move(plan)),
      ready_(std::move(ready)),
      ended_(std::move(ended)) {}

caf::behavior doorkeeper::make_behavior() {
  supervision::child_context context;
  context.supervisor = caf::actor_cast<caf::actor>(this);
  context.id = "root";
  root_ = spawn<supervision::supervisor>(plan_, context);
  actors::publish_name(system(), "root", root_);
  watch(root_, [this](const actors::end_reason& reason) {
    root_ = nullptr;  // it holds this actor: neither would ever be freed
    ended_(to_string(reason));
    quit();
  });
  return {[this](const messages::child_started&) { ready_(); }};
}

void doorkeeper::stop_requested(const actors::end_reason& /*reason*/) { actors::stop(root_); }

}  // namespace stagedoor::cluster
