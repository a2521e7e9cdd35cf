// SPDX-License-Identifier: Apache-2.0
// What supervisor_state does when it is told to: start, stop and restart a child, list them.
#include "actors/supervision/supervisor_state.hpp"

#include "tests/actors/supervision/state_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::supervision {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(supervisor_state, dynamic_children_start_after_and_stop_before_the_listed_ones) {
  state_rig rig(options_for(strategy::one_for_one), {reporting("a")});
  rig.start();
  rig.add("x", 1);
  EXPECT_THAT(rig.take(), ElementsAre("spawn a"));
  rig.started("a");
  EXPECT_THAT(rig.take(), ElementsAre("spawn x", "1:location x", "up"));
  rig.add("y", 2);
  EXPECT_THAT(rig.take(), ElementsAre("spawn y", "2:location y"));
  rig.stop();
  EXPECT_THAT(rig.take(), ElementsAre("stop x", "stop y"));
  rig.ends("y");
  rig.ends("x");
  EXPECT_THAT(rig.take(), ElementsAre("stop a"));
}

TEST(supervisor_state, start_child_refuses_a_second_child_of_an_id_and_too_many) {
  auto options = options_for(strategy::one_for_one);
  options.max_dynamic_children = 2;
  state_rig rig(options, {child_with("a")});
  rig.start();
  rig.add("x");
  (void)rig.take();
  rig.add("x", 1);
  rig.add("a", 2);
  rig.add("", 3);
  rig.add("y");
  rig.add("z", 4);
  EXPECT_THAT(rig.take(),
              ElementsAre("1:conflict", "2:conflict", "3:invalid", "spawn y", "4:overloaded"));
}

TEST(supervisor_state, stop_child_answers_when_the_child_is_gone_and_forgets_it) {
  state_rig rig(options_for(strategy::one_for_one), {});
  rig.start();
  rig.add("x");
  (void)rig.take();
  rig.run(rig.state.stop_child("x", 1, rig.now));
  rig.run(rig.state.stop_child("x", 2, rig.now));
  rig.add("x", 3);
  EXPECT_THAT(rig.take(), ElementsAre("stop x", "3:conflict"));
  rig.ends("x");
  EXPECT_THAT(rig.take(), ElementsAre("1:stopped x shutdown", "2:stopped x shutdown"));
  rig.run(rig.state.stop_child("x", 4, rig.now));
  rig.add("x", 5);
  EXPECT_THAT(rig.take(), ElementsAre("4:not found", "spawn x", "5:location x"));
}

TEST(supervisor_state, a_stopped_listed_child_rests_until_it_is_restarted) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  (void)rig.take();
  rig.run(rig.state.stop_child("b", 1, rig.now));
  rig.ends("b");
  rig.run(rig.state.locate_child("b", 2, rig.now));
  rig.pass(1h);
  EXPECT_THAT(rig.take(), ElementsAre("stop b", "1:stopped b shutdown", "2:location b down"));
  rig.run(rig.state.restart_child("b", 3, rig.now));
  EXPECT_THAT(rig.take(), ElementsAre("spawn b", "3:done"));
}

TEST(supervisor_state, stop_child_ends_a_wait_for_a_restart) {
  state_rig rig(options_for(strategy::one_for_one), {});
  rig.start();
  rig.add("x");
  rig.crashes("x");
  (void)rig.take();
  rig.run(rig.state.stop_child("x", 1, rig.now));
  rig.pass(1h);
  EXPECT_THAT(rig.take(), ElementsAre("1:stopped x normal"));
  EXPECT_EQ(rig.state.size(), 0u);
}

TEST(supervisor_state, restart_child_costs_no_budget_and_no_wait) {
  auto options = options_for(strategy::one_for_one);
  options.budget.intensity = 1;
  state_rig rig(options, {child_with("a")});
  rig.start();
  for (int i = 0; i < 5; ++i) {
    rig.run(rig.state.restart_child("a", 0, rig.now));
    rig.ends("a");
  }
  rig.crashes("a");
  EXPECT_THAT(rig.take(), Not(Contains(StartsWith("escalating"))));
}

TEST(supervisor_state, the_caller_of_start_child_waits_through_failed_starts) {
  auto options = options_for(strategy::one_for_one);
  options.dynamic.start = start_mode::when_reported;
  state_rig rig(options, {});
  rig.start();
  rig.add("x", 1);
  rig.crashes("x");
  rig.pass(100ms);
  (void)rig.take();
  rig.started("x");
  EXPECT_THAT(rig.take(), ElementsAre("1:location x"));
}

TEST(supervisor_state, a_dynamic_child_that_keeps_failing_is_given_up_alone) {
  auto options = options_for(strategy::one_for_one);
  options.dynamic.start = start_mode::when_reported;
  options.dynamic_child_budget = {2, 60s};
  state_rig rig(options, {child_with("a")});
  rig.start();
  rig.add("x", 1);
  rig.add("y");
  for (int i = 0; i < 3; ++i) {
    rig.crashes("x");
    rig.pass(1s);
  }
  auto seen = rig.take();
  EXPECT_THAT(seen, Contains("given_up x"));
  EXPECT_THAT(seen, Contains("1:closed"));
  EXPECT_EQ(rig.state.size(), 2u);
}

TEST(supervisor_state, too_many_failures_of_different_dynamic_children_escalate) {
  auto options = options_for(strategy::one_for_one);
  options.dynamic_budget = {10, 60s};
  state_rig rig(options, {});
  rig.start();
  for (int i = 0; i < 11; ++i) {
    const auto id = "x" + std::to_string(i);
    rig.add(id);
    rig.crashes(id);
  }
  EXPECT_THAT(rig.take(), Contains("escalating x10"));
}

TEST(supervisor_state, orders_to_a_closing_supervisor_are_refused_and_waiting_ones_answered) {
  auto options = options_for(strategy::one_for_one);
  options.dynamic.start = start_mode::when_reported;
  state_rig rig(options, {});
  rig.start();
  rig.add("x", 1);
  rig.stop();
  rig.add("y", 2);
  rig.run(rig.state.restart_child("x", 3, rig.now));
  rig.run(rig.state.stop_child("x", 4, rig.now));
  rig.ends("x");
  EXPECT_THAT(rig.take(), ElementsAre("up", "spawn x", "stop x", "2:refused", "3:refused",
                                      "4:stopped x shutdown", "1:closed", "finish shutdown"));
}

TEST(supervisor_state, a_second_restart_child_does_not_lift_the_stop_deadline) {
  state_rig rig(options_for(strategy::one_for_one), {child_with("a")});
  rig.start();
  rig.run(rig.state.restart_child("a", 0, rig.now));
  rig.run(rig.state.restart_child("a", 0, rig.now));
  (void)rig.take();
  rig.pass(5s);
  EXPECT_THAT(rig.take(), ElementsAre("overdue a", "kill a"));
}

TEST(supervisor_state, stop_child_does_not_change_the_order_in_which_it_closes) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  rig.stop();
  (void)rig.take();
  rig.run(rig.state.stop_child("a", 1, rig.now));
  EXPECT_THAT(rig.take(), IsEmpty());
  rig.ends("c");
  rig.ends("b");
  rig.ends("a");
  EXPECT_THAT(rig.take(),
              ElementsAre("stop b", "stop a", "1:stopped a shutdown", "finish shutdown"));
}

TEST(supervisor_state, a_child_stopped_by_order_during_a_group_restart_stays_down) {
  state_rig rig(options_for(strategy::rest_for_one), abc());
  rig.start();
  rig.crashes("a");
  rig.run(rig.state.stop_child("b", 1, rig.now));
  (void)rig.take();
  rig.ends("c");
  rig.ends("b");
  rig.pass(1s);
  EXPECT_THAT(rig.take(), ElementsAre("stop b", "1:stopped b shutdown", "spawn a", "spawn c"));
}

TEST(supervisor_state, lists_children_in_start_order_up_to_a_limit) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  rig.add("x");
  rig.crashes("b");
  rig.pass(50ms);
  const auto listing = rig.state.list(3, rig.now);
  EXPECT_EQ(listing.total, 4u);
  ASSERT_EQ(listing.children.size(), 3u);
  EXPECT_EQ(listing.children[1].id, "b");
  EXPECT_EQ(listing.children[1].state, child_state::waiting);
  EXPECT_EQ(listing.children[1].restarts, 1u);
  EXPECT_EQ(listing.children[1].in_state, 50ms);
  EXPECT_EQ(listing.children[1].last_end, "boom");
  EXPECT_EQ(rig.state.instances(10).size(), 4u);
  EXPECT_EQ(rig.state.instances(10)[1], 0u);
}

}  // namespace
}  // namespace stagedoor::supervision
