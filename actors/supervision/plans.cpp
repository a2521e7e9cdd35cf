// SPDX-License-Identifier: Apache-2.0
#include "actors/supervision/plans.hpp"

#include "actors/support/actor_names.hpp"
#include "runtime/base/log.hpp"

namespace stagedoor::supervision {

listed_child worker(std::string id, child_factory make) {
  listed_child out;
  out.spec.id = std::move(id);
  out.make = std::move(make);
  return out;
}

listed_child subtree(supervisor_plan plan, milliseconds start_deadline) {
  listed_child out;
  out.spec.id = plan.name;
  out.spec.policy.kind = child_kind::supervisor;
  out.spec.policy.start = start_mode::when_reported;
  out.spec.policy.start_deadline = start_deadline;
  out.spec.policy.stop_deadline = seconds(30);
  out.make = make_supervisor(std::move(plan));
  return out;
}

listed_child named(const char* name, listed_child child) {
  child.make = [name, make = std::move(child.make)](actors::shell& parent,
                                                    const child_context& context) {
    auto made = make(parent, context);
    actors::publish_name(parent.system(), name, made);
    return made;
  };
  return child;
}

supervisor_plan plan_of(const char* name, strategy how) {
  supervisor_plan out;
  out.name = name;
  out.options.how = how;
  out.on_notice = [name](const child_notice& n) {
    log::warning("child ended", {{"supervisor", name},
                                 {"child", n.id},
                                 {"reason", actors::to_string(n.reason)},
                                 {"wait_ms", n.wait.count()}});
  };
  return out;
}

}  // namespace stagedoor::supervision
