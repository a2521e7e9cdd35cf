// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/queue_tree.hpp"

#include "actors/queue/janitor.hpp"
#include "actors/queue/liveness.hpp"
#include "actors/queue/queue_consumer.hpp"
#include "actors/queue/queue_names.hpp"
#include "actors/queue/team_task_runner.hpp"
#include "actors/supervision/plans.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/support/owner_proofs.hpp"

#include <stdexcept>

namespace stagedoor::actors {
namespace {

using supervision::child_context;

constexpr std::size_t provisioning_credit = 64;  ///< teams provisioned at once
constexpr milliseconds provisioning_deadline = seconds(120);

/// High goes first, but normal gets one turn in nine even when high never runs dry.
std::vector<queue_share> provisioning_queues() {
  return {{"queue:provisioning:high", 8}, {"queue:provisioning:normal", 1}};
}

node_identity identity_of(const node_parts& parts) {
  return {parts.config->node.node.name, parts.incarnation};
}

supervision::listed_child liveness_child(const node_parts& parts) {
  return supervision::worker("liveness", [&parts](shell& parent, const child_context&) {
    liveness_actor_options options;
    options.who = identity_of(parts);
    options.client = parts.redis;
    for (const auto& q : provisioning_queues())
      options.liveness.own_lists.push_back(queue_names::processing(q.name, options.who));
    auto made = parent.spawn<liveness>(std::move(options));
    publish_name(parent.system(), "liveness", made);
    return made;
  });
}

supervision::listed_child provisioning_child(const node_parts& parts) {
  auto consumer =
      supervision::worker("provisioning", [&parts](shell& parent, const child_context&) {
        queue_consumer_options options;
        options.lane = "provisioning";
        options.who = identity_of(parts);
        options.consumer.queues = provisioning_queues();
        options.consumer.credit = provisioning_credit;
        options.client = parts.redis;
        options.make_runner = [domain = parts.config->node.platform.domain](shell& self,
                                                                            run_reports reports) {
          return std::make_unique<team_task_runner>(self, std::move(reports), domain,
                                                    provisioning_deadline);
        };
        auto made = parent.spawn<queue_consumer>(std::move(options));
        publish_name(parent.system(), "queues", made);
        return made;
      });
  consumer.spec.policy.stop_deadline = seconds(20);
  return consumer;
}

}  // namespace

supervision::supervisor_plan queues_plan(const node_parts& parts) {
  auto plan = supervision::plan_of("queues", supervision::strategy::rest_for_one);
  plan.children.push_back(liveness_child(parts));
  plan.children.push_back(provisioning_child(parts));
  return plan;
}

supervision::supervisor_plan janitors_plan(const node_parts& parts) {
  auto plan = supervision::plan_of("janitors");
  plan.make_dynamic = [&parts](shell& parent, const child_context& context) {
    auto proof = parse_owner_proof(context.argument);
    if (!proof) throw std::invalid_argument(proof.error().detail);
    janitor_actor_options options;
    options.who = identity_of(parts);
    options.proof = *std::move(proof);
    options.client = parts.redis;
    for (const auto& q : provisioning_queues()) options.janitor.queues.push_back(q.name);
    auto made = parent.spawn<janitor>(std::move(options));
    publish_name(parent.system(), "janitor", made);
    return made;
  };
  return plan;
}

}  // namespace stagedoor::actors
