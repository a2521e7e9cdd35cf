// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/site_registry_state.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

shared_plans plans(const std::string& name) {
  route_plan plan;
  plan.name = name;
  return std::make_shared<const route_plans>(route_plans{plan});
}

TEST(site_registry_state, the_first_offer_starts_a_router_and_later_ones_wait_for_it) {
  site_registry_state state(10);
  const auto first = state.offer("a.test", "file", plans("f"));
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->start);
  EXPECT_EQ(first->start->host, "a.test");
  EXPECT_THAT(first->forward, IsEmpty()) << "there is nobody to forward it to";
  const auto second = state.offer("a.test", "docker", plans("d"));
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->start) << "one router a host";
  EXPECT_THAT(second->forward, IsEmpty());
  EXPECT_EQ(state.size(), 1U);
}

TEST(site_registry_state, a_router_that_is_ready_gets_every_sources_newest_offer_each_time) {
  site_registry_state state(10);
  (void)state.offer("a.test", "team", plans("old"));
  (void)state.offer("a.test", "file", plans("f"));
  const auto newest = plans("new");
  (void)state.offer("a.test", "team", newest);
  for (const char* when : {"started", "started again after a crash"}) {
    const auto all = state.ready("a.test");
    ASSERT_TRUE(all) << when;
    ASSERT_THAT(*all, SizeIs(2)) << when;
    EXPECT_EQ((*all)[0].source, "file");
    EXPECT_EQ((*all)[1].source, "team");
    EXPECT_EQ((*all)[1].routes, newest);
  }
}

TEST(site_registry_state, offers_for_a_running_router_are_forwarded) {
  site_registry_state state(10);
  (void)state.offer("a.test", "file", plans("f"));
  (void)state.ready("a.test");
  const auto more = plans("d");
  const auto actions = state.offer("a.test", "docker", more);
  ASSERT_TRUE(actions);
  EXPECT_FALSE(actions->start);
  ASSERT_THAT(actions->forward, SizeIs(1));
  EXPECT_EQ(actions->forward[0].host, "a.test");
  EXPECT_EQ(actions->forward[0].source, "docker");
  EXPECT_EQ(actions->forward[0].routes, more);
}

TEST(site_registry_state, a_site_goes_when_its_last_source_has_left) {
  for (const bool null : {true, false}) {
    const auto nothing = null ? shared_plans{} : std::make_shared<const route_plans>();
    site_registry_state state(10);
    (void)state.offer("a.test", "file", plans("f"));
    (void)state.offer("a.test", "docker", plans("d"));
    (void)state.ready("a.test");
    EXPECT_THAT(state.offer("a.test", "file", nothing)->forward, SizeIs(1));
    EXPECT_FALSE(state.settled("a.test")) << "docker still offers something";
    EXPECT_THAT(state.offer("a.test", "docker", nothing)->forward, SizeIs(1));
    EXPECT_TRUE(state.settled("a.test"));
    EXPECT_EQ(state.size(), 0U);
    EXPECT_FALSE(state.settled("a.test")) << "once";
  }
}

TEST(site_registry_state, an_offer_that_comes_while_the_site_goes_keeps_it) {
  site_registry_state state(10);
  (void)state.offer("a.test", "file", plans("f"));
  (void)state.ready("a.test");
  (void)state.offer("a.test", "file", nullptr);
  (void)state.offer("a.test", "file", plans("again"));
  EXPECT_FALSE(state.settled("a.test"));
  EXPECT_THAT(*state.ready("a.test"), SizeIs(1));
}

TEST(site_registry_state, a_withdrawal_for_an_unknown_host_needs_a_router_too) {
  site_registry_state state(10);
  const auto actions = state.offer("a.test", "team", nullptr);
  ASSERT_TRUE(actions);
  ASSERT_TRUE(actions->start) << "the loops may serve it from before a restart";
  const auto offers = state.ready("a.test");
  ASSERT_TRUE(offers);
  EXPECT_THAT(*offers, IsEmpty());
  EXPECT_TRUE(state.settled("a.test"));
}

TEST(site_registry_state, a_router_that_nobody_asked_for_is_told_apart) {
  site_registry_state state(10);
  EXPECT_FALSE(state.ready("a.test"));
  EXPECT_EQ(state.size(), 0U);
}

TEST(site_registry_state,
     after_a_failed_start_the_next_offer_tries_again_with_all_that_is_offered) {
  site_registry_state state(10);
  (void)state.offer("a.test", "file", plans("f"));
  state.start_failed("a.test");
  EXPECT_EQ(state.size(), 1U);
  const auto next = state.offer("a.test", "docker", plans("d"));
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->start);
  EXPECT_THAT(*state.ready("a.test"), SizeIs(2));
  state.start_failed("a.test");  // comes late: it runs
  EXPECT_FALSE(state.offer("a.test", "docker", plans("d"))->start);
}

TEST(site_registry_state, a_failed_start_of_a_withdrawal_leaves_nothing_behind) {
  site_registry_state state(10);
  (void)state.offer("a.test", "team", nullptr);
  state.start_failed("a.test");
  EXPECT_EQ(state.size(), 0U);
  state.start_failed("a.test");
}

TEST(site_registry_state, beyond_the_limit_offers_are_refused_and_withdrawals_are_not) {
  site_registry_state state(2);
  (void)state.offer("a.test", "file", plans("f"));
  (void)state.offer("b.test", "file", plans("f"));
  const auto third = state.offer("c.test", "file", plans("f"));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, fault_kind::overloaded);
  EXPECT_EQ(third.error().detail, "2 sites are served already, which is the limit");
  EXPECT_TRUE(state.offer("a.test", "docker", plans("d"))) << "known hosts are";
  EXPECT_TRUE(state.offer("c.test", "file", nullptr));
  (void)state.ready("c.test");
  EXPECT_TRUE(state.settled("c.test"));
  (void)state.offer("a.test", "file", nullptr);
  (void)state.offer("a.test", "docker", nullptr);
  (void)state.ready("a.test");
  ASSERT_TRUE(state.settled("a.test"));
  EXPECT_TRUE(state.offer("c.test", "file", plans("f"))) << "there is room again";
}

}  // namespace
}  // namespace stagedoor::actors
