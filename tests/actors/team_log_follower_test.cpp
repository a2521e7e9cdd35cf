// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_log_follower.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using news = team_log_follower::news;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const mono_time start{};

team_log::page page(std::uint64_t version, std::vector<std::uint64_t> changes = {},
                    std::uint64_t floor = 0, const std::string& epoch = "e1") {
  team_log::page out;
  out.epoch = epoch;
  out.version = version;
  out.floor = floor;
  for (const auto v : changes) out.changes.push_back({v, "t" + std::to_string(v), "{}", {}});
  return out;
}

struct follower_test : ::testing::Test {
  log_limits limits;
  team_log_follower log{[this] {
    limits.page = 2;
    limits.followed = 3;
    limits.waiting = 2;
    return limits;
  }()};
  void begin(std::uint64_t version) {
    ASSERT_TRUE(log.look(start));
    ASSERT_EQ(log.read(page(version)), news::began);
    log.applied(start);
  }
};

TEST_F(follower_test, begins_where_the_log_is_and_reads_nothing_of_the_past) {
  const auto first = log.look(start);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->limit, 0U);
  EXPECT_FALSE(log.look(start)) << "one question at a time";
  EXPECT_EQ(log.read(page(7)), news::began);
  log.applied(start);
  EXPECT_EQ(log.version(), 7U);
  EXPECT_FALSE(log.look(start + limits.interval - milliseconds(1)));
  EXPECT_EQ(log.look(start + limits.interval)->after, 7U);
}

TEST_F(follower_test, goes_on_at_once_until_it_has_everything) {
  begin(0);
  log.hurry(start);
  ASSERT_TRUE(log.look(start));
  EXPECT_EQ(log.read(page(3, {1, 2})), news::changes);
  EXPECT_EQ(log.version(), 0U) << "not live yet";
  log.applied(start);
  EXPECT_EQ(log.version(), 2U);
  EXPECT_EQ(log.look(start)->after, 2U);
  EXPECT_EQ(log.read(page(3, {3})), news::changes);
  log.applied(start);
  EXPECT_EQ(log.version(), 3U);
  EXPECT_FALSE(log.look(start));
}

TEST_F(follower_test, tells_too_much_from_too_long_ago_from_another_store) {
  begin(10);
  log.hurry(start);
  (void)log.look(start);
  EXPECT_EQ(log.read(page(14, {11, 12})), news::far_behind);
  log.applied(start);
  (void)log.look(start);
  EXPECT_EQ(log.read(page(99, {}, 50)), news::forgotten);
  log.applied(start);
  EXPECT_EQ(log.version(), 99U);
  log.hurry(start);
  (void)log.look(start);
  EXPECT_EQ(log.read(page(2, {}, 0, "e2")), news::other_store);
  log.applied(start);
  EXPECT_EQ(log.version(), 2U) << "it counts as the new one does";
  EXPECT_EQ(log.epoch(), "e2");
}

TEST_F(follower_test, asks_again_after_a_pause_when_the_store_did_not_answer) {
  (void)log.look(start);
  log.not_read(start);
  EXPECT_FALSE(log.look(start + limits.retry - milliseconds(1)));
  EXPECT_TRUE(log.look(start + limits.retry));
}

TEST_F(follower_test, whoever_is_told_of_nothing_looks_more_often) {
  begin(7);
  log.follow_closely(start);
  ASSERT_TRUE(log.look(start)) << "and begins at once";
  (void)log.read(page(7));
  log.applied(start);
  EXPECT_FALSE(log.look(start + limits.close_interval - milliseconds(1)));
  EXPECT_TRUE(log.look(start + limits.close_interval));
}

TEST_F(follower_test, callers_wait_for_their_version_to_be_live) {
  EXPECT_EQ(log.wait_for(1, 1, start).error().kind, fault_kind::unreachable);
  begin(5);
  EXPECT_TRUE(*log.wait_for(5, 1, start)) << "it is already";
  EXPECT_FALSE(*log.wait_for(6, 2, start));
  EXPECT_FALSE(*log.wait_for(7, 3, start));
  EXPECT_EQ(log.wait_for(7, 4, start).error().kind, fault_kind::overloaded);
  ASSERT_TRUE(log.look(start)) << "without waiting for the next look";
  (void)log.read(page(7, {6, 7}));
  EXPECT_THAT(log.answers(), IsEmpty());
  log.applied(start);
  EXPECT_THAT(log.answers(), SizeIs(2));
  EXPECT_THAT(log.answers(), IsEmpty());
}

TEST_F(follower_test, a_version_that_the_store_lost_is_not_waited_for) {
  begin(5);
  log.hurry(start);
  (void)log.look(start);
  EXPECT_FALSE(*log.wait_for(6, 1, start));
  (void)log.read(page(5));
  log.applied(start);
  EXPECT_THAT(log.answers(), IsEmpty()) << "the answer may be older than the change";
  (void)log.look(start);
  (void)log.read(page(5));
  log.applied(start);
  const auto answers = log.answers();
  ASSERT_THAT(answers, SizeIs(1));
  ASSERT_TRUE(answers[0].failed);
  EXPECT_EQ(answers[0].failed->kind, fault_kind::stale);
}

}  // namespace
}  // namespace stagedoor::actors
