// SPDX-License-Identifier: Apache-2.0
// Queues on a real redis-server while nodes die, pause and stop, and others work beside them.
#include "tests/actors/queue/queue_node.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

#include <atomic>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace stagedoor::actors {
namespace {

using test::queue_node;
using test::redis_cli;
using test::turn_for;
using test::turn_until;

constexpr const char* high = "queue:x:high";
constexpr const char* normal = "queue:x:normal";

class queue_integration : public testing::Test {
 protected:
  static consumer_options lane() {
    consumer_options o;
    o.queues = {{high, 8}, {normal, 1}};
    o.credit = 32;
    o.max_deliveries = 1000;
    o.retry_base = milliseconds(20);
    o.retry_cap = milliseconds(40);
    o.store_retry = milliseconds(20);
    o.scan_interval = milliseconds(500);
    return o;
  }
  static liveness_options liveness(milliseconds ttl) {
    liveness_options o;
    o.ttl = ttl;
    o.interval = milliseconds(100);
    return o;
  }
  static janitor_options janitor() {
    janitor_options o;
    o.scan_interval = milliseconds(100);
    return o;
  }
  static redis::client_options client() {
    redis::client_options o;
    o.commands.session.backoff_base = milliseconds(5);
    o.commands.session.backoff_cap = milliseconds(50);
    return o;
  }
  std::unique_ptr<queue_node> node(const std::string& name, consumer_options o = lane(),
                                   milliseconds ttl = milliseconds(600)) {
    return std::make_unique<queue_node>(loop_, server_.port(),
                                        node_identity{name, std::to_string(++incarnation_)},
                                        std::move(o), liveness(ttl), janitor(), client());
  }
  static std::string item(const std::string& id, const std::string& type = "mail.send") {
    return fmt::format(R"({{"id":"{}","type":"{}","user_id":"u1","payload":{{}}}})", id, type);
  }
  void push(const std::string& queue, const std::vector<std::string>& raws) {
    for (const auto& raw : raws) cli_.send({"LPUSH", queue, raw});
    for (std::size_t i = 0; i < raws.size(); ++i) cli_.receive();
  }
  std::int64_t statistic(const std::string& name) {
    const auto r = cli_({"HGET", "stagedoor:stats:queues", name});
    return r.is_nil() ? 0 : std::stoll(r.text);
  }
  std::int64_t settled(const std::string& how) {
    return statistic(std::string(high) + ":" + how) + statistic(std::string(normal) + ":" + how);
  }
  std::size_t keys(const std::string& pattern) { return cli_({"KEYS", pattern}).items.size(); }

  test::redis_process server_;
  redis_cli cli_{server_.port()};
  loop loop_;
  int incarnation_ = 0;
};

TEST_F(queue_integration, ten_thousand_tasks_survive_nodes_that_die_at_random) {
  constexpr int total = 10'000;
  constexpr int malformed = 50;
  constexpr int rejected = 30;
  std::minstd_rand random(20260101);
  std::vector<std::string> urgent;
  std::vector<std::string> ordinary;
  for (int i = 0; i < total; ++i)
    (i % 4 == 0 ? urgent : ordinary)
        .push_back(item(fmt::format("t{}", i), i % 100 == 7 ? "retry.once" : "mail.send"));
  for (int i = 0; i < malformed; ++i) ordinary.push_back(fmt::format("{{broken {}", i));
  for (int i = 0; i < rejected; ++i) urgent.push_back(item(fmt::format("r{}", i), "refuse.me"));
  std::shuffle(urgent.begin(), urgent.end(), random);
  std::shuffle(ordinary.begin(), ordinary.end(), random);
  push(high, urgent);
  push(normal, ordinary);

  std::map<std::string, int> runs;
  std::unique_ptr<queue_node> living;
  const auto replace = [&] {
    // Every other time under another name: then its life must run out before it is inherited.
    living = node(incarnation_ % 2 == 0 ? "n" : fmt::format("n{}", incarnation_));
    auto* me = living.get();
    me->effects_left = 200 + random() % 4000;
    me->on_run = [&, me](run_id run, const task& t) {
      const int before = runs[t.id]++;
      task_outcome outcome;
      if (t.type == "refuse.me")
        outcome.error = fault{fault_kind::invalid, fault_side::client, retryable::no, "refused"};
      if (t.type == "retry.once" && before == 0)
        outcome.error =
            fault{fault_kind::unreachable, fault_side::upstream, retryable::yes, "later"};
      loop_.defer([me, run, outcome] { me->finish(run, outcome); });
    };
    me->start();
  };
  replace();
  int deaths = 0;
  const auto end = mono_clock::now() + seconds(60);
  while (settled("completed") < total && mono_clock::now() < end) {
    for (int i = 0; i < 20; ++i) loop_.turn(milliseconds(1));
    if (living->alive()) continue;
    ++deaths;
    replace();
  }
  living->effects_left = std::numeric_limits<std::size_t>::max();
  ASSERT_TRUE(turn_until(
      loop_, [&] { return settled("dead") == malformed + rejected && keys("*:proc:*") == 0; }));

  EXPECT_EQ(settled("completed"), total);
  EXPECT_EQ(settled("failed"), 0);
  EXPECT_GT(deaths, 5);
  EXPECT_EQ(cli_({"LLEN", high}).integer + cli_({"LLEN", normal}).integer, 0);
  EXPECT_EQ(keys("*:retry"), 0U);
  EXPECT_EQ(keys("*:delivery:*"), 0U) << "nothing is left behind";
  EXPECT_EQ(keys("task:t*"), static_cast<std::size_t>(total));
  std::set<std::string> letters;
  for (const std::string queue : {high, normal})
    for (const auto& letter : cli_({"LRANGE", queue + ":dead", "0", "-1"}).items)
      letters.insert(nlohmann::json::parse(letter.text).at("raw").get<std::string>());
  EXPECT_EQ(letters.size(), static_cast<std::size_t>(malformed + rejected));
  EXPECT_EQ(cli_({"LLEN", std::string(normal) + ":dead"}).integer, malformed);
  int twice = 0;
  for (const auto& [id, count] : runs) twice += count - 1;
  RecordProperty("deaths", deaths);
  RecordProperty("ran_again", twice);
  EXPECT_LE(twice, total / 100 + deaths * 40) << "only what a dead node held runs again";
}

TEST_F(queue_integration, a_plain_consumer_may_take_tasks_beside_us) {
  constexpr int total = 2'000;
  std::atomic<bool> stop{false};
  std::atomic<int> theirs{0};
  std::thread plain([&] {
    redis_cli other(server_.port());
    while (!stop)
      if (!other({"BRPOP", high, normal, "0.05"}).is_nil()) ++theirs;
  });
  auto ours = node("n");
  int runs = 0;
  ours->on_run = [&](run_id run, const task&) {
    ++runs;
    loop_.defer([&, run] { ours->finish(run, {}); });
  };
  ours->start();
  for (int i = 0; i < total; ++i) {
    push(i % 2 == 0 ? high : normal, {item(fmt::format("t{}", i))});
    if (i % 10 == 0) loop_.turn(milliseconds(1));
  }
  EXPECT_TRUE(turn_until(loop_, [&] { return settled("completed") + theirs >= total; }));
  stop = true;
  plain.join();
  EXPECT_EQ(settled("completed") + theirs, total) << "each task went to exactly one of us";
  EXPECT_EQ(runs, settled("completed"));
}

TEST_F(queue_integration, a_paused_node_that_comes_back_is_refused) {
  push(high, {item("a")});
  auto slow = node("slow");
  auto fast = node("fast");
  std::vector<std::pair<run_id, std::uint32_t>> deliveries;
  slow->on_run = [&](run_id run, const task& t) { deliveries.emplace_back(run, t.delivery); };
  slow->start();
  ASSERT_TRUE(turn_until(loop_, [&] { return deliveries.size() == 1; }));
  // Its heart stops, as under SIGSTOP: the key runs out while it still holds the task.
  cli_({"DEL", "stagedoor:node:slow:1"});
  fast->on_run = [&](run_id run, const task& t) {
    deliveries.emplace_back(run, t.delivery);
    loop_.defer(
        [&, run] { fast->finish(run, {.message = {}, .result = R"("fast")", .error = {}}); });
  };
  fast->start();
  const auto in_time = turn_until(loop_, [&] {
    cli_({"DEL", "stagedoor:node:slow:1"});
    return settled("completed") == 1;
  });
  ASSERT_TRUE(in_time);
  EXPECT_EQ(deliveries.back().second, 2U) << "the executor can tell the newer delivery";
  slow->finish(deliveries.front().first, {.message = {}, .result = R"("slow")", .error = {}});
  ASSERT_TRUE(turn_until(loop_, [&] { return slow->consumer().counters().lost == 1; }));
  EXPECT_EQ(cli_({"HGET", "task:a", "result"}).text, R"("fast")");
  EXPECT_EQ(settled("completed"), 1);
}

TEST_F(queue_integration, what_a_node_held_is_done_at_once_when_its_death_is_known) {
  push(high, {item("a"), item("b")});
  auto dead = node("dead", lane(), seconds(600));
  int taken = 0;
  dead->on_run = [&](run_id, const task&) { ++taken; };
  dead->start();
  ASSERT_TRUE(turn_until(loop_, [&] { return taken == 2; }));
  auto heir = node("heir");
  heir->on_run = [&](run_id run, const task&) { loop_.defer([&, run] { heir->finish(run, {}); }); };
  heir->start();
  dead->kill();
  turn_for(loop_, milliseconds(300));
  ASSERT_EQ(settled("completed"), 0) << "its key is there for ten minutes";
  const auto told = mono_clock::now();
  heir->learn_of_death({"dead", "1"});
  ASSERT_TRUE(turn_until(loop_, [&] { return settled("completed") == 2; }));
  EXPECT_LT(mono_clock::now() - told, milliseconds(500));
}

TEST_F(queue_integration, a_frozen_node_that_passed_for_dead_is_refused_and_lives_again) {
  push(high, {item("a")});
  auto frozen = node("frozen", lane(), seconds(600));
  std::vector<run_id> held;
  frozen->on_run = [&](run_id run, const task&) { held.push_back(run); };
  frozen->start();
  ASSERT_TRUE(turn_until(loop_, [&] { return held.size() == 1; }));
  auto heir = node("heir");
  bool theirs = false;
  heir->on_run = [&](run_id run, const task&) {
    theirs = true;
    loop_.defer(
        [&, run] { heir->finish(run, {.message = {}, .result = R"("heir")", .error = {}}); });
  };
  heir->start();
  // Its next sign of life may come right after the key was taken away: then it is told again.
  const auto in_time = turn_until(loop_, [&] {
    heir->learn_of_death({"frozen", "1"});
    return settled("completed") == 1;
  });
  ASSERT_TRUE(in_time);
  EXPECT_TRUE(theirs);
  frozen->finish(held.front(), {.message = {}, .result = R"("frozen")", .error = {}});
  ASSERT_TRUE(turn_until(loop_, [&] { return frozen->consumer().counters().lost == 1; }));
  EXPECT_EQ(cli_({"HGET", "task:a", "result"}).text, R"("heir")");
  ASSERT_TRUE(turn_until(loop_, [&] {
    return cli_({"EXISTS", "stagedoor:node:frozen:1"}).integer == 1;
  }));
  heir->kill();
  push(high, {item("b")});
  ASSERT_TRUE(turn_until(loop_, [&] { return held.size() == 2; }));
  frozen->finish(held.back(), {});
  EXPECT_TRUE(turn_until(loop_, [&] { return settled("completed") == 2; }));
}

TEST_F(queue_integration, work_goes_on_after_redis_was_killed_and_restarted) {
  auto n = node("n");
  int runs = 0;
  n->on_run = [&](run_id run, const task&) {
    ++runs;
    loop_.defer([&, run] { n->finish(run, {}); });
  };
  n->start();
  push(high, {item("before")});
  ASSERT_TRUE(turn_until(loop_, [&] { return settled("completed") == 1; }));
  server_.kill();
  turn_for(loop_, milliseconds(100));
  server_.start();
  const auto back = mono_clock::now();
  cli_.reconnect(server_.port());
  push(normal, {item("after")});
  ASSERT_TRUE(turn_until(
      loop_, [&] { return settled("completed") == 1; }, milliseconds(5000)));
  EXPECT_LT(mono_clock::now() - back, seconds(5));
  EXPECT_EQ(runs, 2);
}

TEST_F(queue_integration, stopping_leaves_nothing_in_our_lists) {
  constexpr int total = 200;
  auto n = node("n");
  std::vector<run_id> open;
  n->on_run = [&](run_id run, const task&) { open.push_back(run); };
  bool stopped = false;
  n->on_stopped = [&] { stopped = true; };
  std::vector<std::string> raws;
  for (int i = 0; i < total; ++i) raws.push_back(item(fmt::format("t{}", i)));
  push(high, raws);
  n->start();
  ASSERT_TRUE(turn_until(loop_, [&] { return open.size() == lane().credit; }));
  EXPECT_EQ(cli_({"LLEN", high}).integer, total - static_cast<int>(lane().credit))
      << "we hold only what we run";
  n->stop();
  for (const auto run : std::vector(open)) n->finish(run, {});
  ASSERT_TRUE(turn_until(loop_, [&] { return stopped; }));
  EXPECT_EQ(keys("*:proc:*"), 0U);
  EXPECT_EQ(settled("completed") + cli_({"LLEN", high}).integer, total);
}

TEST_F(queue_integration, the_urgent_queue_goes_first_and_the_other_is_not_starved) {
  std::vector<std::string> urgent;
  std::vector<std::string> ordinary;
  for (int i = 0; i < 900; ++i) urgent.push_back(item(fmt::format("h{}", i)));
  for (int i = 0; i < 900; ++i) ordinary.push_back(item(fmt::format("n{}", i)));
  push(normal, ordinary);
  push(high, urgent);
  auto o = lane();
  o.credit = 9;
  auto n = node("n", o);
  std::string order;
  n->on_run = [&](run_id run, const task& t) {
    order += t.id.front();
    loop_.defer([&, run] { n->finish(run, {}); });
  };
  n->start();
  ASSERT_TRUE(turn_until(loop_, [&] { return order.size() == 1800; }));
  const auto first = order.substr(0, 450);
  EXPECT_NEAR(static_cast<double>(std::count(first.begin(), first.end(), 'n')), 50.0, 10.0);
}

}  // namespace
}  // namespace stagedoor::actors
