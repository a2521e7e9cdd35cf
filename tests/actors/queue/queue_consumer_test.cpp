// SPDX-License-Identifier: Apache-2.0
// The queue's actors on a real redis-server, with a stand-in for the provisioner.
#include "actors/queue/queue_consumer.hpp"

#include "actors/queue/janitor.hpp"
#include "actors/queue/liveness.hpp"
#include "actors/queue/team_task_runner.hpp"
#include "actors/support/actor_names.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace stagedoor::actors {
namespace {

using test::redis_cli;
using test::turn_for;

constexpr const char* queue = "queue:provisioning:high";
constexpr const char* held_by_us = "{queue:provisioning:high}:proc:n:1";

class queue_consumer_test : public actor_fixture {
 protected:
  void SetUp() override { (void)client_->start(); }
  void TearDown() override {
    actor_fixture::TearDown();
    client_.reset();
    loop_.turn(milliseconds(0));
  }

  caf::actor consumer() {
    queue_consumer_options o;
    o.lane = "provisioning";
    o.who = {"n", "1"};
    o.consumer.queues = {{queue, 8}, {"queue:provisioning:normal", 1}};
    o.client = client_;
    o.make_runner = [](shell& self, run_reports reports) {
      return std::make_unique<team_task_runner>(self, std::move(reports), "kanban.domain",
                                                seconds(30));
    };
    return spawn<queue_consumer>(std::move(o));
  }
  /// A provisioner that takes orders and answers nothing: the test keeps the task running.
  probe busy_provisioner() {
    auto teams = make_probe();
    publish_name(system(), "teams", teams.handle());
    return teams;
  }
  probe provisioner() {
    auto teams = busy_provisioner();
    teams.answers<messages::provision_team>([](const messages::provision_team& m) {
      return messages::team_flow_finished{m.flow, m.spec.slug, m.spec.host, "default", {}};
    });
    return teams;
  }

  /// Loop and actors in turn until |done|; the actors' clock follows |per_turn|.
  template <class Predicate>
  [[nodiscard]] bool pump(Predicate done, milliseconds per_turn = milliseconds(0)) {
    const auto end = mono_clock::now() + seconds(10);
    while (!done()) {
      if (mono_clock::now() > end) return false;
      loop_.turn(milliseconds(1));
      run();
      if (per_turn.count() > 0) advance(per_turn);
    }
    return true;
  }
  std::string status(const std::string& id) { return cli_({"HGET", "task:" + id, "status"}).text; }
  static std::string item(const std::string& id, const std::string& type,
                          const std::string& payload) {
    return fmt::format(R"({{"id":"{}","type":"{}","user_id":"u1","payload":{}}})", id, type,
                       payload);
  }
  static std::string provision(const std::string& id) {
    return item(
        id, "team.provision",
        R"({"slug":"team-a","api":["http://127.0.0.1:9001"],"web":["http://127.0.0.1:9002"]})");
  }

  test::redis_process server_;
  redis_cli cli_{server_.port()};
  loop loop_;
  std::shared_ptr<redis::client> client_ = std::make_shared<redis::client>(
      loop_, *redis::endpoint::parse(fmt::format("redis://127.0.0.1:{}", server_.port())));
};

TEST_F(queue_consumer_test, a_pushed_team_is_ordered_and_its_end_is_written) {
  auto teams = provisioner();
  const auto me = consumer();
  cli_({"LPUSH", queue, provision("t1")});
  ASSERT_TRUE(pump([&] { return status("t1") == "completed"; }));
  const auto orders = teams.received<messages::provision_team>();
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].flow, "t1");
  EXPECT_EQ(orders[0].user_id, "u1");
  EXPECT_EQ(orders[0].spec.host, "team-a.kanban.domain");
  const auto result = nlohmann::json::parse(cli_({"HGET", "task:t1", "result"}).text);
  EXPECT_EQ(result["host"], "team-a.kanban.domain");
  EXPECT_EQ(cli_({"EXISTS", held_by_us}).integer, 0);
}

TEST_F(queue_consumer_test, progress_told_by_the_provisioner_is_in_the_hash) {
  auto teams = busy_provisioner();
  const auto me = consumer();
  cli_({"LPUSH", queue, provision("t1")});
  ASSERT_TRUE(pump([&] { return teams.received<messages::provision_team>().size() == 1; }));
  tell(me, messages::team_flow_progressed{"t1", 3, 10, "Creating containers"});
  ASSERT_TRUE(pump([&] { return cli_({"HGET", "task:t1", "step"}).text == "3"; }));
  EXPECT_EQ(cli_({"HGET", "task:t1", "percentage"}).text, "30");
  EXPECT_EQ(cli_({"HGET", "task:t1", "message"}).text, "Creating containers");
}

TEST_F(queue_consumer_test, what_nobody_can_do_is_a_dead_letter_with_its_reason) {
  const auto teams = provisioner();
  const auto me = consumer();
  cli_({"LPUSH", queue, item("bad", "team.provision", R"({"slug":"Not A Label"})"),
        item("odd", "coffee.brew", "{}"), "{nonsense", item("gone", "team.deprovision", "{}")});
  const std::string dead = std::string(queue) + ":dead";
  ASSERT_TRUE(pump([&] { return cli_({"LLEN", dead}).integer == 4; }));
  EXPECT_EQ(status("bad"), "failed");
  EXPECT_NE(cli_({"HGET", "task:odd", "error"}).text.find("coffee.brew"), std::string::npos);
}

TEST_F(queue_consumer_test, without_a_provisioner_the_task_is_tried_again_later) {
  janitor_actor_options o;
  o.who = {"n", "1"};
  o.janitor.queues = {queue};
  o.client = client_;
  const auto tidy = spawn<janitor>(o);  // an actor that nobody knows ends
  const auto me = consumer();
  cli_({"LPUSH", queue, provision("t1")});
  ASSERT_TRUE(pump([&] { return status("t1") == "retrying"; }));
  auto teams = provisioner();
  EXPECT_TRUE(pump([&] { return status("t1") == "completed"; }, milliseconds(5)));
}

TEST_F(queue_consumer_test, a_killed_consumer_is_replaced_without_losing_what_it_held) {
  auto teams = busy_provisioner();
  const auto first = consumer();
  cli_({"LPUSH", queue, item("t1", "team.deprovision", R"({"slug":"team-a"})")});
  ASSERT_TRUE(pump([&] { return teams.received<messages::deprovision_team>().size() == 1; }));
  kill(first);
  EXPECT_EQ(cli_({"LLEN", held_by_us}).integer, 1);
  teams.answers<messages::deprovision_team>([](const messages::deprovision_team& m) {
    return messages::team_flow_finished{m.flow, m.slug, "", "", {}};
  });
  const auto second = consumer();
  ASSERT_TRUE(pump([&] { return status("t1") == "completed"; }));
  const auto orders = teams.received<messages::deprovision_team>();
  ASSERT_EQ(orders.size(), 2U);
  EXPECT_EQ(orders[1].delivery, 2U);
}

TEST_F(queue_consumer_test, stopping_gives_back_what_does_not_end_in_time) {
  auto teams = busy_provisioner();
  const auto me = consumer();
  cli_({"LPUSH", queue, provision("t1")});
  ASSERT_TRUE(pump([&] { return teams.received<messages::provision_team>().size() == 1; }));
  stop(me);
  run();
  EXPECT_TRUE(alive(me)) << "the run has its grace";
  ASSERT_TRUE(pump([&] { return !alive(me); }, milliseconds(100)));
  EXPECT_EQ(cli_({"EXISTS", held_by_us}).integer, 0);
  EXPECT_EQ(cli_({"LRANGE", queue, "0", "-1"}).at(0).text, provision("t1"));
}

TEST_F(queue_consumer_test, liveness_brings_back_what_an_earlier_run_held) {
  cli_({"LPUSH", "{queue:provisioning:high}:proc:n:0", provision("t1")});
  cli_({"SADD", "stagedoor:processing", "{queue:provisioning:high}:proc:n:0"});
  liveness_actor_options o;
  o.who = {"n", "1"};
  o.liveness.own_lists = {held_by_us};
  o.client = client_;
  const auto me = spawn<liveness>(o);
  ASSERT_TRUE(pump([&] { return cli_({"LLEN", queue}).integer == 1; }));
  EXPECT_EQ(cli_({"EXISTS", "stagedoor:node:n:1"}).integer, 1);
  EXPECT_EQ(cli_({"SISMEMBER", "stagedoor:processing", held_by_us}).integer, 1);
  stop(me);
  ASSERT_TRUE(pump([&] { return cli_({"EXISTS", "stagedoor:node:n:1"}).integer == 0; }));
}

TEST_F(queue_consumer_test,
       an_owned_janitor_works_by_its_proof_and_learns_of_newer_ones_and_deaths) {
  const std::string dead = "{queue:provisioning:high}:proc:m:7";
  cli_({"SET", "stagedoor:node:m:7", "1"});
  cli_({"SADD", "stagedoor:processing", dead});
  cli_({"LPUSH", dead, provision("t1")});
  cli_({"HSET", "stagedoor:owner:janitor:queues:0", "node", "n", "run", "r", "fence", "2"});
  janitor_actor_options o;
  o.who = {"n", "1"};
  o.proof = {{"janitor", "queues", 0}, "n", "r", 1};
  o.janitor.queues = {queue};
  o.client = client_;
  const auto me = spawn<janitor>(o);
  tell(me, messages::node_gone{"m", "7"});
  turn_for(loop_, milliseconds(50));
  run();
  EXPECT_EQ(cli_({"LLEN", dead}).integer, 1) << "its proof is not the newest";
  tell(me, messages::owner_proof{{"janitor", "queues", 0}, "n", "r", 2});
  ASSERT_TRUE(pump([&] { return cli_({"LLEN", queue}).integer == 1; }));
  EXPECT_EQ(cli_({"EXISTS", dead, "stagedoor:node:m:7"}).integer, 0);
}

}  // namespace
}  // namespace stagedoor::actors
