// SPDX-License-Identifier: Apache-2.0
// How long it takes until what a node owned runs elsewhere, one fault at a time, in many seeds.
#include "tests/sim/world.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <tuple>

namespace stagedoor::test {
namespace {

using namespace std::chrono_literals;

/// Five nodes that own 400 ids and had time to settle.
std::unique_ptr<world> settled(std::uint64_t seed, std::size_t nodes = 5) {
  auto w = std::make_unique<world>(seed);
  std::vector<std::string> teams;
  for (int i = 0; i < 400; ++i) teams.push_back(fmt::format("team-{}", i));
  w->change_desired("team", teams, {});
  for (std::size_t n = 0; n < nodes; ++n) w->start_process(w->add_node());
  w->run_until(20s + w->between(0us, 1s));
  EXPECT_EQ(w->missing(), "");
  EXPECT_EQ(w->misplaced(), "");
  return w;
}

/// From now until everything desired runs.
milliseconds until_whole(world& w, milliseconds at_most) {
  const auto begin = w.now();
  while (!w.missing().empty() && w.now() - begin <= at_most) w.run_until(w.now() + 10ms);
  return std::chrono::duration_cast<milliseconds>(w.now() - begin);
}

TEST(takeover_test, what_a_killed_node_owned_runs_again_within_a_second) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto w = settled(seed);
    ASSERT_FALSE(w->at(1).running.empty());
    w->kill(1);
    EXPECT_LE(until_whole(*w, 10s), 1'000ms) << seed;
  }
}

TEST(takeover_test, what_a_frozen_node_owned_runs_again_within_six_seconds) {
  milliseconds slowest{0};
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    auto w = settled(seed, 2 + seed % 4);
    w->freeze(1);
    slowest = std::max(slowest, until_whole(*w, 10s));
    ASSERT_LE(slowest, 6'000ms) << seed;
    const auto stale = w->counters.stale_writes;
    w->run_until(w->now() + 20s);
    w->thaw(1);
    w->run_until(w->now() + 2s);
    EXPECT_GE(w->counters.stale_writes, stale);
    w->run_until(w->now() + 20s);
    EXPECT_EQ(w->missing(), "") << seed;
    EXPECT_EQ(w->misplaced(), "") << seed;
  }
  EXPECT_GE(slowest, 3'000ms) << "a lease that ends sooner than it says";
}

TEST(takeover_test, a_node_cut_off_from_the_store_stops_before_others_start) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto w = settled(seed);
    w->at(1).cut_from_store = true;
    w->run_until(w->now() + 3'400ms);  // the fence, and the latest tick
    EXPECT_TRUE(w->at(1).running.empty()) << seed;
    EXPECT_LE(until_whole(*w, 10s), 2'600ms) << seed;
    w->at(1).cut_from_store = false;
    w->run_until(w->now() + 20s);
    EXPECT_EQ(w->misplaced(), "") << "it comes back by itself; seed " << seed;
  }
}

TEST(takeover_test, a_store_that_is_away_for_long_is_found_again_by_all) {
  auto w = settled(1);
  w->store_down(true);
  w->run_until(w->now() + 60s);
  for (const auto& n : w->nodes()) EXPECT_TRUE(n->running.empty());
  w->store_down(false);
  // Nobody renewed, but then nobody could: each takes back what it had.
  EXPECT_LE(until_whole(*w, 10s), 2'000ms);
}

TEST(takeover_test, a_join_moves_no_more_than_its_share) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    auto w = settled(seed, 4);
    const auto before = w->counters.moves;
    w->start_process(w->add_node());
    w->run_until(w->now() + 30s);
    EXPECT_EQ(w->misplaced(), "") << seed;
    // Capacities are 50, 100, 150, 50 and then 100 of 450.
    EXPECT_LE(static_cast<double>(w->counters.moves - before), 400 * (100.0 / 450 + 0.05)) << seed;
  }
}

TEST(takeover_test, a_node_that_drains_leaves_nothing_behind) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    auto w = settled(seed);
    w->drain(2);
    w->run_until(w->now() + 20s);
    EXPECT_FALSE(w->at(2).up) << seed;
    EXPECT_EQ(w->missing(), "") << seed;
    EXPECT_EQ(w->store().now().members.size(), 4U);
  }
}

TEST(takeover_test, one_seed_is_one_run) {
  const auto run = [] {
    auto w = settled(7);
    w->kill(0);
    w->run_until(w->now() + 10s);
    return std::tuple(w->counters.events, w->counters.writes, w->store().now().fence);
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace stagedoor::test
