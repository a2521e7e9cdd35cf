// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_shelf.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const mono_time start = mono_time{} + std::chrono::hours(100);
constexpr seconds least{60};

struct team_shelf_test : ::testing::Test {
  team_shelf shelf;
  void put(const std::string& slug, mono_time now) { shelf.put(slug, now).live = true; }
  std::vector<std::string> idle(mono_time now, std::size_t limit = 10, std::size_t looks = 100) {
    return shelf.idle(now, least, limit, looks);
  }
};

TEST_F(team_shelf_test, names_the_least_recently_used_first) {
  put("a", start);
  put("b", start + seconds(10));
  put("c", start + seconds(20));
  EXPECT_THAT(idle(start + seconds(59)), IsEmpty());
  EXPECT_THAT(idle(start + seconds(75)), ElementsAre("a", "b"));
  EXPECT_THAT(idle(start + seconds(100), 1), ElementsAre("a"));
}

TEST_F(team_shelf_test, a_use_that_a_lane_stamped_counts) {
  put("a", start);
  put("b", start);
  shelf.find("a")->use->stamp(start + seconds(50));
  EXPECT_THAT(idle(start + seconds(60)), ElementsAre("b"));
  EXPECT_THAT(idle(start + seconds(110)), ElementsAre("b", "a"));
}

TEST_F(team_shelf_test, looks_at_few_teams_however_many_there_are) {
  for (int i = 0; i < 1000; ++i) {
    const auto slug = fmt::format("t{}", i);
    put(slug, start);
    if (i != 0) shelf.find(slug)->use->stamp(start + seconds(600));
  }
  const auto now = start + seconds(610);
  std::size_t turns = 0;
  std::vector<std::string> found;
  while (found.empty() && ++turns < 200) found = idle(now, 10, 10);
  EXPECT_THAT(found, ElementsAre("t0"));
  EXPECT_LE(turns, 100U) << "each look moves a busy one out of the way";
}

TEST_F(team_shelf_test, what_is_being_offered_or_kept_stays) {
  put("a", start);
  put("b", start);
  shelf.find("a")->offers = 1;
  shelf.find("b")->kept = true;
  EXPECT_THAT(idle(start + seconds(60)), IsEmpty());
  shelf.find("a")->offers = 0;
  EXPECT_THAT(idle(start + seconds(120)), ElementsAre("a"));
}

TEST_F(team_shelf_test, what_is_erased_is_gone_from_the_order) {
  put("a", start);
  shelf.erase("a");
  shelf.erase("a");
  EXPECT_EQ(shelf.find("a"), nullptr);
  EXPECT_THAT(idle(start + seconds(600)), IsEmpty());
  put("a", start + seconds(600));
  EXPECT_THAT(shelf.slugs(), SizeIs(1));
}

}  // namespace
}  // namespace stagedoor::actors
