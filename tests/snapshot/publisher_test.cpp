// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/publisher.hpp"

#include <deque>
#include <gtest/gtest.h>

namespace stagedoor::snapshot {
namespace {

/// Loops that run when the test says so, and refuse when told to.
struct publisher_test : testing::Test {
  struct fake_loop {
    table_view<int> view{4};
    std::deque<loop::task> tasks;
    bool full = false;
  };

  std::array<fake_loop, 2> loops;
  std::vector<std::uint64_t> acked;
  publisher<int> under_test{subscriptions(), [this](std::uint64_t v) { acked.push_back(v); }, 4};

  std::vector<subscription<int>> subscriptions() {
    std::vector<subscription<int>> out;
    for (auto& l : loops)
      out.push_back({[&l](loop::task t) {
                       if (!l.full) l.tasks.push_back(std::move(t));
                       return !l.full;
                     },
                     [&l](const delta<int>& d) { l.view.apply(d); }});
    return out;
  }
  void run(std::size_t which) {
    while (!loops[which].tasks.empty()) {
      const auto task = std::move(loops[which].tasks.front());
      loops[which].tasks.pop_front();
      task();
    }
  }
};

TEST_F(publisher_test, a_change_is_live_when_the_last_loop_has_swapped) {
  under_test.table().put("a", 1);
  const auto wanted = under_test.staged_version();
  under_test.publish();
  run(0);
  EXPECT_TRUE(acked.empty());
  EXPECT_EQ(loops[1].view.find("a"), nullptr);
  run(1);
  ASSERT_EQ(acked, std::vector<std::uint64_t>{wanted});
  under_test.acknowledged(wanted);
  EXPECT_EQ(under_test.live_version(), wanted);
}

TEST_F(publisher_test, changes_staged_while_a_delta_travels_go_out_together) {
  under_test.table().put("a", 1);
  under_test.publish();
  for (int i = 0; i < 100; ++i) {
    under_test.table().put("k" + std::to_string(i), i);
    under_test.publish();
  }
  EXPECT_EQ(loops[0].tasks.size(), 1U) << "one delta in flight";
  run(0), run(1);
  under_test.acknowledged(acked.back());
  EXPECT_EQ(loops[0].tasks.size(), 1U);
  run(0), run(1);
  ASSERT_EQ(acked.size(), 2U);
  EXPECT_EQ(*loops[1].view.find("k99"), 99);
}

TEST_F(publisher_test, a_full_mailbox_delays_but_loses_nothing) {
  loops[0].full = true;
  under_test.table().put("a", 1);
  under_test.publish();
  run(1);
  EXPECT_TRUE(acked.empty());
  loops[0].full = false;
  under_test.publish();  // the owner's tick
  run(0), run(1);
  ASSERT_EQ(acked.size(), 1U);
  EXPECT_NE(loops[0].view.find("a"), nullptr);
}

TEST_F(publisher_test, a_new_owner_goes_on_where_the_old_one_ended) {
  under_test.table().put("a", 1);
  under_test.publish();
  std::vector<std::uint64_t> told_new_owner;
  under_test.adopt([&](std::uint64_t v) { told_new_owner.push_back(v); });
  under_test.table().put("b", 2);
  run(0);
  EXPECT_EQ(under_test.arrived_version(), 0U);
  run(1);
  EXPECT_TRUE(told_new_owner.empty()) << "that delta's answer went to the old owner";
  under_test.acknowledged(under_test.arrived_version());
  run(0), run(1);
  EXPECT_EQ(told_new_owner, std::vector<std::uint64_t>{2});
  EXPECT_EQ(*loops[0].view.find("a"), 1);
  EXPECT_EQ(*loops[0].view.find("b"), 2);
}

TEST_F(publisher_test, publishing_nothing_sends_nothing) {
  under_test.publish();
  EXPECT_TRUE(loops[0].tasks.empty());
  EXPECT_EQ(under_test.staged_version(), under_test.live_version());
}

}  // namespace
}  // namespace stagedoor::snapshot
