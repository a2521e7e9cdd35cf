// SPDX-License-Identifier: Apache-2.0
// The team_directory in virtual time, everybody else played by the test.
#include "actors/teams/team_directory.hpp"

#include "tests/actors/team_world.hpp"

namespace stagedoor::actors {
namespace {

using namespace team_world;
using messages::presence;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class team_directory_test : public actor_fixture {
 protected:
  team_directory_test() {
    catalog_->tls_entry_points = 2;
    options_.domain = "test";
    options_.first_catalog = catalog_;
    options_.on_look_ups_served = [this] { ++served_; };
    options_.forget_missing = [this](const std::string& slug) { exists_.push_back(slug); };
    (void)spawn<everybody>(world_);
  }
  void start() { teamdir_ = spawn<team_directory>(options_); }
  /// Too many teams to load them all.
  void start_cold(std::size_t active = 2) {
    options_.limits.active = active;
    for (std::size_t i = 0; i <= active; ++i) store({fmt::format("z{}", i)});
    start();
    EXPECT_EQ(status("store"), "on demand");
  }
  void store(const std::vector<std::string>& slugs) {
    for (const auto& slug : slugs) world_.store[slug] = to_json(a_team(slug));
  }

  using outcome = std::shared_ptr<std::optional<result<messages::team_presence>>>;
  outcome look_up(const std::string& slug) {
    auto heard = std::make_shared<std::optional<result<messages::team_presence>>>();
    send_on_errand([=, to = teamdir_](caf::event_based_actor* self) {
      actors::ask<messages::team_presence>(
          self, to, messages::look_up_team{slug}, seconds(100),
          [heard](messages::team_presence& p) { *heard = p; },
          [heard](const fault& f) { *heard = f; });
    });
    return heard;
  }
  static std::string said(const outcome& o) {
    if (!o->has_value()) return "nothing yet";
    if (!**o) return to_string((*o)->error());
    return (**o)->is == presence::active ? "active" : "unknown";
  }
  std::string found(const std::string& slug) {
    const auto o = look_up(slug);
    run();
    return said(o);
  }
  std::vector<std::string> live() {
    std::vector<std::string> out;
    for (const auto& [host, routes] : world_.sites) {
      const auto slug = host.substr(0, host.find('.'));
      EXPECT_TRUE(world_.names.contains(slug)) << slug << " has a site and no name";
      out.push_back(slug);
    }
    EXPECT_EQ(out.size(), world_.names.size());
    return out;
  }
  std::string web_of(const std::string& slug) {
    for (const auto& plan : *world_.sites.at(slug + ".test"))
      if (plan.name.starts_with(slug + "-web")) return plan.service.servers.at(0).url;
    return "";
  }
  std::string status(const std::string& key) {
    const auto rows = ask<messages::status_rows>(teamdir_, messages::report_status{});
    if (rows)
      for (const auto& row : rows->rows)
        if (row.key == key) return row.value;
    return "?";
  }
  result<messages::caught_up> catch_up(std::uint64_t version) {
    return ask<messages::caught_up>(teamdir_, messages::catch_up_to{version});
  }
  void use(const std::string& slug) { world_.uses.at(slug + ".test")->stamp(now()); }
  static fault down() {
    return {fault_kind::unreachable, fault_side::store, retryable::yes, "down"};
  }

  world world_;
  std::shared_ptr<catalog> catalog_ = std::make_shared<catalog>();
  team_directory_options options_;
  int served_ = 0;
  std::vector<std::string> exists_;  ///< what the lanes were told
  caf::actor teamdir_;
};

// -- the start --------------------------------------------------------------------

TEST_F(team_directory_test, loads_all_teams_where_they_fit) {
  store({"a", "b", "c"});
  start();
  EXPECT_THAT(live(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(status("store"), "loaded");
  EXPECT_EQ(status("known"), "3");
  EXPECT_EQ(status("active"), "3");
  EXPECT_EQ(served_, 1);
  EXPECT_EQ(found("a"), "active");
  EXPECT_EQ(world_.count("HMGET"), 0U) << "it is known";
}

TEST_F(team_directory_test, loads_nothing_where_they_do_not) {
  start_cold();
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_EQ(world_.count("HSCAN"), 0U);
  EXPECT_EQ(served_, 1);
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
  EXPECT_EQ(found("t9"), "active");
  EXPECT_EQ(found("ghost"), "unknown");
  advance(longest_wait + seconds(3));
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
  EXPECT_THAT(live(), ElementsAre("c", "d")) << "the least recently used made room";
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
