// SPDX-License-Identifier: Apache-2.0
#include "cluster/doorkeeper.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "actors/teams/routing_messages.hpp"
#include "messages/supervision.hpp"

#include <array>
#include <caf/actor_cast.hpp>
#include <string_view>

namespace stagedoor::cluster {
namespace {

struct part {
  const char* within;  ///< a supervisor below the root; "" = the root
  const char* id;
};

/// Later ones first, as the tree stops: what is owned ends before the node leaves, and everything
/// that writes before what it writes to.
constexpr std::array<part, 6> of_one_process{{{"", "admin"},
                                              {"", "queues"},
                                              {"", "cluster"},
                                              {"teams", "provisioner"},
                                              {"", "certificates"},
                                              {"redis", "managed_redis"}}};

}  // namespace

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
  return {
      [this](const messages::child_started&) { ready_(); },
      [this](const give_up_owning& m) { end_part(0, m.done); },
  };
}

void doorkeeper::end_part(std::size_t at, const std::function<void(result<void>)>& told) {
  if (at == of_one_process.size()) {
    actors::tell(actors::find_name(system(), "teamdir"), actors::follow_closely{});
    return told({});
  }
  const auto& [within, id] = of_one_process[at];
  const auto next = [this, at, told] { end_part(at + 1, told); };
  const auto failed = [next, told](const fault& f) {
    f.kind == fault_kind::not_found ? next() : told(f);  // not every node has every part
  };
  const auto end = [this, next, failed, id = std::string(id)](const caf::actor& supervisor) {
    actors::ask<messages::child_stopped>(
        this, supervisor, messages::stop_child{id}, defaults::handover_stop,
        [next](messages::child_stopped&) { next(); }, failed);
  };
  if (std::string_view(within).empty()) return end(root_);
  actors::ask<messages::child_location>(
      this, root_, messages::locate_child{within}, defaults::handover_stop,
      [next, end](messages::child_location& m) { m.handle ? end(m.handle) : next(); }, failed);
}

void doorkeeper::stop_requested(const actors::end_reason& /*reason*/) { actors::stop(root_); }

}  // namespace stagedoor::cluster
