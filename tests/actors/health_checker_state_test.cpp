// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/health_checker_state.hpp"

#include <gtest/gtest.h>

#include <set>

namespace stagedoor::actors {
namespace {

const std::string first = "http://10.0.0.1:80";
const std::string second = "http://10.0.0.2:80";
constexpr mono_time began{seconds(100)};

messages::team_spec team(std::vector<std::string> web, std::uint32_t interval_ms = 2000) {
  messages::team_spec out;
  out.slug = "team-x";
  out.web = std::move(web);
  out.health = {"/health", interval_ms};
  return out;
}

/// Goes on to the next round and answers it.
health_effects next_round(health_checker_state& state, const std::vector<probe_failure>& failures) {
  const auto started = state.tick(*state.next_tick());
  const auto* round = started.empty() ? nullptr : std::get_if<start_round>(&started.front());
  EXPECT_NE(round, nullptr);
  return round == nullptr ? health_effects{} : state.probed(round->round, failures);
}

const server_changed* change_in(const health_effects& effects) {
  return effects.size() == 1 ? std::get_if<server_changed>(&effects.front()) : nullptr;
}

TEST(health_checker_state, takes_a_server_down_after_three_failures_in_a_row_and_says_so_once) {
  health_checker_state state(1);
  EXPECT_TRUE(state.use(team({first, second}), began).empty());
  EXPECT_TRUE(next_round(state, {{second, "refused"}}).empty());
  EXPECT_TRUE(next_round(state, {{second, "refused"}}).empty());
  const auto third = next_round(state, {{second, "refused"}});
  const auto* change = change_in(third);
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->url, second);
  EXPECT_FALSE(change->up);
  EXPECT_EQ(change->reason, "refused");
  EXPECT_TRUE(next_round(state, {{second, "timed out"}}).empty());
  EXPECT_EQ(state.describe(first), "up");
  EXPECT_EQ(state.describe(second), "down: timed out");
}

TEST(health_checker_state, a_success_between_failures_starts_the_count_afresh) {
  health_checker_state state(1);
  (void)state.use(team({first}), began);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(next_round(state, {{first, "refused"}}).empty());
    EXPECT_TRUE(next_round(state, {{first, "refused"}}).empty());
    EXPECT_TRUE(next_round(state, {}).empty());
  }
  EXPECT_EQ(state.describe(first), "up");
}

TEST(health_checker_state, brings_a_server_back_after_two_successes_in_a_row) {
  health_checker_state state(1);
  (void)state.use(team({first}), began);
  for (int i = 0; i < 3; ++i) (void)next_round(state, {{first, "refused"}});
  EXPECT_TRUE(next_round(state, {}).empty());
  EXPECT_TRUE(next_round(state, {{first, "refused"}}).empty());
  EXPECT_TRUE(next_round(state, {}).empty());
  const auto back = next_round(state, {});
  const auto* change = change_in(back);
  ASSERT_NE(change, nullptr);
  EXPECT_TRUE(change->up);
  EXPECT_EQ(state.describe(first), "up");
}

TEST(health_checker_state, rounds_stay_within_the_jitter_of_the_interval) {
  health_checker_state state(7);
  (void)state.use(team({first}, 10'000), began);
  EXPECT_LT(*state.next_tick(), began + seconds(10));
  std::set<mono_time::duration> gaps;
  for (int i = 0; i < 200; ++i) {
    const auto at = *state.next_tick();
    (void)next_round(state, {});
    const auto gap = *state.next_tick() - at;
    EXPECT_GE(gap, milliseconds(9000));
    EXPECT_LE(gap, milliseconds(11'000));
    gaps.insert(gap);
  }
  EXPECT_GT(gaps.size(), 50U);
}

TEST(health_checker_state, nothing_starts_before_its_time) {
  health_checker_state state(1);
  (void)state.use(team({first}), began);
  EXPECT_TRUE(state.tick(*state.next_tick() - milliseconds(1)).empty());
}

TEST(health_checker_state, an_interval_that_is_too_short_is_taken_as_the_shortest) {
  health_checker_state state(1);
  (void)state.use(team({first}, 1), began);
  const auto at = *state.next_tick();
  const auto started = state.tick(at);
  EXPECT_GE(*state.next_tick() - at, milliseconds(900));
  EXPECT_LT(std::get<start_round>(started.at(0)).deadline, milliseconds(900));
}

TEST(health_checker_state, the_answer_of_an_older_round_or_a_second_answer_counts_for_nothing) {
  health_checker_state state(1, {.failures_to_down = 1});
  (void)state.use(team({first}), began);
  (void)state.tick(*state.next_tick());
  (void)state.tick(*state.next_tick());
  EXPECT_TRUE(state.probed(1, {{first, "late"}}).empty());
  EXPECT_EQ(state.describe(first), "up");
  EXPECT_EQ(state.probed(2, {}).size(), 0U);
  EXPECT_TRUE(state.probed(2, {{first, "again"}}).empty());
  EXPECT_EQ(state.describe(first), "up");
}

TEST(health_checker_state, servers_that_stay_keep_their_verdict_and_those_that_go_are_forgotten) {
  health_checker_state state(1, {.failures_to_down = 1});
  (void)state.use(team({first, second}), began);
  (void)next_round(state, {{first, "refused"}, {second, "refused"}});
  const auto effects = state.use(team({first}), began);
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(std::get<server_forgotten>(effects[0]).url, second);
  EXPECT_EQ(state.describe(first), "down: refused");
  EXPECT_EQ(state.describe(second), "");
}

TEST(health_checker_state, without_an_interval_nothing_is_probed_and_all_is_forgotten) {
  health_checker_state state(1, {.failures_to_down = 1});
  (void)state.use(team({first}), began);
  (void)next_round(state, {{first, "refused"}});
  const auto effects = state.use(team({first}, 0), began);
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(std::get<server_forgotten>(effects[0]).url, first);
  EXPECT_FALSE(state.next_tick().has_value());
}

TEST(health_checker_state, an_answer_asked_for_before_the_team_changed_counts_for_nothing) {
  health_checker_state state(1, {.failures_to_down = 1});
  (void)state.use(team({first}), began);
  (void)state.tick(*state.next_tick());
  (void)state.use(team({first}), began + seconds(5));
  EXPECT_TRUE(state.probed(1, {{first, "refused"}}).empty());
}

}  // namespace
}  // namespace stagedoor::actors
