// SPDX-License-Identifier: Apache-2.0
// The client against a real redis-server that is killed, stopped, cut off and restarted.
#include "runtime/redis/client.hpp"

#include "tests/support/loop_driver.hpp"
#include "tests/support/loop_streams.hpp"
#include "tests/support/redis_fixture.hpp"

#include <gtest/gtest.h>

namespace stagedoor::redis {
namespace {

using test::redis_cli;
using test::redis_process;
using test::relay;
using test::turn_for;
using test::turn_until;

class redis_integration : public testing::Test {
 protected:
  [[nodiscard]] static client_options quick() {
    client_options o;
    o.commands.session.backoff_base = milliseconds(5);
    o.commands.session.backoff_cap = milliseconds(50);
    o.heartbeat_interval = milliseconds(50);
    o.heartbeat_grace = milliseconds(150);
    o.incarnation = "test";
    return o;
  }
  static endpoint at(std::uint16_t port) {
    return *endpoint::parse(fmt::format("redis://127.0.0.1:{}", port));
  }
  [[nodiscard]] static mono_time in(int ms) { return mono_clock::now() + milliseconds(ms); }

  /// Runs one command to its end.
  result<reply> run(client& c, command words, int ms = 5000) {
    result<reply> got = fault{};
    bool done = false;
    c.command(std::move(words), in(ms), [&](result<reply> r) {
      got = std::move(r);
      done = true;
    });
    EXPECT_TRUE(turn_until(
        loop_, [&] { return done; }, milliseconds(ms + 2000)));
    return got;
  }

  redis_process server_;
  loop loop_;
};

TEST_F(redis_integration, fifty_thousand_pipelined_commands_are_answered_in_order) {
  constexpr int total = 50'000;
  auto options = quick();
  options.commands.max_queued = total;
  client c(loop_, at(server_.port()), options);
  ASSERT_TRUE(c.start());
  int answered = 0;
  int out_of_order = 0;
  int issued = 0;
  while (issued < total) {
    for (int i = 0; i < 10'000; ++i, ++issued)
      c.command({"ECHO", std::to_string(issued)}, in(20'000), [&](const result<reply>& r) {
        if (!r || r->text != std::to_string(answered)) ++out_of_order;
        ++answered;
      });
    loop_.turn(milliseconds(0));
  }
  ASSERT_TRUE(turn_until(loop_, [&] { return answered == total; }));
  EXPECT_EQ(out_of_order, 0);
}

TEST_F(redis_integration, a_restart_of_redis_is_survived_and_scripts_are_loaded_again) {
  static const script add("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])");
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  const auto eval = [&] {
    result<reply> got = fault{};
    bool done = false;
    c.eval(add, {"n"}, {"2"}, in(10'000), [&](result<reply> r) {
      got = std::move(r);
      done = true;
    });
    EXPECT_TRUE(turn_until(loop_, [&] { return done; }));
    return got;
  };
  auto first = eval();
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(first->integer, 2);

  redis_cli(server_.port())({"SCRIPT", "FLUSH"});
  auto flushed = eval();
  ASSERT_TRUE(flushed) << "NOSCRIPT must be repaired: " << flushed.error().detail;
  EXPECT_EQ(flushed->integer, 4);

  server_.kill();
  ASSERT_TRUE(turn_until(loop_, [&] { return !c.status().connected; }));
  EXPECT_FALSE(c.status().last_error.empty());
  server_.start();
  auto after = eval();
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_EQ(after->integer, 2) << "a server without persistence begins anew";
  EXPECT_TRUE(c.status().connected);
  EXPECT_EQ(c.status().reconnects, 1U);
}

TEST_F(redis_integration, every_callback_comes_once_when_redis_is_killed_under_load) {
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  ASSERT_TRUE(run(c, {"PING"}));
  constexpr std::size_t total = 20'000;
  std::vector<int> calls(total, 0);
  std::size_t answered = 0;
  std::size_t failed = 0;
  std::size_t ended = 0;
  for (std::size_t i = 0; i < total; ++i) {
    c.command({"INCR", "n"}, in(3000), [&, i](const result<reply>& r) {
      ++calls[i];
      ++ended;
      ++(r ? answered : failed);
    });
    if (i % 1000 == 999) loop_.turn(milliseconds(0));
    if (i == total / 2) server_.kill();
  }
  server_.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return ended == total; }));
  EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](int n) { return n == 1; }));
  EXPECT_GT(answered, 0U);
  EXPECT_GT(failed, 0U);
}

TEST_F(redis_integration, client_kill_costs_one_reconnect) {
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  ASSERT_TRUE(run(c, {"PING"}));
  redis_cli admin(server_.port());
  admin({"CLIENT", "KILL", "TYPE", "normal"});
  ASSERT_TRUE(turn_until(loop_, [&] { return c.status().reconnects == 1; }));
  EXPECT_TRUE(run(c, {"PING"}));
}

TEST_F(redis_integration, a_stopped_server_times_out_and_its_late_answers_are_lost) {
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  ASSERT_TRUE(run(c, {"PING"}));
  server_.signal(SIGSTOP);
  const auto before = mono_clock::now();
  const auto slow = run(c, {"ECHO", "late"}, 100);
  EXPECT_LT(mono_clock::now() - before, milliseconds(1500));
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().kind, fault_kind::timed_out);
  EXPECT_TRUE(may_have_run(slow.error()));
  server_.signal(SIGCONT);
  const auto next = run(c, {"ECHO", "next"}, 10'000);
  ASSERT_TRUE(next) << next.error().detail;
  EXPECT_EQ(next->text, "next");
}

TEST_F(redis_integration, subscriptions_come_back_and_say_so) {
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  std::vector<std::string> got;
  int resyncs = 0;
  int pattern_resyncs = 0;
  const auto team = c.subscribe(
      {topic_kind::channel, "team:status"},
      {[&](const message& m) { got.push_back(m.channel + "=" + m.payload); }, [&] { ++resyncs; }});
  c.subscribe({topic_kind::pattern, "tasks:*"},
              {[&](const message& m) { got.push_back(m.channel + "~" + m.payload); },
               [&] { ++pattern_resyncs; }});
  ASSERT_TRUE(turn_until(loop_, [&] { return resyncs == 1 && pattern_resyncs == 1; }));
  redis_cli(server_.port())({"PUBLISH", "team:status", "a"});
  redis_cli(server_.port())({"PUBLISH", "tasks:u1", "b"});
  ASSERT_TRUE(turn_until(loop_, [&] { return got.size() == 2; }));

  server_.kill();
  server_.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return resyncs == 2 && pattern_resyncs == 2; }));
  redis_cli(server_.port())({"PUBLISH", "team:status", "c"});
  ASSERT_TRUE(turn_until(loop_, [&] { return got.size() == 3; }));
  EXPECT_EQ(got, (std::vector<std::string>{"team:status=a", "tasks:u1~b", "team:status=c"}));

  c.unsubscribe(team);
  ASSERT_TRUE(turn_until(loop_, [&] {
    return redis_cli(server_.port())({"PUBLISH", "team:status", "d"}).integer == 0;
  }));
  // One that was published before the server heard of it may have come.
  const auto heard = got.size();
  redis_cli(server_.port())({"PUBLISH", "team:status", "e"});
  (void)turn_until(
      loop_, [&] { return got.size() > heard; }, milliseconds(50));
  EXPECT_EQ(got.size(), heard);
}

TEST_F(redis_integration, a_subscriber_that_hears_nothing_is_replaced) {
  relay between(loop_, server_.port());
  auto options = quick();
  client c(loop_, at(between.port()), options);
  ASSERT_TRUE(c.start());
  int resyncs = 0;
  c.subscribe({topic_kind::channel, "x"}, {{}, [&] { ++resyncs; }});
  ASSERT_TRUE(turn_until(loop_, [&] { return resyncs == 1 && c.status().subscribed; }));
  // The server forgets the subscriber, the relay keeps our end open: only silence tells.
  redis_cli admin(server_.port());
  between.hold_ends = true;
  admin({"CLIENT", "KILL", "TYPE", "pubsub"});
  EXPECT_TRUE(turn_until(loop_, [&] { return resyncs == 2; }));
}

struct popped {
  std::vector<std::string> items;
  int adopts = 0;
  int idles = 0;
  std::vector<fault> troubles;
  popper_handlers handlers() {
    return {[this](std::string raw) { items.push_back(std::move(raw)); }, [this] { ++adopts; },
            [this] { ++idles; }, [this](const fault& f) { troubles.push_back(f); }};
  }
};

popper_options from(std::string queue) {
  popper_options o;
  o.destination = "{" + queue + "}:proc:n:1";
  o.source = std::move(queue);
  o.server_timeout = milliseconds(200);
  o.margin = milliseconds(300);
  o.pause = milliseconds(10);
  return o;
}

TEST_F(redis_integration, a_pop_takes_one_item_each_time_it_is_armed) {
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  popped p;
  redis_cli cli(server_.port());
  const auto id = c.start_pop(from("q"), p.handlers());
  cli({"LPUSH", "q", "1", "2", "3"});
  turn_for(loop_, milliseconds(50));
  EXPECT_TRUE(p.items.empty()) << "not armed yet";
  for (std::size_t n = 1; n <= 3; ++n) {
    c.arm_pop(id);
    ASSERT_TRUE(turn_until(loop_, [&] { return p.items.size() == n; }));
  }
  EXPECT_EQ(p.items, (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(cli({"LRANGE", "{q}:proc:n:1", "0", "-1"}).items.size(), 3U);
  c.arm_pop(id);
  turn_for(loop_, milliseconds(500));  // over several server timeouts
  cli({"LPUSH", "q", "4"});
  ASSERT_TRUE(turn_until(loop_, [&] { return p.items.size() == 4; }));
  EXPECT_EQ(p.adopts, 0);
}

TEST_F(redis_integration, disarming_ends_the_wait_at_once) {
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  popped p;
  auto options = from("q");
  options.server_timeout = milliseconds(60'000);
  const auto id = c.start_pop(options, p.handlers());
  c.arm_pop(id);
  redis_cli cli(server_.port());
  const auto blocked = [&] {
    return cli({"INFO", "clients"}).text.find("blocked_clients:1") != std::string::npos;
  };
  ASSERT_TRUE(turn_until(loop_, blocked));
  c.disarm_pop(id);
  ASSERT_TRUE(turn_until(
      loop_, [&] { return p.idles == 1; }, milliseconds(2000)));
  EXPECT_FALSE(blocked());
  cli({"LPUSH", "q", "1"});
  turn_for(loop_, milliseconds(50));
  EXPECT_EQ(cli({"LLEN", "q"}).integer, 1) << "left for others";
}

TEST_F(redis_integration, an_item_whose_reply_was_lost_is_reported_for_adoption) {
  relay between(loop_, server_.port());
  client c(loop_, at(between.port()), quick());
  ASSERT_TRUE(c.start());
  popped p;
  const auto id = c.start_pop(from("q"), p.handlers());
  c.arm_pop(id);
  redis_cli cli(server_.port());
  ASSERT_TRUE(turn_until(loop_, [&] {
    return cli({"INFO", "clients"}).text.find("blocked_clients:1") != std::string::npos;
  }));
  between.lose_replies = true;
  cli({"LPUSH", "q", "lost"});
  ASSERT_TRUE(turn_until(loop_, [&] { return between.lost_bytes > 0; }));
  between.cut();
  between.lose_replies = false;
  ASSERT_TRUE(turn_until(loop_, [&] { return p.adopts == 1; }));
  EXPECT_TRUE(p.items.empty());
  EXPECT_EQ(cli({"LRANGE", "{q}:proc:n:1", "0", "-1"}).at(0).text, "lost") << "it is safe";
  cli({"LPUSH", "q", "next"});
  ASSERT_TRUE(turn_until(loop_, [&] { return p.items.size() == 1; }));
  EXPECT_EQ(p.items.front(), "next");
}

TEST_F(redis_integration, a_blocked_connection_that_only_we_lost_takes_no_further_item) {
  relay between(loop_, server_.port());
  client c(loop_, at(between.port()), quick());
  ASSERT_TRUE(c.start());
  popped p;
  auto options = from("q");
  options.server_timeout = milliseconds(60'000);
  const auto id = c.start_pop(options, p.handlers());
  c.arm_pop(id);
  redis_cli cli(server_.port());
  ASSERT_TRUE(turn_until(loop_, [&] {
    return cli({"INFO", "clients"}).text.find("blocked_clients:1") != std::string::npos;
  }));
  // Redis still believes in the old connection and would give it the next item. The relay hides
  // our own address, so the kill must not hit anyone; the item is then found by adoption.
  between.cut(relay::ends::client_only);
  ASSERT_TRUE(turn_until(loop_, [&] { return p.adopts == 1; }));
  cli({"LPUSH", "q", "a"});
  cli({"LPUSH", "q", "b"});
  ASSERT_TRUE(turn_until(loop_, [&] { return !p.items.empty(); }));
  EXPECT_EQ(cli({"LLEN", "q"}).integer, 0);
  EXPECT_EQ(cli({"LLEN", "{q}:proc:n:1"}).integer, 2) << "whoever took them, they are in our list";
}

TEST_F(redis_integration, pops_go_on_after_kill_client_kill_and_wrong_types) {
  client c(loop_, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  popped p;
  const auto id = c.start_pop(from("q"), p.handlers());
  c.arm_pop(id);
  redis_cli(server_.port())({"SET", "q", "no list"});
  ASSERT_TRUE(turn_until(loop_, [&] { return !p.troubles.empty(); }));
  EXPECT_EQ(p.troubles.front().kind, fault_kind::invalid);
  redis_cli(server_.port())({"DEL", "q"});
  redis_cli(server_.port())({"LPUSH", "q", "1"});
  ASSERT_TRUE(turn_until(loop_, [&] { return p.items.size() == 1; }));
  c.arm_pop(id);
  turn_for(loop_, milliseconds(20));
  redis_cli(server_.port())({"CLIENT", "KILL", "TYPE", "normal"});
  ASSERT_TRUE(turn_until(loop_, [&] { return p.adopts >= 1; }));
  redis_cli(server_.port())({"LPUSH", "q", "2"});
  ASSERT_TRUE(turn_until(loop_, [&] { return p.items.size() == 2; }));
  c.arm_pop(id);
  turn_for(loop_, milliseconds(20));
  server_.kill();
  server_.start();
  redis_cli(server_.port())({"LPUSH", "q", "3"});
  ASSERT_TRUE(turn_until(loop_, [&] { return p.items.size() == 3; }));
}

TEST_F(redis_integration, works_from_other_threads) {
  loop own({.name = "redis"});
  own.start();
  client c(own, at(server_.port()), quick());
  ASSERT_TRUE(c.start());
  constexpr int each = 2000;
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i)
        c.command({"INCR", "n"}, in(10'000),
                  [&](const result<reply>& r) { ++(r ? answered : failed); });
    });
  for (auto& t : threads) t.join();
  redis_cli cli(server_.port());
  const auto end = mono_clock::now() + seconds(10);
  while (answered + failed < 4 * each && mono_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(answered, 4 * each);
  EXPECT_EQ(cli({"GET", "n"}).text, std::to_string(4 * each));
  c.stop();
  own.stop();
}

TEST_F(redis_integration, refuses_tls_for_now_with_a_sentence) {
  client c(loop_, *endpoint::parse("rediss://127.0.0.1"), quick());
  const auto started = c.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, fault_kind::unsupported);
}

}  // namespace
}  // namespace stagedoor::redis
