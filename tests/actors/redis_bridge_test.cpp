// SPDX-License-Identifier: Apache-2.0
// The bridge in front of a real redis-server of the test's own.
#include "actors/redis_bridge.hpp"

#include "actors/support/actor_names.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using messages::redis_command;
using messages::redis_script;
using messages::redis_type;
using messages::redis_value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct redis_bridge_test : actor_fixture {
  using outcome = std::shared_ptr<std::optional<result<redis_value>>>;

  test::redis_process server;
  loop loop_{{}};
  std::shared_ptr<redis::client> client;
  std::shared_ptr<script_library> scripts = std::make_shared<script_library>();
  caf::actor bridge;

  redis_bridge_test() {
    // A deadline goes from an actor to the loop: both must mean the same time.
    advance(std::chrono::ceil<milliseconds>(mono_clock::now() - now()));
  }
  ~redis_bridge_test() override {
    if (client) client->stop();
  }

  void start(std::size_t window = 1024) {
    redis::client_options options;
    options.commands.session.backoff_base = milliseconds(5);
    options.commands.session.backoff_cap = milliseconds(50);
    options.commands.max_in_flight = window;
    options.commands.max_queued = window;
    options.heartbeat_interval = milliseconds(50);
    options.incarnation = "test";
    client = std::make_shared<redis::client>(
        loop_, *redis::endpoint::parse(fmt::format("redis://127.0.0.1:{}", server.port())),
        options);
    start_bridge();
    ASSERT_TRUE(until([&] { return client->status().connected; }));
  }
  void start_bridge() { bridge = spawn<redis_bridge>(client, scripts); }

  template <class Predicate>
  bool until(Predicate done) {
    return test::turn_until(loop_, [&] {
      run();
      return done();
    });
  }
  template <class Order>
  outcome order(Order what) {
    auto got = std::make_shared<std::optional<result<redis_value>>>();
    send_on_errand([this, got, what](caf::event_based_actor* self) {
      actors::ask<redis_value>(
          self, bridge, what, seconds(50), [got](redis_value& v) { *got = std::move(v); },
          [got](const fault& f) { *got = f; });
    });
    run();
    return got;
  }
  template <class Order>
  result<redis_value> answer(Order what) {
    const auto got = order(std::move(what));
    EXPECT_TRUE(until([&] { return got->has_value(); }));
    return got->value_or(fault{});
  }
  result<redis_value> command(std::vector<std::string> words) {
    return answer(redis_command{std::move(words), seconds(20)});
  }
  std::map<std::string, std::string> status() {
    const auto rows = ask<messages::status_rows>(bridge, messages::report_status{});
    std::map<std::string, std::string> out;
    if (rows)
      for (const auto& r : rows->rows) out[r.key] = r.value;
    return out;
  }
};

TEST_F(redis_bridge_test, every_type_of_answer_arrives_as_it_is) {
  start();
  EXPECT_EQ(find_name(system(), "redis"), bridge);
  const auto ok = command({"SET", "k", std::string("a\0b", 3)}).value();
  EXPECT_EQ(ok.type, redis_type::status);
  EXPECT_EQ(ok.text, "OK");
  const auto text = command({"GET", "k"}).value();
  EXPECT_EQ(text.type, redis_type::text);
  EXPECT_EQ(text.text, std::string("a\0b", 3));
  EXPECT_EQ(command({"GET", "none"}).value().type, redis_type::nil);
  const auto number = command({"INCRBY", "n", "-7"}).value();
  EXPECT_EQ(number.type, redis_type::integer);
  EXPECT_EQ(number.number, -7);
  const auto list = command({"EVAL", "return {1, {'x', false}}", "0"}).value();
  ASSERT_EQ(list.type, redis_type::list);
  ASSERT_THAT(list.items, SizeIs(2));
  EXPECT_EQ(list.items[0].number, 1);
  ASSERT_THAT(list.items[1].items, SizeIs(2));
  EXPECT_EQ(list.items[1].items[0].text, "x");
  EXPECT_EQ(list.items[1].items[1].type, redis_type::nil);
}

TEST_F(redis_bridge_test, what_redis_refuses_is_a_fault_with_its_text) {
  start();
  ASSERT_TRUE(command({"SET", "k", "text"}));
  const auto refused = command({"LPUSH", "k", "x"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::invalid);
  EXPECT_EQ(refused.error().side, fault_side::store);
  EXPECT_THAT(refused.error().detail, HasSubstr("WRONGTYPE"));
}

TEST(redis_message, an_error_is_a_fault_and_one_inside_of_a_list_a_value) {
  redis::reply error;
  error.kind = redis::reply::type::error;
  error.text = "NOSCRIPT gone";
  const auto alone = to_message(error);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().side, fault_side::store);
  EXPECT_EQ(alone.error().detail, "NOSCRIPT gone");
  redis::reply list;
  list.kind = redis::reply::type::array;
  list.items = {error};
  const auto inside = to_message(list);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->items.at(0).type, redis_type::error);
  EXPECT_EQ(inside->items.at(0).text, "NOSCRIPT gone");
  const fault lost{fault_kind::closed, fault_side::store, retryable::yes, "lost"};
  EXPECT_EQ(to_message(lost).error().detail, "lost");
}

TEST_F(redis_bridge_test, scripts_go_by_their_hash_and_survive_a_restart_of_redis_and_bridge) {
  start();
  const redis_script add{
      "return redis.call('INCRBY', KEYS[1], ARGV[1])", {"n"}, {"5"}, seconds(20)};
  EXPECT_EQ(answer(add).value().number, 5);
  EXPECT_EQ(answer(add).value().number, 10);
  server.kill();
  ASSERT_TRUE(until([&] { return !client->status().connected; }));
  server.start();
  ASSERT_TRUE(until([&] { return client->status().connected; }));
  kill(bridge);
  start_bridge();
  EXPECT_EQ(answer(add).value().number, 5) << "an empty database, the script loaded again";
  test::redis_cli cli(server.port());
  const auto stats = cli({"INFO", "commandstats"}).text;
  EXPECT_THAT(stats, HasSubstr("cmdstat_evalsha:calls=1"));
}

TEST_F(redis_bridge_test, too_many_different_scripts_are_refused) {
  script_library library;
  for (std::size_t i = 0; i < script_library::max_scripts; ++i)
    ASSERT_NE(library.find_or_add(fmt::format("return {}", i)), nullptr);
  EXPECT_EQ(library.find_or_add("return 'more'"), nullptr);
  EXPECT_NE(library.find_or_add("return 0"), nullptr) << "known ones go on";
  *scripts = std::move(library);
  start();
  const auto refused = answer(redis_script{"return 'more'", {}, {}, seconds(20)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::overloaded);
}

TEST_F(redis_bridge_test, beyond_the_window_the_answer_is_busy_and_the_rest_is_answered) {
  start(4);
  server.signal(SIGSTOP);
  std::vector<outcome> all;
  for (int i = 0; i < 10; ++i) all.push_back(order(redis_command{{"INCR", "n"}, seconds(20)}));
  const auto refused = [&] {
    return std::count_if(all.begin(), all.end(), [](const outcome& o) {
      return *o && !(*o)->has_value() && (*o)->error().kind == fault_kind::overloaded;
    });
  };
  ASSERT_TRUE(until([&] { return refused() > 0; }));
  server.signal(SIGCONT);
  ASSERT_TRUE(until([&] {
    return std::all_of(all.begin(), all.end(), [](const outcome& o) { return o->has_value(); });
  }));
  const auto ran = command({"GET", "n"}).value().text;
  EXPECT_EQ(ran, std::to_string(10 - refused())) << "what was refused did not run";
  EXPECT_GE(refused(), 2) << "four sent and four waiting at most";
}

TEST_F(redis_bridge_test, a_server_that_says_nothing_costs_the_orders_deadline) {
  start();
  server.signal(SIGSTOP);
  const auto late = answer(redis_command{{"PING"}, milliseconds(100)});
  server.signal(SIGCONT);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, fault_kind::timed_out);
}

TEST_F(redis_bridge_test, without_redis_orders_fail_and_the_bridge_lives) {
  start();
  server.kill();
  ASSERT_TRUE(until([&] { return !client->status().connected; }));
  const auto failed = answer(redis_command{{"PING"}, milliseconds(100)});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().side, fault_side::store);
  EXPECT_TRUE(alive(bridge));
  EXPECT_EQ(status().at("connected"), "no");
  EXPECT_FALSE(status().at("last error").empty());
  server.start();
  ASSERT_TRUE(until([&] { return client->status().connected; }));
  EXPECT_EQ(command({"PING"}).value().text, "PONG");
}

TEST_F(redis_bridge_test, says_how_it_is) {
  start();
  (void)command({"PING"});
  ASSERT_TRUE(until([&] { return status().at("commands") != "0"; }));
  const auto s = status();
  EXPECT_EQ(s.at("connected"), "yes");
  EXPECT_THAT(s.at("endpoint"), HasSubstr(std::to_string(server.port())));
  EXPECT_EQ(s.at("reconnects"), "0");
  EXPECT_FALSE(s.contains("last error"));
}

TEST_F(redis_bridge_test, a_bridge_that_ends_leaves_the_answers_to_nobody_and_the_client_running) {
  start();
  server.signal(SIGSTOP);
  const auto lost = order(redis_command{{"PING"}, seconds(20)});
  kill(bridge);
  server.signal(SIGCONT);
  start_bridge();
  EXPECT_EQ(command({"ECHO", "x"}).value().text, "x");
  ASSERT_TRUE(until([&] { return lost->has_value(); }))
      << "the question was sent: its answer still finds who asked";
}

TEST_F(redis_bridge_test, subscriptions_and_blocking_pops_of_the_client_outlive_bridge_and_server) {
  start();
  std::vector<std::string> heard;
  std::vector<std::string> popped;
  int resyncs = 0;
  client->subscribe(
      {redis::topic_kind::channel, "team:status"},
      {[&](const redis::message& m) { heard.push_back(m.payload); }, [&] { ++resyncs; }});
  redis::popper_options pop;
  pop.source = "queue:dns:high";
  pop.destination = "taken";
  pop.pause = milliseconds(10);
  const auto id = client->start_pop(
      pop, {[&](std::string raw) { popped.push_back(std::move(raw)); }, [] {}, [] {}, {}});
  client->arm_pop(id);
  ASSERT_TRUE(until([&] { return resyncs == 1; }));
  ASSERT_TRUE(command({"PUBLISH", "team:status", "one"}));
  ASSERT_TRUE(command({"LPUSH", "queue:dns:high", "task 1"}));
  ASSERT_TRUE(until([&] { return heard.size() == 1 && popped.size() == 1; }));

  client->arm_pop(id);
  kill(bridge);
  server.kill();
  ASSERT_TRUE(until([&] { return !client->status().connected; }));
  server.start();
  start_bridge();
  ASSERT_TRUE(until([&] { return resyncs == 2 && client->status().connected; }));
  ASSERT_TRUE(command({"PUBLISH", "team:status", "two"}));
  ASSERT_TRUE(command({"LPUSH", "queue:dns:high", "task 2"}));
  ASSERT_TRUE(until([&] { return heard.size() == 2 && popped.size() == 2; }));
  EXPECT_THAT(heard, ElementsAre("one", "two"));
  EXPECT_THAT(popped, ElementsAre("task 1", "task 2"));
}

TEST_F(redis_bridge_test, a_client_that_cannot_start_ends_the_bridge_with_the_reason) {
  auto where = *redis::endpoint::parse("redis://127.0.0.1:1");
  where.security = redis::transport::tls;
  client = std::make_shared<redis::client>(loop_, where, redis::client_options{});
  start_bridge();
  EXPECT_FALSE(alive(bridge));
  ASSERT_TRUE(end_of(bridge));
  EXPECT_THAT(to_string(*end_of(bridge)), HasSubstr("TLS"));
}

}  // namespace
}  // namespace stagedoor::actors
