// SPDX-License-Identifier: Apache-2.0
// The team_directory: its start, looking up, passivation, questions.
#include "tests/actors/team_directory_fixture.hpp"

namespace stagedoor::actors {
namespace {

using namespace team_world;

// -- the start --------------------------------------------------------------------

TEST_F(team_directory_test, loads_all_teams_where_they_fit) {
  store({"a", "b", "c"});
  start();
  EXPECT_THAT(live(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(status("store"), "loaded");
  EXPECT_EQ(status("known"), "3");
  EXPECT_EQ(status("active"), "3");
  EXPECT_EQ(served_, 1);
  EXPECT_EQ(stored_live_, 1);
  EXPECT_EQ(found("a"), "active");
  EXPECT_EQ(world_.count("HMGET"), 0U) << "it is known";
}

TEST_F(team_directory_test, loads_nothing_where_they_do_not) {
  start_cold();
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_EQ(world_.count("HSCAN"), 0U);
  EXPECT_EQ(served_, 1);
  EXPECT_EQ(stored_live_, 1) << "there is nothing to wait for";
  EXPECT_EQ(status("known"), "3");
}

TEST_F(team_directory_test, serves_look_ups_while_it_loads) {
  for (int i = 0; i < 10; ++i) store({fmt::format("t{}", i)});
  options_.limits.load_batch = 2;
  options_.limits.window = 1;
  world_.next["site"] = fate::lost;
  start();
  EXPECT_EQ(status("store"), "loading") << "one of the first page holds the window";
  EXPECT_EQ(served_, 1);
  EXPECT_EQ(stored_live_, 0);
  EXPECT_EQ(found("t9"), "active");
  EXPECT_EQ(found("ghost"), "unknown");
  advance(longest_wait + seconds(3));
  EXPECT_EQ(stored_live_, 1);
  EXPECT_EQ(status("store"), "loaded");
  EXPECT_THAT(live(), SizeIs(10)) << "what was lost is tried again";
}

TEST_F(team_directory_test, stored_values_that_make_no_sense_are_left_out) {
  world_.store = {{"bad", "{"}, {"other", to_json(a_team("a"))}, {"b", to_json(a_team("b"))}};
  start();
  EXPECT_THAT(live(), ElementsAre("b"));
  EXPECT_EQ(status("store"), "loaded");
  EXPECT_EQ(found("bad"), "unknown");
}

TEST_F(team_directory_test, without_the_store_look_ups_are_a_fault_and_it_is_asked_again) {
  store({"a"});
  world_.refuses["since"] = down();
  start();
  EXPECT_EQ(served_, 0);
  EXPECT_THAT(found("a"), HasSubstr("store unreachable"));
  EXPECT_THAT(found("ghost"), HasSubstr("store unreachable")) << "that it is unknown is not known";
  EXPECT_EQ(status("store"), "waiting for Redis");
  world_.refuses.clear();
  advance(seconds(1));
  EXPECT_EQ(served_, 1);
  EXPECT_EQ(found("a"), "active");
}

TEST_F(team_directory_test, a_new_connection_is_not_waited_for) {
  store({"a"});
  world_.refuses["since"] = down();
  start();
  world_.refuses.clear();
  tell(teamdir_, store_connected{});
  EXPECT_EQ(served_, 1);
  EXPECT_THAT(live(), ElementsAre("a"));
}

TEST_F(team_directory_test, a_scan_that_fails_starts_again) {
  store({"a", "b", "c"});
  options_.limits.load_batch = 1;
  world_.next["HSCAN"] = fate::refused;
  start();
  EXPECT_THAT(live(), IsEmpty());
  advance(seconds(1));
  EXPECT_THAT(live(), SizeIs(3));
  EXPECT_EQ(status("store"), "loaded");
}

TEST_F(team_directory_test, one_that_starts_again_finds_what_is_live_and_compares_it) {
  store({"a", "b", "c"});
  start_cold();
  EXPECT_EQ(found("a"), "active");
  EXPECT_EQ(found("b"), "active");
  kill(teamdir_);
  world_.write("a", "");
  world_.write("b", to_json(a_team("b", "http://10.0.0.9")));
  start();
  EXPECT_THAT(live(), ElementsAre("b"));
  EXPECT_EQ(web_of("b"), "http://10.0.0.9");
  EXPECT_EQ(status("active"), "1");
}

// -- looking up -------------------------------------------------------------------

TEST_F(team_directory_test, a_team_is_live_when_its_look_up_is_answered) {
  store({"a", "b", "c"});
  start_cold();
  EXPECT_EQ(found("a"), "active");
  EXPECT_THAT(live(), ElementsAre("a"));
  EXPECT_NE(world_.uses.at("a.test"), nullptr) << "the lanes stamp its use";
  EXPECT_EQ(found("ghost"), "unknown");
  EXPECT_THAT(live(), ElementsAre("a"));
}

TEST_F(team_directory_test, look_ups_of_one_turn_are_read_together_and_each_team_once) {
  store({"a", "b", "c"});
  start_cold();
  std::vector<outcome> all;
  for (const char* slug : {"a", "b", "a", "ghost", "a"}) all.push_back(look_up(slug));
  run();
  EXPECT_EQ(world_.count("HMGET"), 1U);
  EXPECT_EQ(world_.count("site"), 2U);
  EXPECT_EQ(said(all[0]), "active");
  EXPECT_EQ(said(all[2]), "active");
  EXPECT_EQ(said(all[3]), "unknown");
  EXPECT_EQ(said(all[4]), "active");
}

TEST_F(team_directory_test, more_look_ups_than_the_limit_are_refused_for_now) {
  store({"a", "b", "c", "d"});
  options_.limits.look_ups = 2;
  options_.limits.callers = 3;
  start_cold(3);
  world_.next["HMGET"] = fate::lost;
  std::vector<outcome> all;
  for (const char* slug : {"a", "b", "c", "a", "b"}) all.push_back(look_up(slug));
  run();
  EXPECT_THAT(said(all[2]), HasSubstr("overloaded"));
  EXPECT_THAT(said(all[4]), HasSubstr("overloaded")) << "callers are bounded as well";
  EXPECT_EQ(said(all[0]), "nothing yet");
  advance(options_.deadline);
  EXPECT_THAT(said(all[0]), HasSubstr("timed out"));
  EXPECT_THAT(said(all[3]), HasSubstr("timed out"));
  EXPECT_EQ(found("c"), "active") << "there is room again";
}

TEST_F(team_directory_test, a_store_that_fails_is_told_and_the_next_look_up_succeeds) {
  store({"a", "b", "c"});
  start_cold();
  world_.next["HMGET"] = fate::refused;
  EXPECT_EQ(found("a"), "store refused: HMGET");
  EXPECT_EQ(found("a"), "active");
}

TEST_F(team_directory_test, half_a_team_is_not_left_behind) {
  store({"a", "b", "c"});
  start_cold();
  for (const char* half : {"site", "name"}) {
    world_.next[half] = fate::refused;
    EXPECT_EQ(found("a"), fmt::format("store refused: {}", half));
    EXPECT_THAT(live(), IsEmpty()) << half;
    advance(seconds(1));
    EXPECT_THAT(live(), ElementsAre("a")) << "tried again, as if it had been warm";
    world_.write("a", "");
    (void)catch_up(world_.version);
    EXPECT_THAT(live(), IsEmpty());
    store({"a"});
  }
}

// -- passivation ------------------------------------------------------------------

TEST_F(team_directory_test, idle_teams_leave_and_come_again) {
  store({"a", "b", "c"});
  start_cold(2);
  (void)found("a");
  (void)found("b");
  advance(options_.limits.idle - seconds(10));
  use("b");
  advance(seconds(12));
  EXPECT_THAT(live(), ElementsAre("b"));
  EXPECT_EQ(status("active"), "1");
  EXPECT_EQ(found("a"), "active");
  EXPECT_THAT(live(), ElementsAre("a", "b"));
}

TEST_F(team_directory_test, the_least_recently_used_make_room) {
  store({"a", "b", "c", "d"});
  start_cold(2);
  for (const char* slug : {"a", "b"}) {
    (void)found(slug);
    advance(seconds(10));
  }
  use("a");
  advance(seconds(1));
  EXPECT_EQ(found("c"), "active");
  EXPECT_THAT(live(), ElementsAre("a", "c"));
}

TEST_F(team_directory_test, busy_teams_stay_and_what_is_too_much_is_refused) {
  store({"a", "b", "c", "d", "e"});
  start_cold(2);
  for (const char* slug : {"a", "b", "c"}) EXPECT_EQ(found(slug), "active");
  EXPECT_THAT(live(), SizeIs(3)) << "all were used just now; one more is within the margin";
  EXPECT_THAT(found("d"), HasSubstr("overloaded"));
  advance(seconds(1));
  EXPECT_EQ(found("d"), "active");
  EXPECT_THAT(live(), SizeIs(2)) << "one of those that were used before made room";
  EXPECT_THAT(live(), Contains("d"));
}

TEST_F(team_directory_test, memory_is_bounded_however_many_teams_are_asked_for) {
  for (int i = 0; i < 200; ++i) store({fmt::format("t{}", i)});
  start_cold(10);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(found(fmt::format("t{}", i)), "active") << i;
    advance(seconds(2));
  }
  EXPECT_LE(std::stoul(status("active")), 11U);
  EXPECT_LE(live().size(), 11U);
}

TEST_F(team_directory_test, what_could_not_be_withdrawn_is_followed_again) {
  store({"a", "b", "c"});
  start_cold(2);
  (void)found("a");
  world_.next["unsite"] = fate::refused;
  advance(options_.limits.idle + seconds(5));
  EXPECT_THAT(live(), ElementsAre("a")) << "it is active again, and known as that";
  EXPECT_EQ(status("active"), "1");
}

// -- questions --------------------------------------------------------------------

TEST_F(team_directory_test, lists_and_shows_teams_that_are_not_active) {
  store({"c", "a", "b"});
  start_cold(1);
  const auto page = ask<messages::team_listing>(teamdir_, messages::list_teams{"", 2});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->slugs, ElementsAre("a", "b"));
  EXPECT_EQ(page->total, 5U);
  const auto about = ask<messages::team_description>(teamdir_, messages::show_team{"c"});
  ASSERT_TRUE(about);
  EXPECT_EQ(about->spec.host, "c.test");
  EXPECT_EQ(about->state, "live");
  EXPECT_THAT(live(), IsEmpty()) << "looking at it is no use of it";
  EXPECT_EQ(
      to_string(ask<messages::team_description>(teamdir_, messages::show_team{"ghost"}).error()),
      "client not found: there is no team \"ghost\"");
}

TEST_F(team_directory_test, an_index_that_is_missing_is_built) {
  store({"a"});
  world_.indexed = "";
  start();
  EXPECT_EQ(world_.count("index"), 1U);
  EXPECT_EQ(world_.indexed, "some");
}

TEST_F(team_directory_test, with_a_certificate_resolver_all_teams_are_tended) {
  store({"a"});
  world_.indexed = "some";
  world_.next["index"] = fate::refused;
  options_.certificate_resolver = "le";
  start();
  EXPECT_EQ(world_.indexed, "some");
  advance(seconds(1));
  EXPECT_EQ(world_.indexed, "all") << "a step that failed is done again";
  EXPECT_THAT(world_.certificates, Contains("a.test from le"));
}

}  // namespace
}  // namespace stagedoor::actors
