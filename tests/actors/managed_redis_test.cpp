// SPDX-License-Identifier: Apache-2.0
// The supervised redis-server: a real child, on a free port, in a folder of the test's.
#include "actors/managed_redis.hpp"

#include "actors/supervision/plans.hpp"
#include "runtime/redis/process.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

struct managed_redis_test : actor_fixture {
  test::temporary_folder folder;
  loop loop_{{}};
  std::uint16_t port = test::free_port();
  probe supervisor = make_probe();
  pid_t last_pid = 0;

  ~managed_redis_test() override {
    // Whatever a test did: the child it left is asked to end, by its own number.
    (void)test::turn_until(loop_, [this] { return last_pid == 0 || !redis::identify(last_pid); });
  }

  managed_redis_options options() {
    managed_redis_options out;
    out.control = &loop_;
    out.server.data_dir = folder.path();
    out.server.port = port;
    out.server.probe_interval = milliseconds(5);
    return out;
  }
  caf::actor start() {
    supervision::child_context context;
    context.supervisor = supervisor.handle();
    context.instance = 42;
    return spawn<managed_redis>(options(), context);
  }
  template <class Predicate>
  bool until(Predicate done) {
    return test::turn_until(loop_, [&] {
      run();
      return done();
    });
  }
  bool ready() {
    return until([&] { return !supervisor.received<messages::child_started>().empty(); });
  }
  /// The process that answers on the port; 0 = nobody does.
  pid_t answering() {
    try {
      const auto info = test::redis_cli(port)({"INFO", "server"}).text;
      const auto at = info.find("process_id:");
      return last_pid = std::stoi(info.substr(at + std::strlen("process_id:")));
    } catch (const std::exception&) {
      return 0;
    }
  }
  std::string setting(const char* name) {
    return test::redis_cli(port)({"CONFIG", "GET", name}).items.at(1).text;
  }
};

TEST_F(managed_redis_test, runs_with_the_flags_of_the_platform_and_reports_when_it_answers) {
  const auto child = start();
  EXPECT_EQ(answering(), 0);
  ASSERT_TRUE(ready());
  EXPECT_EQ(supervisor.received<messages::child_started>().at(0).instance, 42U);
  EXPECT_NE(answering(), 0);
  EXPECT_EQ(setting("appendonly"), "yes");
  EXPECT_EQ(setting("maxmemory"), std::to_string(256 * 1024 * 1024));
  EXPECT_EQ(setting("maxmemory-policy"), "volatile-lru");
  EXPECT_EQ(setting("bind"), "127.0.0.1");
  EXPECT_EQ(setting("dir"), (folder.path() / "redis").string());
  stop(child);
  ASSERT_TRUE(until([&] { return !alive(child); }));
}

TEST_F(managed_redis_test, stopped_it_ends_when_its_own_server_has_and_touches_no_other) {
  const test::redis_process other;
  const auto child = start();
  ASSERT_TRUE(ready());
  const auto pid = answering();
  stop(child);
  EXPECT_TRUE(alive(child)) << "it waits for the server";
  ASSERT_TRUE(until([&] { return !alive(child); }));
  EXPECT_FALSE(redis::identify(pid));
  EXPECT_EQ(test::redis_cli(other.port())({"PING"}).text, "PONG");
  EXPECT_THAT(to_string(*end_of(child)), HasSubstr("stopped"));
}

TEST_F(managed_redis_test, a_killed_server_ends_the_actor_with_the_reason) {
  const auto child = start();
  ASSERT_TRUE(ready());
  ::kill(answering(), SIGKILL);
  ASSERT_TRUE(until([&] { return !alive(child); }));
  const auto why = to_string(*end_of(child));
  EXPECT_THAT(why, HasSubstr("signal 9"));
  EXPECT_THAT(why, HasSubstr("redis.log")) << "where more is said";
}

TEST_F(managed_redis_test, its_supervisor_starts_a_killed_server_again_with_its_data) {
  auto plan = supervision::plan_of("redis");
  supervision::listed_child server;
  server.spec.id = "redis-server";
  server.spec.policy.start = supervision::start_mode::when_reported;
  server.make = [this](shell& parent, const supervision::child_context& self) {
    return parent.spawn<managed_redis>(options(), self);
  };
  plan.children.push_back(std::move(server));
  const auto tree = spawn<supervision::supervisor>(std::move(plan));
  ASSERT_TRUE(until([&] { return answering() != 0; }));
  const auto first = answering();
  ASSERT_TRUE(until([&] {
    const auto children = ask<messages::children_listing>(tree, messages::which_children{});
    return children->children.at(0).state == messages::child_state::running;
  }));
  test::redis_cli cli(port);
  ASSERT_EQ(cli({"CONFIG", "SET", "appendfsync", "always"}).text, "OK");
  ASSERT_EQ(cli({"SET", "k", "v"}).text, "OK");

  ::kill(first, SIGKILL);
  ASSERT_TRUE(until([&] {
    const auto children = ask<messages::children_listing>(tree, messages::which_children{});
    return children->children.at(0).state == messages::child_state::waiting;
  }));
  advance(seconds(5));
  ASSERT_TRUE(until([&] {
    const auto now_answering = answering();
    return now_answering != 0 && now_answering != first;
  }));
  ASSERT_TRUE(until([&] { return test::redis_cli(port)({"GET", "k"}).text == "v"; }));
  const auto children =
      ask<messages::children_listing>(tree, messages::which_children{}).value().children;
  EXPECT_EQ(children.at(0).restarts, 1U);
  EXPECT_THAT(children.at(0).last_end, HasSubstr("signal 9"));
  stop(tree);
  ASSERT_TRUE(until([&] { return !alive(tree); }));
  EXPECT_EQ(answering(), 0);
}

TEST_F(managed_redis_test,
       a_foreign_server_on_the_port_is_an_error_that_says_so_and_is_left_alone) {
  const test::redis_process foreign;
  port = foreign.port();
  const auto child = start();
  ASSERT_TRUE(until([&] { return !alive(child); }));
  const auto why = to_string(*end_of(child));
  EXPECT_THAT(why, HasSubstr(fmt::format("127.0.0.1:{} is in use by another program", port)));
  EXPECT_THAT(why, HasSubstr("redis.url")) << "what can be done about it";
  EXPECT_EQ(supervisor.received<messages::child_started>().size(), 0U);
  EXPECT_EQ(test::redis_cli(port)({"PING"}).text, "PONG");
}

TEST_F(managed_redis_test, a_program_that_is_missing_is_said) {
  auto broken = options();
  broken.server.program = "no-such-redis-server";
  const auto child = spawn<managed_redis>(broken, supervision::child_context{});
  ASSERT_TRUE(until([&] { return !alive(child); }));
  EXPECT_THAT(to_string(*end_of(child)), HasSubstr("no-such-redis-server"));
}

TEST_F(managed_redis_test, an_actor_that_is_killed_leaves_no_server_behind) {
  const auto child = start();
  ASSERT_TRUE(ready());
  const auto pid = answering();
  kill(child);
  EXPECT_TRUE(until([&] { return !redis::identify(pid); }));
}

TEST_F(managed_redis_test, stopped_before_it_has_started_it_ends_at_once) {
  const auto child = start();
  stop(child);
  ASSERT_TRUE(until([&] { return !alive(child); }));
  EXPECT_EQ(answering(), 0);
}

}  // namespace
}  // namespace stagedoor::actors
