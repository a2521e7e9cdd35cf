// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/managed_server.hpp"

#include "runtime/redis/process.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

#include <fstream>
#include <gtest/gtest.h>

namespace stagedoor::redis {
namespace {

using test::redis_cli;
using test::turn_until;

class managed_server_test : public testing::Test {
 protected:
  struct events {
    int ready = 0;
    std::vector<fault> ends;
  };

  managed_server_options options() {
    managed_server_options o;
    o.data_dir = folder_.path();
    o.port = port_;
    o.probe_interval = milliseconds(5);
    return o;
  }
  static managed_server::handlers into(events& e) {
    return {[&e] { ++e.ready; }, [&e](const fault& f) { e.ends.push_back(f); }};
  }

  test::temporary_folder folder_;
  std::uint16_t port_ = test::free_port();
  loop loop_;
};

TEST_F(managed_server_test, runs_with_the_platforms_flags_and_keeps_its_data) {
  events e;
  managed_server server(loop_, options(), into(e));
  server.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ready == 1; }));
  {
    redis_cli cli(port_);
    EXPECT_EQ(cli({"CONFIG", "GET", "maxmemory"}).at(1).text, "268435456");
    EXPECT_EQ(cli({"CONFIG", "GET", "maxmemory-policy"}).at(1).text, "volatile-lru");
    EXPECT_EQ(cli({"CONFIG", "GET", "appendonly"}).at(1).text, "yes");
    EXPECT_EQ(cli({"CONFIG", "GET", "bind"}).at(1).text, "127.0.0.1");
    cli({"SET", "kept", "yes"});
  }
  server.stop();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 1; }));
  EXPECT_EQ(e.ends[0].kind, fault_kind::closed);
  EXPECT_EQ(e.ends[0].side, fault_side::self);
  EXPECT_EQ(server.pid(), 0);

  server.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ready == 2; }));
  EXPECT_EQ(redis_cli(port_)({"GET", "kept"}).text, "yes");
  server.stop();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 2; }));
  EXPECT_TRUE(std::filesystem::file_size(folder_.path() / "redis" / "redis.log") > 0);
}

TEST_F(managed_server_test, reports_a_server_that_was_killed_and_can_start_again) {
  events e;
  managed_server server(loop_, options(), into(e));
  server.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ready == 1; }));
  redis_cli{port_}({"SET", "kept", "yes"});
  ::kill(server.pid(), SIGKILL);
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 1; }));
  EXPECT_EQ(e.ends[0].kind, fault_kind::closed);
  EXPECT_NE(e.ends[0].detail.find("signal 9"), std::string::npos) << e.ends[0].detail;
  server.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ready == 2; }));
  EXPECT_EQ(redis_cli(port_)({"GET", "kept"}).text, "yes");
  server.stop();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 2; }));
}

TEST_F(managed_server_test, a_port_held_by_somebody_else_is_an_error_and_nothing_is_killed) {
  test::redis_process foreign;
  port_ = foreign.port();
  events e;
  managed_server server(loop_, options(), into(e));
  server.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 1; }));
  EXPECT_EQ(e.ends[0].kind, fault_kind::conflict);
  EXPECT_EQ(e.ends[0].side, fault_side::operator_input);
  EXPECT_EQ(redis_cli(port_)({"PING"}).text, "PONG");
}

TEST_F(managed_server_test, waits_for_the_server_of_an_earlier_run) {
  events first_events;
  auto first = std::make_unique<managed_server>(loop_, options(), into(first_events));
  first->start();
  ASSERT_TRUE(turn_until(loop_, [&] { return first_events.ready == 1; }));
  const auto old_pid = first->pid();
  ::kill(old_pid, SIGSTOP);  // the old one takes its time to end

  events e;
  managed_server second(loop_, options(), into(e));
  second.start();
  EXPECT_EQ(second.now(), managed_server::state::awaiting_predecessor);
  for (int i = 0; i < 5; ++i) loop_.turn(milliseconds(5));
  EXPECT_EQ(e.ready, 0);
  ::kill(old_pid, SIGCONT);
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ready == 1; }));
  EXPECT_EQ(first_events.ends.size(), 1U);
  EXPECT_NE(second.pid(), old_pid);
  second.stop();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 1; }));
}

TEST_F(managed_server_test, gives_up_on_a_predecessor_that_stays_without_killing_it) {
  events first_events;
  managed_server first(loop_, options(), into(first_events));
  first.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return first_events.ready == 1; }));
  ::kill(first.pid(), SIGSTOP);
  events e;
  auto impatient = options();
  impatient.predecessor_deadline = milliseconds(30);
  managed_server second(loop_, impatient, into(e));
  second.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 1; }));
  EXPECT_EQ(e.ends[0].kind, fault_kind::conflict);
  EXPECT_TRUE(identify(first.pid()));
  ::kill(first.pid(), SIGCONT);
  ASSERT_TRUE(turn_until(loop_, [&] { return first_events.ends.size() == 1; }));
}

TEST_F(managed_server_test, a_server_that_ignores_sigterm_is_killed_at_the_deadline) {
  events e;
  auto o = options();
  o.stop_deadline = milliseconds(50);
  managed_server server(loop_, o, into(e));
  server.start();
  ASSERT_TRUE(turn_until(loop_, [&] { return e.ready == 1; }));
  ::kill(server.pid(), SIGSTOP);
  server.stop();
  EXPECT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 1; }));
}

TEST_F(managed_server_test, names_a_program_that_is_missing_or_broken) {
  events e;
  auto o = options();
  o.program = "no-such-redis-server";
  managed_server missing(loop_, o, into(e));
  missing.start();
  ASSERT_EQ(e.ends.size(), 1U);
  EXPECT_EQ(e.ends[0].kind, fault_kind::not_found);

  o.program = (folder_.path() / "broken").string();
  std::ofstream(o.program) << "no program";
  std::filesystem::permissions(o.program, std::filesystem::perms::owner_all);
  managed_server broken(loop_, o, into(e));
  broken.start();
  ASSERT_EQ(e.ends.size(), 2U) << "exec fails at once";
}

TEST_F(managed_server_test, a_stale_pid_file_is_ignored) {
  std::filesystem::create_directories(folder_.path() / "redis");
  // The last: our own number with another start time, as if the number had been reused.
  const std::vector<std::string> stale{"",     "garbage",     "1 1",
                                       "-5 7", "999999999 1", fmt::format("{} 1", ::getpid())};
  for (const auto& text : stale) {
    std::ofstream(folder_.path() / "redis" / "redis.pid", std::ios::trunc) << text;
    events e;
    managed_server server(loop_, options(), into(e));
    server.start();
    ASSERT_TRUE(turn_until(loop_, [&] { return e.ready == 1; })) << text;
    server.stop();
    ASSERT_TRUE(turn_until(loop_, [&] { return e.ends.size() == 1; }));
  }
}

TEST(process, is_known_by_number_and_start_time) {
  const auto self = identify(::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(parse_identity(to_string(*self)), self);
  EXPECT_EQ(identify(::getpid()), self);
  EXPECT_FALSE(identify(999'999'999));
}

}  // namespace
}  // namespace stagedoor::redis
