// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/placement.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <string>

namespace stagedoor::cluster {
namespace {

constexpr std::size_t keys = 100'000;

std::vector<candidate> nodes(std::size_t n, std::uint32_t weight = 100) {
  std::vector<candidate> out;
  for (std::size_t i = 0; i < n; ++i)
    out.push_back({stable_hash("node-" + std::to_string(i)), weight});
  return out;
}

std::uint64_t key(std::size_t i) { return key_hash("team", "team-" + std::to_string(i)); }

std::vector<ranking> place_all(const std::vector<candidate>& among, std::size_t replicas = 1) {
  std::vector<ranking> out(keys);
  for (std::size_t i = 0; i < keys; ++i) out[i].choose(key(i), among, replicas);
  return out;
}

std::vector<double> shares(const std::vector<ranking>& placed, std::size_t among) {
  std::vector<double> out(among, 0);
  for (const auto& r : placed)
    for (std::size_t i = 0; i < r.count(); ++i) out[r.at(i)] += 1.0 / keys;
  return out;
}

double moved(const std::vector<ranking>& before, const std::vector<ranking>& after) {
  double out = 0;
  for (std::size_t i = 0; i < keys; ++i) out += before[i].at(0) == after[i].at(0) ? 0 : 1;
  return out / keys;
}

TEST(placement_test, the_logarithm_is_right_to_a_millionth_and_never_rises) {
  std::uint64_t lot = 1;
  std::uint64_t before = negative_log2(0);
  EXPECT_EQ(before, std::uint64_t{64} << 56U);
  for (int bit = 0; bit < 64; ++bit)
    for (std::uint64_t part = 0; part < 64; ++part) {
      lot = (std::uint64_t{1} << bit) + ((std::uint64_t{1} << bit) / 64) * part;
      const double exact = 64.0 - std::log2(static_cast<double>(lot) + 1.0);
      const auto ours = negative_log2(lot);
      EXPECT_NEAR(std::ldexp(static_cast<double>(ours), -56), exact, 1e-6) << lot;
      EXPECT_LE(ours, before) << lot;
      before = ours;
    }
  EXPECT_EQ(negative_log2(~std::uint64_t{0}), 0U);
}

TEST(placement_test, figures_are_the_same_in_every_build) {
  // Nodes of different builds place together: these may never change.
  EXPECT_EQ(stable_hash(""), 17665956581633026203ULL);
  EXPECT_EQ(stable_hash("node-1"), 1411048690986509909ULL);
  EXPECT_EQ(key_hash("team", "team-a"), 5721678010694775104ULL);
  EXPECT_EQ(cost(key_hash("team", "team-a"), {stable_hash("node-1"), 100}), 4109915603804121ULL);
}

TEST(placement_test, equal_nodes_get_equal_shares) {
  for (const std::size_t n : {2U, 3U, 5U, 20U, 200U}) {
    const auto got = shares(place_all(nodes(n)), n);
    const double fair = 1.0 / static_cast<double>(n);
    // Five standard deviations of a fair lottery.
    const double slack = 5 * std::sqrt(fair / keys);
    for (const double share : got) EXPECT_NEAR(share, fair, slack) << n;
  }
}

TEST(placement_test, shares_follow_the_weights) {
  auto some = nodes(4);
  some[0].weight = 100;
  some[1].weight = 200;
  some[2].weight = 700;
  some[3].weight = 0;
  const auto got = shares(place_all(some), 4);
  EXPECT_NEAR(got[0], 0.1, 0.005);
  EXPECT_NEAR(got[1], 0.2, 0.005);
  EXPECT_NEAR(got[2], 0.7, 0.005);
  EXPECT_EQ(got[3], 0.0);
}

TEST(placement_test, a_node_that_comes_moves_only_what_it_gets) {
  for (const std::size_t n : {3U, 5U, 50U}) {
    const auto before = place_all(nodes(n - 1));
    const auto after = place_all(nodes(n));
    EXPECT_LE(moved(before, after), 1.0 / static_cast<double>(n) + 0.05);
    for (std::size_t i = 0; i < keys; ++i)
      ASSERT_TRUE(after[i].at(0) == n - 1 || after[i].at(0) == before[i].at(0));
  }
}

TEST(placement_test, a_node_that_goes_moves_only_what_it_had) {
  auto some = nodes(10);
  const auto before = place_all(some);
  some[4].weight = 0;
  const auto after = place_all(some);
  for (std::size_t i = 0; i < keys; ++i)
    ASSERT_TRUE(before[i].at(0) == 4 || after[i].at(0) == before[i].at(0));
}

TEST(placement_test, more_weight_only_draws_keys_to_that_node) {
  auto some = nodes(10);
  const auto before = place_all(some);
  some[4].weight = 150;
  const auto after = place_all(some);
  for (std::size_t i = 0; i < keys; ++i)
    ASSERT_TRUE(after[i].at(0) == 4 || after[i].at(0) == before[i].at(0));
}

TEST(placement_test, several_owners_are_different_nodes_and_the_first_is_who_it_was_alone) {
  const auto some = nodes(5);
  const auto alone = place_all(some, 1);
  const auto three = place_all(some, 3);
  for (std::size_t i = 0; i < keys; ++i) {
    ASSERT_EQ(three[i].count(), 3U);
    ASSERT_EQ(three[i].at(0), alone[i].at(0));
    ASSERT_NE(three[i].at(0), three[i].at(1));
    ASSERT_NE(three[i].at(1), three[i].at(2));
    ASSERT_NE(three[i].at(0), three[i].at(2));
  }
  ranking few;
  few.choose(key(1), nodes(2), 3);
  EXPECT_EQ(few.count(), 2U) << "no more owners than nodes";
}

TEST(placement_test, one_candidate_at_a_time_gives_the_same_in_any_order) {
  const auto some = nodes(30);
  for (std::size_t i = 0; i < 1'000; ++i) {
    ranking whole, stepwise;
    whole.choose(key(i), some, 3);
    for (std::uint32_t n = 30; n-- > 0;) stepwise.consider(key(i), n, some[n], 3);
    for (std::size_t r = 0; r < 3; ++r) ASSERT_EQ(whole.at(r), stepwise.at(r));
  }
}

}  // namespace
}  // namespace stagedoor::cluster
