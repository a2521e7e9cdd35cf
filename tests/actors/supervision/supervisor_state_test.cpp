// SPDX-License-Identifier: Apache-2.0
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

// -- start ------------------------------------------------------------------------------

TEST(supervisor_state, starts_children_in_order) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  EXPECT_THAT(rig.take(), ElementsAre("spawn a", "spawn b", "spawn c", "up"));
}

TEST(supervisor_state, waits_for_a_child_that_reports_before_it_starts_the_next) {
  state_rig rig(options_for(strategy::one_for_one), {reporting("a"), child_with("b")});
  rig.start();
  EXPECT_THAT(rig.take(), ElementsAre("spawn a"));
  EXPECT_EQ(rig.state_of("a"), child_state::starting);
  rig.pass(4s);
  rig.started("a");
  EXPECT_THAT(rig.take(), ElementsAre("spawn b", "up"));
}

TEST(supervisor_state, a_child_that_misses_its_start_deadline_is_killed_and_tried_again) {
  state_rig rig(options_for(strategy::one_for_one), {reporting("a"), child_with("b")});
  rig.start();
  rig.pass(4999ms);
  EXPECT_THAT(rig.take(), ElementsAre("spawn a"));
  rig.pass(1ms);
  EXPECT_THAT(rig.take(), ElementsAre("overdue a", "kill a"));
  rig.ends("a", {end_kind::killed, {}});
  EXPECT_THAT(rig.take(), ElementsAre("restarting a"));
  EXPECT_EQ(rig.entry("a").last_end, "not started within 5000 ms");
  rig.pass(100ms);
  EXPECT_THAT(rig.take(), ElementsAre("spawn a"));
  rig.started("a");
  EXPECT_THAT(rig.take(), ElementsAre("spawn b", "up"));
}

TEST(supervisor_state, a_child_that_dies_while_it_starts_is_tried_again_before_the_next_starts) {
  state_rig rig(options_for(strategy::one_for_one), {reporting("a"), child_with("b")});
  rig.start();
  rig.crashes("a");
  EXPECT_THAT(rig.take(), ElementsAre("spawn a", "restarting a"));
  rig.pass(100ms);
  rig.started("a");
  EXPECT_THAT(rig.take(), ElementsAre("spawn a", "spawn b", "up"));
}

TEST(supervisor_state, a_one_shot_child_that_is_done_does_not_hold_up_the_next) {
  state_rig rig(
      options_for(strategy::one_for_one),
      {child_with("a", restart_type::transient, start_mode::when_reported), child_with("b")});
  rig.start();
  rig.ends("a", {end_kind::normal, {}});
  EXPECT_THAT(rig.take(), ElementsAre("spawn a", "left a", "spawn b", "up"));
}

TEST(supervisor_state, a_late_report_of_an_earlier_life_is_ignored) {
  state_rig rig(options_for(strategy::one_for_one), {reporting("a"), child_with("b")});
  rig.start();
  const auto first = rig.lives.at("a");
  rig.crashes("a");
  rig.pass(100ms);
  rig.run(rig.state.started(first, rig.now));
  EXPECT_EQ(rig.state_of("a"), child_state::starting);
  rig.run(rig.state.ended(first, {end_kind::crashed, "again"}, rig.now));
  EXPECT_EQ(rig.state_of("a"), child_state::starting);
}

// -- restart types -----------------------------------------------------------------------

struct restart_case {
  restart_type type;
  end_kind how;
  bool restarts;
};

class restart_types : public ::testing::TestWithParam<restart_case> {};

TEST_P(restart_types, decide_by_the_way_a_child_ended) {
  const auto& [type, how, restarts] = GetParam();
  state_rig rig(options_for(strategy::one_for_one), {child_with("a", type)});
  rig.start();
  rig.ends("a", {how, {}});
  rig.pass(1s);
  const auto seen = rig.take();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "spawn a"), restarts ? 2 : 1);
}

INSTANTIATE_TEST_SUITE_P(
    all, restart_types,
    ::testing::Values(restart_case{restart_type::permanent, end_kind::normal, true},
                      restart_case{restart_type::permanent, end_kind::shutdown, true},
                      restart_case{restart_type::permanent, end_kind::crashed, true},
                      restart_case{restart_type::transient, end_kind::normal, false},
                      restart_case{restart_type::transient, end_kind::shutdown, false},
                      restart_case{restart_type::transient, end_kind::crashed, true},
                      restart_case{restart_type::transient, end_kind::killed, true},
                      restart_case{restart_type::transient, end_kind::unreachable, true},
                      restart_case{restart_type::temporary, end_kind::crashed, false},
                      restart_case{restart_type::temporary, end_kind::normal, false}));

// -- strategies --------------------------------------------------------------------------

TEST(supervisor_state, one_for_one_restarts_only_the_child_that_failed) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  (void)rig.take();
  rig.crashes("b");
  rig.pass(1s);
  EXPECT_THAT(rig.take(), ElementsAre("restarting b", "spawn b"));
}

TEST(supervisor_state, rest_for_one_stops_the_later_ones_in_reverse_and_starts_them_in_order) {
  state_rig rig(options_for(strategy::rest_for_one),
                {child_with("a"), child_with("b"), child_with("c"), child_with("d")});
  rig.start();
  (void)rig.take();
  rig.crashes("b");
  EXPECT_THAT(rig.take(), ElementsAre("restarting b", "stop d"));
  rig.ends("d");
  EXPECT_THAT(rig.take(), ElementsAre("stop c"));
  rig.ends("c");
  EXPECT_THAT(rig.take(), IsEmpty());  // the backoff
  rig.pass(100ms);
  EXPECT_THAT(rig.take(), ElementsAre("spawn b", "spawn c", "spawn d"));
}

TEST(supervisor_state, one_for_all_restarts_everything) {
  state_rig rig(options_for(strategy::one_for_all), abc());
  rig.start();
  (void)rig.take();
  rig.crashes("b");
  rig.ends("c");
  rig.ends("a");
  rig.pass(100ms);
  EXPECT_THAT(rig.take(),
              ElementsAre("restarting b", "stop c", "stop a", "spawn a", "spawn b", "spawn c"));
}

TEST(supervisor_state, a_group_member_that_dies_before_its_turn_is_not_counted) {
  auto options = options_for(strategy::rest_for_one);
  options.budget.intensity = 1;
  state_rig rig(options, abc());
  rig.start();
  rig.crashes("a");
  rig.crashes("b");  // c is being stopped, b would have been next
  rig.ends("c");
  rig.pass(100ms);
  EXPECT_THAT(rig.take(), ElementsAre("spawn a", "spawn b", "spawn c", "up", "restarting a",
                                      "stop c", "spawn a", "spawn b", "spawn c"));
}

TEST(supervisor_state, an_earlier_failure_widens_a_group_restart_under_way) {
  state_rig rig(options_for(strategy::rest_for_one), abc());
  rig.start();
  (void)rig.take();
  rig.crashes("c");
  rig.crashes("a");
  EXPECT_THAT(rig.take(), ElementsAre("restarting c", "restarting a", "stop b"));
  rig.ends("b");
  rig.pass(1s);
  EXPECT_THAT(rig.take(), ElementsAre("spawn a", "spawn b", "spawn c"));
}

TEST(supervisor_state, a_failure_while_a_group_comes_up_takes_it_down_again) {
  state_rig rig(options_for(strategy::rest_for_one),
                {child_with("a"), reporting("b"), child_with("c")});
  rig.start();
  rig.started("b");
  (void)rig.take();
  rig.crashes("a");
  rig.ends("c");
  rig.ends("b");
  rig.pass(100ms);
  EXPECT_THAT(rig.take(), ElementsAre("restarting a", "stop c", "stop b", "spawn a", "spawn b"));
  rig.crashes("a");
  EXPECT_THAT(rig.take(), ElementsAre("restarting a", "stop b"));
  rig.ends("b");
  rig.pass(200ms);
  rig.started("b");
  EXPECT_THAT(rig.take(), ElementsAre("spawn a", "spawn b", "spawn c"));
}

TEST(supervisor_state, a_group_restart_leaves_temporary_children_out) {
  state_rig rig(options_for(strategy::one_for_all),
                {child_with("a"), child_with("b", restart_type::temporary)});
  rig.start();
  rig.crashes("a");
  rig.ends("b");
  (void)rig.take();
  rig.pass(1s);
  EXPECT_THAT(rig.take(), ElementsAre("spawn a"));
}

// -- budget and backoff --------------------------------------------------------------------

TEST(supervisor_state, the_budget_is_spent_by_one_restart_more_than_allowed) {
  auto options = options_for(strategy::one_for_one);
  options.budget = {2, 10s};
  options.backoff.min = 0ms;
  state_rig rig(options, abc());
  rig.start();
  (void)rig.take();
  rig.crashes("a");
  rig.crashes("b");
  EXPECT_THAT(rig.take(), ElementsAre("restarting a", "spawn a", "restarting b", "spawn b"));
  rig.pass(10s);  // exactly one period later the first two still count
  rig.crashes("a");
  EXPECT_THAT(rig.take(), ElementsAre("escalating a", "stop c"));
  rig.ends("c");
  rig.ends("b");
  EXPECT_THAT(
      rig.take(),
      ElementsAre("stop b", "finish child a: more than 2 restarts in 10000 ms, last: boom"));
}

TEST(supervisor_state, restarts_older_than_the_period_do_not_count) {
  auto options = options_for(strategy::one_for_one);
  options.budget = {2, 10s};
  options.backoff.min = 0ms;
  state_rig rig(options, abc());
  rig.start();
  for (int i = 0; i < 20; ++i) {
    rig.crashes("a");
    rig.pass(5001ms);
  }
  EXPECT_THAT(rig.take(), Not(Contains(StartsWith("escalating"))));
  EXPECT_EQ(rig.entry("a").restarts, 20u);
}

TEST(supervisor_state, the_backoff_doubles_up_to_its_maximum_and_returns_after_health) {
  auto options = options_for(strategy::one_for_one);
  options.budget = {100, 30s};
  state_rig rig(options, {child_with("a")});
  rig.start();
  std::vector<milliseconds> waits;
  for (int i = 0; i < 7; ++i) {
    rig.crashes("a");
    waits.push_back(rig.last_wait);
    rig.pass(rig.last_wait);
  }
  EXPECT_THAT(waits, ElementsAre(100ms, 200ms, 400ms, 800ms, 1600ms, 1600ms, 1600ms));
  rig.pass(59'999ms);
  rig.crashes("a");
  EXPECT_EQ(rig.last_wait, 1600ms);
  rig.pass(rig.last_wait + 60s);
  rig.crashes("a");
  EXPECT_EQ(rig.last_wait, 100ms);
}

TEST(supervisor_state, jitter_stays_within_its_percentage_and_below_the_maximum) {
  backoff waits({100ms, 1000ms, 20, 60s}, 7);
  auto lowest = 1000ms;
  auto highest = 0ms;
  for (int i = 0; i < 1000; ++i) {
    lowest = std::min(lowest, waits.wait(0));
    highest = std::max(highest, waits.wait(0));
    EXPECT_LE(waits.wait(30), 1000ms);
    EXPECT_GE(waits.wait(200), 800ms);
  }
  EXPECT_EQ(lowest, 80ms);
  EXPECT_EQ(highest, 120ms);
}

// -- stop -------------------------------------------------------------------------------------

TEST(supervisor_state, stops_in_reverse_order_and_waits_for_each) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  (void)rig.take();
  rig.stop();
  EXPECT_THAT(rig.take(), ElementsAre("stop c"));
  rig.ends("c");
  EXPECT_THAT(rig.take(), ElementsAre("stop b"));
  rig.ends("b");
  rig.ends("a");
  EXPECT_THAT(rig.take(), ElementsAre("stop a", "finish shutdown"));
}

TEST(supervisor_state, a_child_that_exceeds_its_stop_deadline_is_killed) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  (void)rig.take();
  rig.stop();
  rig.pass(5s);
  EXPECT_THAT(rig.take(), ElementsAre("stop c", "overdue c", "kill c"));
  rig.ends("c", {end_kind::killed, {}});
  EXPECT_THAT(rig.take(), ElementsAre("stop b"));
}

TEST(supervisor_state, a_child_that_outlives_even_kill_is_left_behind_when_stopping) {
  state_rig rig(options_for(strategy::one_for_one), {child_with("a"), child_with("b")});
  rig.start();
  (void)rig.take();
  rig.stop();
  rig.pass(6s);
  EXPECT_THAT(rig.take(), ElementsAre("stop b", "overdue b", "kill b", "stuck b", "stop a"));
  EXPECT_EQ(rig.state_of("b"), child_state::stuck);
  rig.ends("a");
  EXPECT_THAT(rig.take(), ElementsAre("finish shutdown"));
}

TEST(supervisor_state, a_listed_child_that_cannot_be_ended_is_never_started_beside_itself) {
  state_rig rig(options_for(strategy::one_for_all), abc());
  rig.start();
  (void)rig.take();
  rig.crashes("a");
  rig.pass(6s);
  EXPECT_THAT(rig.take(), ElementsAre("restarting a", "stop c", "overdue c", "kill c", "stuck c",
                                      "escalating c", "stop b"));
  rig.ends("b");
  EXPECT_THAT(rig.take(), ElementsAre("finish child c cannot be ended"));
}

TEST(supervisor_state, a_crash_during_the_stop_neither_restarts_nor_counts) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  rig.stop();
  (void)rig.take();
  rig.crashes("c");
  rig.crashes("a");  // not its turn yet
  rig.crashes("b");
  EXPECT_THAT(rig.take(), ElementsAre("stop b", "finish shutdown"));
}

TEST(supervisor_state, a_restart_that_waits_does_not_happen_once_the_supervisor_stops) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.start();
  rig.crashes("a");
  (void)rig.take();
  rig.stop();
  rig.pass(1s);  // a's backoff ends while c is still stopping
  EXPECT_THAT(rig.take(), ElementsAre("stop c"));
  rig.ends("c");
  rig.ends("b");
  EXPECT_THAT(rig.take(), ElementsAre("stop b", "finish shutdown"));
}

TEST(supervisor_state, stopping_before_the_start_finishes_at_once) {
  state_rig rig(options_for(strategy::one_for_one), abc());
  rig.stop();
  EXPECT_THAT(rig.take(), ElementsAre("finish shutdown"));
}

// -- significant children ------------------------------------------------------------------------

std::vector<child_spec> two_significant() {
  auto a = child_with("a", restart_type::transient);
  auto b = child_with("b", restart_type::transient);
  a.policy.weight = b.policy.weight = significance::significant;
  return {a, b, child_with("c")};
}

TEST(supervisor_state, the_end_of_any_significant_child_closes_the_supervisor) {
  auto options = options_for(strategy::one_for_one);
  options.closes = auto_shutdown::any_significant;
  state_rig rig(options, two_significant());
  rig.start();
  (void)rig.take();
  rig.ends("a", {end_kind::normal, {}});
  EXPECT_THAT(rig.take(), ElementsAre("left a", "stop c"));
}

TEST(supervisor_state, the_end_of_the_last_significant_child_closes_the_supervisor) {
  auto options = options_for(strategy::one_for_one);
  options.closes = auto_shutdown::all_significant;
  state_rig rig(options, two_significant());
  rig.start();
  (void)rig.take();
  rig.ends("a", {end_kind::normal, {}});
  EXPECT_THAT(rig.take(), ElementsAre("left a"));
  rig.ends("b", {end_kind::normal, {}});
  EXPECT_THAT(rig.take(), ElementsAre("left b", "stop c"));
}

}  // namespace
}  // namespace stagedoor::supervision
