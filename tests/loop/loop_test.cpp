// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/loop.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace stagedoor {
namespace {

TEST(loop, runs_what_other_threads_post_in_their_order) {
  loop l;
  l.start();
  std::vector<int> seen;  // touched by the loop's thread only, read after stop()
  std::promise<void> done;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(l.post([&seen, i] { seen.push_back(i); }));
  ASSERT_TRUE(l.post([&] { done.set_value(); }));
  done.get_future().wait();
  l.stop();
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_FALSE(l.post([] {})) << "a stopped loop must refuse, not swallow";
}

TEST(loop, a_full_mailbox_refuses) {
  loop l({.name = "test", .mailbox_limit = 2});
  EXPECT_TRUE(l.post([] {}));
  EXPECT_TRUE(l.post([] {}));
  EXPECT_FALSE(l.post([] {}));
  l.turn(milliseconds(0));
  EXPECT_TRUE(l.post([] {}));
}

struct reader final : io_handler {
  loop& owner;
  int fd;
  std::string got;

  reader(loop& l, int descriptor) : owner(l), fd(descriptor) {}
  void on_io(std::uint32_t) override {
    char buffer[16];
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
  }
};

TEST(loop, a_posted_task_may_end_what_an_event_of_its_turn_is_for) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  unique_fd a(pair[0]);
  unique_fd b(pair[1]);
  loop l;
  auto r = std::make_unique<reader>(l, a.get());
  ASSERT_TRUE(l.watch(a.get(), all_edges, *r));
  std::string got;
  ASSERT_TRUE(l.post([&] {  // its event comes first
    got = r->got;
    r.reset();
    a.reset();
  }));
  ASSERT_EQ(::write(b.get(), "ping", 4), 4);
  l.turn(milliseconds(100));
  EXPECT_EQ(got, "ping") << "the event had its handler still";
}

TEST(loop, hands_events_to_the_handler_of_the_descriptor) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  unique_fd a(pair[0]);
  unique_fd b(pair[1]);
  loop l;
  reader r(l, a.get());
  ASSERT_TRUE(l.watch(a.get(), all_edges, r));
  ASSERT_EQ(::write(b.get(), "ping", 4), 4);
  l.turn(milliseconds(100));
  EXPECT_EQ(r.got, "ping");
}

TEST(loop, fires_timers_and_runs_deferred_tasks_and_hooks_once_a_turn) {
  loop l;
  int deferred = 0;
  int hooks = 0;
  int fired = 0;
  timer t([&] {
    ++fired;
    l.defer([&] { ++deferred; });
  });
  l.at_turn_end([&] { ++hooks; });
  l.arm_after(t, milliseconds(1));
  while (fired == 0) l.turn(milliseconds(50));
  EXPECT_EQ(deferred, 1);
  EXPECT_GE(hooks, 1);
}

TEST(loop, what_is_disposed_of_lives_until_the_turn_is_over) {
  loop l;
  auto flag = std::make_unique<std::shared_ptr<int>>(std::make_shared<int>(1));
  const std::weak_ptr<int> watched = *flag;
  bool alive_in_turn = false;
  l.defer([&, object = std::make_shared<decltype(flag)>(std::move(flag))] {
    l.dispose(std::move(*object));
    alive_in_turn = !watched.expired();
  });
  l.turn(milliseconds(0));
  EXPECT_TRUE(alive_in_turn);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace stagedoor
