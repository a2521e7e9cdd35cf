// SPDX-License-Identifier: Apache-2.0
#include "cluster/doorkeeper.hpp"

#include "actors/supervision/plans.hpp"
#include "messages/cluster.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::cluster {
namespace {

using ::testing::ElementsAre;

/// Writes down that it ended; a stubborn one does not when it is asked.
class part_of_a_node final : public actors::shell {
 public:
  part_of_a_node(caf::actor_config& cfg, std::string id, std::vector<std::string>& ended,
                 bool stubborn)
      : shell(cfg, "part"), id_(std::move(id)), ended_(ended), stubborn_(stubborn) {}
  caf::behavior make_behavior() override {
    return {[](const messages::work_ready&) {}};  // it would end without a behaviour
  }
  void stop_requested(const actors::end_reason& reason) override {
    if (stubborn_) return;
    ended_.push_back(id_);
    shell::stop_requested(reason);
  }

 private:
  const std::string id_;
  std::vector<std::string>& ended_;
  const bool stubborn_;
};

struct doorkeeper_test : actors::actor_fixture {
  std::vector<std::string> ended;
  std::string stubborn;
  std::optional<std::string> root_ended;
  std::optional<result<void>> told;

  supervision::listed_child part(const std::string& id) {
    return supervision::worker(
        id, [this, id](actors::shell& parent, const supervision::child_context&) {
          return parent.spawn<part_of_a_node>(id, ended, id == stubborn);
        });
  }
  supervision::listed_child parts(const char* name, const std::vector<std::string>& ids) {
    auto plan = supervision::plan_of(name, supervision::strategy::rest_for_one);
    for (const auto& id : ids) plan.children.push_back(part(id));
    return supervision::subtree(std::move(plan));
  }
  /// A tree like the node's, with or without a Redis of its own.
  caf::actor open(const std::vector<std::string>& redis) {
    auto plan = supervision::plan_of("root", supervision::strategy::rest_for_one);
    plan.children.push_back(parts("redis", redis));
    plan.children.push_back(part("publishers"));
    plan.children.push_back(parts("certificates", {"orders"}));
    plan.children.push_back(parts("teams", {"team_directory", "provisioner"}));
    plan.children.push_back(parts("cluster", {"coordinator", "work"}));
    plan.children.push_back(parts("queues", {"consumer"}));
    plan.children.push_back(part("providers"));
    plan.children.push_back(parts("admin", {"admin_api"}));
    auto made = spawn<doorkeeper>(
        plan, [] {}, [this](std::string why) { root_ended = std::move(why); });
    advance(seconds(1));
    return made;
  }
  void give_up(const caf::actor& door) {
    tell(door, give_up_owning{[this](result<void> r) { told = std::move(r); }});
  }
};

TEST_F(doorkeeper_test, ends_what_one_process_may_have_in_order_and_leaves_the_rest) {
  const auto door = open({"managed_redis", "redis_bridge"});
  give_up(door);
  ASSERT_TRUE(told.has_value());
  EXPECT_TRUE(*told) << to_string(told->error());
  EXPECT_THAT(ended, ElementsAre("admin_api", "consumer", "work", "coordinator", "provisioner",
                                 "orders", "managed_redis"));
  advance(seconds(300));
  EXPECT_EQ(ended.size(), 7U) << "nothing comes back";
  EXPECT_FALSE(root_ended);
  ended.clear();
  stop(door);
  EXPECT_THAT(ended, ElementsAre("providers", "team_directory", "publishers", "redis_bridge"));
  EXPECT_TRUE(root_ended);
}

TEST_F(doorkeeper_test, a_node_without_its_own_redis_has_nothing_to_end_there) {
  const auto door = open({"redis_bridge"});
  give_up(door);
  ASSERT_TRUE(told.has_value());
  EXPECT_TRUE(*told);
  EXPECT_EQ(ended.back(), "orders");
  stop(door);
}

TEST_F(doorkeeper_test, a_part_that_ends_only_when_it_is_killed_has_ended_too) {
  stubborn = "work";
  const auto door = open({"redis_bridge"});
  give_up(door);
  EXPECT_FALSE(told.has_value());
  advance(seconds(60));
  ASSERT_TRUE(told.has_value());
  EXPECT_TRUE(*told);
  stop(door);
}

}  // namespace
}  // namespace stagedoor::cluster
