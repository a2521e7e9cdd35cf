// SPDX-License-Identifier: Apache-2.0
// A redis-server that is held by a lifeline: who may let it go, and who takes it over.
#include "runtime/redis/lifeline.hpp"

#include "runtime/redis/managed_server.hpp"
#include "runtime/redis/process.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

#include <gtest/gtest.h>

namespace stagedoor::redis {
namespace {

using test::redis_cli;
using test::turn_until;

/// What a node has of its Redis; a second one stands for the process that takes over.
struct holder {
  std::shared_ptr<lifeline> line = std::make_shared<lifeline>();
  int ready = 0;
  std::vector<fault> ends;
  std::unique_ptr<managed_server> server;
};

class lifeline_test : public testing::Test {
 protected:
  void TearDown() override {
    first_.line->let_go();
    second_.line->let_go();
    EXPECT_TRUE(turn_until(loop_, [this] { return pid_ == 0 || !identify(pid_); }))
        << "nobody holds it, so its keeper ends it";
  }

  void start(holder& h) {
    managed_server_options o;
    o.data_dir = folder_.path();
    o.port = port_;
    o.probe_interval = milliseconds(5);
    o.line = h.line;
    o.keeper = KEEPER;
    h.server = std::make_unique<managed_server>(
        loop_, std::move(o),
        managed_server::handlers{[&h] { ++h.ready; },
                                 [&h](const fault& f) { h.ends.push_back(f); }});
    h.server->start();
    ASSERT_TRUE(turn_until(loop_, [&h] { return h.ready == 1; }));
    pid_ = h.server->pid();
  }
  static void hand_over(holder& from, holder& to) {
    to.line->take(from.line->copy());
    from.line->outlive(true);
    from.server->stop();
    EXPECT_EQ(from.ends.size(), 1U);
    from.line->let_go();
  }
  bool ends(pid_t pid) {
    return turn_until(loop_, [pid] { return !identify(pid); });
  }

  test::temporary_folder folder_;
  std::uint16_t port_ = test::free_port();
  loop loop_;
  pid_t pid_ = 0;
  holder first_, second_;
};

TEST_F(lifeline_test, a_server_ends_when_nobody_holds_its_lifeline) {
  start(first_);
  first_.line->let_go();
  EXPECT_TRUE(ends(pid_));
  ASSERT_TRUE(turn_until(loop_, [&] { return first_.ends.size() == 1; }));
}

TEST_F(lifeline_test, a_copy_holds_it_too) {
  start(first_);
  auto copy = first_.line->copy();
  first_.line->let_go();
  for (int i = 0; i < 20; ++i) loop_.turn(milliseconds(5));
  EXPECT_EQ(redis_cli(port_)({"PING"}).text, "PONG");
  copy.reset();
  EXPECT_TRUE(ends(pid_));
}

TEST_F(lifeline_test, who_takes_over_has_the_same_server_and_may_stop_it) {
  start(first_);
  const auto before = pid_;
  redis_cli{port_}({"SET", "k", "v"});
  hand_over(first_, second_);
  start(second_);
  EXPECT_EQ(second_.server->pid(), before);
  EXPECT_EQ(redis_cli(port_)({"GET", "k"}).text, "v");
  second_.server->stop();
  ASSERT_TRUE(turn_until(loop_, [&] { return second_.ends.size() == 1; }));
  EXPECT_FALSE(identify(before));
}

TEST_F(lifeline_test, who_took_over_hears_that_it_ended) {
  start(first_);
  hand_over(first_, second_);
  start(second_);
  ::kill(pid_, SIGKILL);
  ASSERT_TRUE(turn_until(loop_, [&] { return second_.ends.size() == 1; }));
  EXPECT_EQ(second_.ends[0].kind, fault_kind::closed);
  second_.server->start();  // as its supervisor would: a new one, with a lifeline of its own
  ASSERT_TRUE(turn_until(loop_, [&] { return second_.ready == 2; }));
  pid_ = second_.server->pid();
  second_.line->let_go();
  EXPECT_TRUE(ends(pid_));
}

TEST_F(lifeline_test, a_server_that_nobody_took_comes_back_to_its_parent) {
  start(first_);
  const auto before = pid_;
  first_.line->outlive(true);
  first_.server->stop();
  first_.line->outlive(false);
  first_.ready = 0;
  start(first_);
  EXPECT_EQ(first_.server->pid(), before);
  ::kill(before, SIGKILL);
  ASSERT_TRUE(turn_until(loop_, [&] { return first_.ends.size() == 2; }));
  EXPECT_NE(first_.ends[1].detail.find("signal 9"), std::string::npos)
      << "its own child: " << first_.ends[1].detail;
}

TEST_F(lifeline_test, without_the_lifeline_a_running_server_is_asked_to_end) {
  start(first_);
  const auto before = pid_;
  holder stranger;
  start(stranger);
  EXPECT_NE(stranger.server->pid(), before);
  EXPECT_FALSE(identify(before));
  stranger.server->stop();
  ASSERT_TRUE(turn_until(loop_, [&] { return stranger.ends.size() == 1; }));
}

TEST_F(lifeline_test, a_keeper_that_is_told_of_another_process_ends_nothing) {
  start(first_);
  auto end = lifeline().renew();  // whose other end is closed by now
  ASSERT_TRUE(end);
  keep(end->get(), std::to_string(pid_) + " 1");
  keep(end->get(), "nonsense");
  EXPECT_EQ(redis_cli(port_)({"PING"}).text, "PONG");
}

}  // namespace
}  // namespace stagedoor::redis
