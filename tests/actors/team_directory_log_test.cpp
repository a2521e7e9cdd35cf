// SPDX-License-Identifier: Apache-2.0
// The team_directory: the log of changes, flows, the teams to be tended.
#include "tests/actors/team_directory_fixture.hpp"

namespace stagedoor::actors {
namespace {

using namespace team_world;

// -- the log ----------------------------------------------------------------------

TEST_F(team_directory_test, follows_what_other_nodes_write) {
  store({"a", "b", "c"});
  start_cold(10);
  (void)found("a");
  world_.write("a", to_json(a_team("a", "http://10.0.0.9")));
  world_.write("d", to_json(a_team("d")));
  advance(seconds(2));
  EXPECT_THAT(live(), ElementsAre("a", "d")) << "a hot-add is live on every node";
  EXPECT_EQ(web_of("a"), "http://10.0.0.9");
  world_.write("a", "");
  world_.write("b", "");
  advance(seconds(2));
  EXPECT_THAT(live(), ElementsAre("d"));
  EXPECT_EQ(status("version"), "4");
}

TEST_F(team_directory_test, follows_closely_once_it_is_told_of_nothing) {
  start();
  tell(teamdir_, follow_closely{});
  for (const auto* slug : {"a", "b"}) {
    world_.write(slug, to_json(a_team(slug)));
    advance(2 * defaults::team_log_close_interval);
    EXPECT_THAT(live(), ::testing::Contains(slug));
  }
}

TEST_F(team_directory_test, a_change_that_is_spread_is_live_when_the_answer_comes) {
  start();
  const auto version = world_.write("a", to_json(a_team("a")));
  const auto done = catch_up(version);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->version, version);
  EXPECT_THAT(live(), ElementsAre("a"));
  world_.write("a", "");
  ASSERT_TRUE(catch_up(version + 1));
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_TRUE(catch_up(1)) << "long ago";
}

TEST_F(team_directory_test, a_spread_waits_for_the_tables) {
  start();
  world_.next["site"] = fate::lost;
  const auto version = world_.write("a", to_json(a_team("a")));
  const auto late = ask<messages::caught_up>(teamdir_, messages::catch_up_to{version}, seconds(1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, fault_kind::timed_out);
  advance(longest_wait + seconds(3));
  EXPECT_TRUE(catch_up(version));
  EXPECT_THAT(live(), ElementsAre("a"));
}

TEST_F(team_directory_test, a_long_log_is_followed_page_by_page) {
  options_.limits.log.page = 2;
  start();
  for (int i = 0; i < 7; ++i) {
    const auto slug = fmt::format("t{}", i);
    world_.write(slug, to_json(a_team(slug)));
  }
  ASSERT_TRUE(catch_up(7));
  EXPECT_THAT(live(), SizeIs(7));
}

TEST_F(team_directory_test, too_many_changes_refresh_only_what_is_active) {
  store({"a", "b", "c"});
  options_.limits.log.followed = 5;
  start_cold(100);
  (void)found("a");
  for (int i = 0; i < 6; ++i) {
    const auto slug = fmt::format("t{}", i);
    world_.write(slug, to_json(a_team(slug)));
  }
  world_.write("a", to_json(a_team("a", "http://10.0.0.9")));
  advance(seconds(2));
  EXPECT_THAT(live(), ElementsAre("a"));
  EXPECT_EQ(web_of("a"), "http://10.0.0.9");
  EXPECT_THAT(exists_, Contains("t3")) << "that it did not exist is remembered no more";
  EXPECT_EQ(found("t3"), "active");
}

TEST_F(team_directory_test, who_was_away_too_long_reads_what_is_active_again) {
  store({"a", "b", "c"});
  start_cold(100);
  for (const char* slug : {"a", "b", "c"}) (void)found(slug);
  world_.write("a", "");
  world_.write("b", to_json(a_team("b", "http://10.0.0.9")));
  world_.changes.clear();
  world_.floor = world_.version;
  world_.asked.clear();
  advance(seconds(2));
  EXPECT_THAT(live(), ElementsAre("b", "c"));
  EXPECT_EQ(web_of("b"), "http://10.0.0.9");
  EXPECT_EQ(world_.count("site"), 1U) << "what is as it was is left alone";
  EXPECT_TRUE(catch_up(world_.version));
}

TEST_F(team_directory_test, another_store_takes_nothing_down) {
  store({"a", "b"});
  start();
  world_.store.clear();
  world_.epoch = "e2";
  world_.version = 0;
  advance(seconds(2));
  EXPECT_THAT(live(), ElementsAre("a", "b"));
  EXPECT_EQ(status("epoch"), "e2");
  advance(options_.limits.idle + seconds(30));
  EXPECT_THAT(live(), ElementsAre("a", "b")) << "nobody could bring them back";
  world_.write("a", to_json(a_team("a", "http://10.0.0.9")));
  world_.write("b", to_json(a_team("b")));
  world_.write("b", "");
  advance(seconds(2));
  EXPECT_THAT(live(), ElementsAre("a")) << "what is written in the new one counts";
  EXPECT_EQ(web_of("a"), "http://10.0.0.9");
}

TEST_F(team_directory_test, a_log_that_cannot_be_read_stops_nothing) {
  store({"a"});
  start();
  world_.refuses["since"] = down();
  advance(seconds(60));
  EXPECT_EQ(found("a"), "active");
  world_.refuses.clear();
  world_.write("b", to_json(a_team("b")));
  advance(seconds(1));
  EXPECT_THAT(live(), ElementsAre("a", "b"));
}

// -- flows ------------------------------------------------------------------------

TEST_F(team_directory_test, while_a_flow_holds_a_team_only_the_flow_changes_it) {
  store({"a"});
  start();
  const auto flow = make_probe();
  ASSERT_TRUE(ask<team_held>(teamdir_, hold_team{"a", "provisioning", flow.handle()}));
  world_.write("a", to_json(a_team("a", "http://10.0.0.9")));
  advance(seconds(5));
  EXPECT_EQ(web_of("a"), "http://10.0.0.2");
  tell(teamdir_, release_team{"a", flow_end::settled});
  EXPECT_EQ(web_of("a"), "http://10.0.0.9") << "what was missed is read";
}

TEST_F(team_directory_test, a_look_up_of_a_new_team_is_answered_as_soon_as_the_flow_made_it_live) {
  start();
  const auto flow = make_probe();
  const auto held = ask<team_held>(teamdir_, hold_team{"a", "provisioning", flow.handle()});
  ASSERT_TRUE(held);
  ASSERT_NE(held->use, nullptr);
  const auto waiting = look_up("a");
  run();
  EXPECT_EQ(said(waiting), "nothing yet");
  tell(teamdir_, team_changed{"a", world_.write("a", to_json(a_team("a"))), to_json(a_team("a"))});
  EXPECT_EQ(said(waiting), "active");
  world_.asked.clear();
  tell(teamdir_, release_team{"a", flow_end::settled});
  advance(seconds(3));
  EXPECT_EQ(world_.count("site"), 0U) << "its own change is no news";
  EXPECT_EQ(world_.count("HMGET"), 0U);
}

TEST_F(team_directory_test, a_flow_waits_until_nothing_else_is_under_way_for_its_team) {
  store({"a", "b", "c"});
  start_cold(2);
  world_.next["site"] = fate::lost;
  const auto waiting = look_up("a");
  run();
  const auto flow = make_probe();
  const auto held =
      ask<team_held>(teamdir_, hold_team{"a", "provisioning", flow.handle()}, seconds(1));
  EXPECT_FALSE(held) << "the site is being published";
  advance(longest_wait);
  EXPECT_TRUE(ask<team_held>(teamdir_, hold_team{"a", "provisioning", flow.handle()}));
}

TEST_F(team_directory_test, a_flow_whose_actor_ends_lets_go_and_what_is_stored_is_made_so) {
  store({"a"});
  start();
  const auto flow = make_probe();
  (void)ask<team_held>(teamdir_, hold_team{"a", "deprovisioning", flow.handle()});
  world_.write("a", "");  // and no further
  kill(flow.handle());
  EXPECT_THAT(live(), IsEmpty());
}

TEST_F(team_directory_test, what_a_failed_flow_left_in_the_tables_is_taken_out) {
  start();
  const auto flow = make_probe();
  (void)ask<team_held>(teamdir_, hold_team{"a", "provisioning", flow.handle()});
  world_.names.insert("a");  // its site failed, and undoing the name too
  world_.next["HMGET"] = fate::refused;
  tell(teamdir_, release_team{"a", flow_end::unsure});
  EXPECT_THAT(world_.names, Contains("a"));
  advance(seconds(1));
  EXPECT_THAT(world_.names, IsEmpty());
}

// -- what is owned ------------------------------------------------------------------

struct tended_teams : team_directory_test {
  probe cluster = make_probe();
  void begin() {
    publish_name(system(), "cluster", cluster.handle());
    start();
  }
  result<messages::owned_ids> listed(std::uint64_t known = 0) {
    return ask<messages::owned_ids>(teamdir_, messages::list_owned_ids{"team", known});
  }
  std::vector<messages::owned_ids_changed> told() {
    return cluster.received<messages::owned_ids_changed>();
  }
};

TEST_F(tended_teams, are_listed_with_a_version_and_not_again_while_it_is_known) {
  world_.tended = {"a", "b"};
  begin();
  const auto all = listed();
  ASSERT_TRUE(all);
  EXPECT_THAT(all->ids, ElementsAre("a", "b"));
  EXPECT_GT(all->version, 0U);
  const auto again = listed(all->version);
  EXPECT_EQ(again->version, all->version);
  EXPECT_THAT(again->ids, IsEmpty());
  EXPECT_FALSE(ask<messages::owned_ids>(teamdir_, messages::list_owned_ids{"zone", 0}));
  world_.refuses["SSCAN"] = down();
  EXPECT_FALSE(listed());
}

TEST_F(tended_teams, changes_are_told_one_by_one) {
  begin();
  const auto before = listed()->version;
  world_.tended.insert("a");
  world_.write("a", to_json(a_team("a")));
  world_.write("b", to_json(a_team("b")));
  advance(seconds(2));
  ASSERT_THAT(told(), SizeIs(1));
  EXPECT_EQ(told()[0].kind, "team");
  EXPECT_EQ(told()[0].version, before + 1);
  EXPECT_THAT(told()[0].added, ElementsAre("a"));
  EXPECT_THAT(told()[0].removed, ElementsAre("b"));
  EXPECT_EQ(listed()->version, before + 1);
}

TEST_F(tended_teams, after_a_reload_the_whole_is_asked_for) {
  begin();
  const auto before = listed()->version;
  world_.version = world_.floor = 10;
  advance(seconds(2));
  ASSERT_THAT(told(), SizeIs(1));
  EXPECT_GT(told()[0].version, before + 1) << "it does not follow the one before";
}

TEST_F(tended_teams, the_checker_of_any_team_learns_what_to_check_and_what_changed) {
  store({"a", "b", "c"});
  options_.limits.active = 2;
  begin();
  auto checker = make_probe();
  tell(teamdir_, checker_ready{"a", checker.handle()});
  ASSERT_THAT(checker.received<messages::check_servers>(), SizeIs(1)) << "though it is not active";
  EXPECT_EQ(checker.received<messages::check_servers>()[0].spec.slug, "a");
  world_.write("a", to_json(a_team("a", "http://10.0.0.9")));
  advance(seconds(2));
  ASSERT_THAT(checker.received<messages::check_servers>(), SizeIs(2));
  EXPECT_THAT(checker.received<messages::check_servers>()[1].spec.web,
              ElementsAre("http://10.0.0.9"));
  world_.write("a", "");
  advance(seconds(2));
  EXPECT_THAT(world_.forgotten, Contains("a"));
  checker.forget();
  kill(checker.handle());
  world_.write("a", to_json(a_team("a")));
  advance(seconds(2));
  EXPECT_EQ(checker.received_count(), 0U);
}

TEST_F(tended_teams, a_checker_whose_team_could_not_be_read_is_told_later) {
  store({"a", "b", "c"});
  options_.limits.active = 2;
  begin();
  const auto checker = make_probe();
  world_.next["HGET"] = fate::refused;
  tell(teamdir_, checker_ready{"a", checker.handle()});
  EXPECT_EQ(checker.received_count(), 0U);
  advance(seconds(1));
  EXPECT_THAT(checker.received<messages::check_servers>(), SizeIs(1));
}

}  // namespace
}  // namespace stagedoor::actors
