// SPDX-License-Identifier: Apache-2.0
// The provisioner: what is stored, a restart in the middle of a flow, the teams' health.
#include "tests/actors/provisioner_fixture.hpp"

namespace stagedoor::actors {
namespace {

using namespace provisioner_world;

// -- loading --------------------------------------------------------------------

TEST_F(provisioner_test, stored_teams_are_live_after_a_start) {
  world_.store = {{"team-a", to_json(a_team())}, {"team-b", to_json(a_team("team-b"))}};
  start();
  EXPECT_EQ(known_of("team-a"), all_of(a_team()));
  EXPECT_EQ(known_of("team-b"), all_of(a_team("team-b")));
  EXPECT_THAT(listed(), ElementsAre("team-a", "team-b"));
  EXPECT_EQ(live_, 1);
  EXPECT_EQ(status("store"), "loaded");
  EXPECT_THAT(world_.events, IsEmpty()) << "they were announced when they were new";
}

TEST_F(provisioner_test, stored_values_that_make_no_sense_are_left_out) {
  world_.store = {
      {"bad", "{"}, {"other", to_json(a_team())}, {"team-b", to_json(a_team("team-b"))}};
  start();
  EXPECT_THAT(listed(), ElementsAre("team-b"));
  EXPECT_THAT(world_.sites, SizeIs(1));
  EXPECT_EQ(live_, 1);
}

TEST_F(provisioner_test, teams_are_read_page_by_page_and_are_live_when_the_last_is_published) {
  for (int i = 0; i < 10; ++i) {
    const auto spec = a_team(fmt::format("t{}", i));
    world_.store[spec.slug] = to_json(spec);
  }
  options_.load_batch = 3;
  options_.load_window = 2;
  world_.next["site"] = fate::lost;
  start();
  EXPECT_EQ(std::count(world_.asked.begin(), world_.asked.end(), "HSCAN"), 4);
  EXPECT_THAT(listed(), SizeIs(10));
  EXPECT_EQ(live_, 0) << "one of them is not published yet";
  advance(longest_wait);
  EXPECT_EQ(live_, 1) << "one that cannot be does not hold up the others";
}

TEST_F(provisioner_test, a_store_that_cannot_be_read_is_asked_again_and_orders_are_taken) {
  world_.store = {{"team-a", to_json(a_team())}};
  world_.refuses["HSCAN"] = {fault_kind::unreachable, fault_side::store, retryable::yes, "down"};
  start();
  EXPECT_EQ(status("store"), "waiting for Redis");
  EXPECT_EQ(said(provision(a_team("team-b"))), "finished");
  advance(seconds(3));
  EXPECT_EQ(std::count(world_.asked.begin(), world_.asked.end(), "HSCAN"), 4);
  EXPECT_EQ(live_, 0);
  world_.refuses.clear();
  advance(seconds(1));
  EXPECT_THAT(listed(), ElementsAre("team-a", "team-b"));
  EXPECT_EQ(live_, 1);
}

TEST_F(provisioner_test, a_new_connection_brings_what_was_stored_meanwhile_and_only_that) {
  world_.store = {{"team-a", to_json(a_team())}};
  start();
  world_.asked.clear();
  world_.store["team-b"] = to_json(a_team("team-b"));
  tell(teams_, store_connected{});
  EXPECT_THAT(listed(), ElementsAre("team-a", "team-b"));
  EXPECT_EQ(std::count(world_.asked.begin(), world_.asked.end(), "site"), 1);
  EXPECT_EQ(live_, 1) << "once";
}

TEST_F(provisioner_test, what_is_stored_does_not_overrule_a_running_flow) {
  start();
  probe_holds_ = true;
  const auto caller = provision(a_team("team-a", "http://10.0.0.7"));
  world_.store["team-a"] = to_json(a_team("team-a", "http://10.0.0.8"));
  tell(teams_, store_connected{});
  EXPECT_THAT(known_of("team-a"), HasSubstr("http://10.0.0.7;"));
  held_({});
  run();
  EXPECT_EQ(said(caller), "finished");
}

// -- a restart in the middle of a flow --------------------------------------------

class interrupted : public provisioner_test, public ::testing::WithParamInterface<failing_step> {
 protected:
  /// Begins a flow that waits for the answer to one question, and ends the provisioner there.
  template <class Begin>
  void crash_in(Begin begin) {
    world_.next[GetParam().question] = GetParam().how;
    const auto caller = begin();
    ASSERT_EQ(said(caller), "nothing yet");
    kill(std::exchange(teams_, {}));
    advance(options_.step_deadline);  // its own question keeps it in memory that long
    ASSERT_TRUE(caller->has_value());
    ASSERT_FALSE(**caller);
    EXPECT_EQ((**caller).error().kind, fault_kind::closed);
  }
  /// Stored and live, or neither.
  void expect_whole(const team_spec& spec) {
    if (world_.store.contains(spec.slug)) {
      EXPECT_EQ(known_of(spec.slug), all_of(spec));
      EXPECT_THAT(listed(), Contains(spec.slug));
    } else {
      EXPECT_THAT(listed(), IsEmpty());
    }
  }
};
class interrupted_provision : public interrupted {};
class interrupted_deprovision : public interrupted {};
std::vector<failing_step> every_loss(std::initializer_list<const char*> questions) {
  auto all = every_way(questions);
  std::erase_if(all, [](const auto& f) { return f.how == fate::refused; });
  return all;
}
INSTANTIATE_TEST_SUITE_P(each_step, interrupted_provision,
                         ::testing::ValuesIn(every_loss({"HGET", "HSET", "name", "site",
                                                         "certificate", "PUBLISH"})));
INSTANTIATE_TEST_SUITE_P(each_step, interrupted_deprovision,
                         ::testing::ValuesIn(every_loss({"HGET", "HDEL", "unsite", "unname",
                                                         "release", "PUBLISH"})));

TEST_P(interrupted_provision, is_whole_after_the_start_and_done_after_the_second_delivery) {
  start();
  crash_in([this] { return provision(a_team()); });
  start();
  expect_whole(a_team());
  EXPECT_EQ(said(provision(a_team())), "finished");
  EXPECT_EQ(known_of("team-a"), all_of(a_team()));
  EXPECT_THAT(listed(), ElementsAre("team-a"));
}

TEST_P(interrupted_deprovision, is_whole_after_the_start_and_done_after_the_second_delivery) {
  start();
  (void)provision(a_team());
  crash_in([this] { return deprovision("team-a"); });
  start();
  expect_whole(a_team());
  EXPECT_EQ(said(deprovision("team-a", 2)), "finished");
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_THAT(listed(), IsEmpty());
}

// -- health ---------------------------------------------------------------------

struct provisioner_health_test : provisioner_test {
  probe checker = make_probe();
  provisioner_health_test() {
    checker.answers<messages::report_servers>([](const messages::report_servers&) {
      return messages::server_states{{{"http://10.0.0.2", "down: refused"}}};
    });
  }
  static team_spec checked() {
    auto spec = a_team();
    spec.health = {"/health", 1000};
    return spec;
  }
  static fault conflict() {
    return {fault_kind::conflict, fault_side::client, retryable::no, "exists already"};
  }
  void checker_starts() { tell(teams_, checker_ready{"team-a", checker.handle()}); }
};

TEST_F(provisioner_health_test, a_team_that_asks_for_checks_has_a_checker_while_it_lives) {
  start();
  (void)provision(checked());
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a"));
  checker_starts();
  ASSERT_THAT(checker.received<messages::check_servers>(), SizeIs(1));
  EXPECT_EQ(checker.received<messages::check_servers>()[0].spec.slug, "team-a");
  EXPECT_THAT(shown("team-a")->servers,
              ElementsAre("api http://10.0.0.1:8000", "web http://10.0.0.2 down: refused"));
  auto changed = checked();
  changed.web = {"http://10.0.0.3"};
  (void)provision(changed);
  EXPECT_THAT(world_.checkers, SizeIs(1)) << "the same checker";
  ASSERT_THAT(checker.received<messages::check_servers>(), SizeIs(2));
  EXPECT_EQ(checker.received<messages::check_servers>()[1].spec.web, changed.web);
  (void)deprovision("team-a");
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a", "stop team-a"));
  EXPECT_THAT(world_.forgotten, ElementsAre("team-a"));
}

TEST_F(provisioner_health_test, no_interval_no_checker) {
  start();
  (void)provision(a_team());
  EXPECT_THAT(world_.checkers, IsEmpty());
  (void)provision(checked());
  checker_starts();
  (void)provision(a_team());
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a", "stop team-a"));
  checker.forget();
  checker_starts();  // it was restarted while the order to stop was under way
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a", "stop team-a", "stop team-a"));
  EXPECT_EQ(checker.received_count(), 0U);
}

TEST_F(provisioner_health_test, a_checker_that_outlived_the_provisioner_is_found) {
  world_.store["team-a"] = to_json(checked());
  world_.refuses["checker"] = conflict();
  world_.outlived = checker.handle();
  start();
  EXPECT_THAT(checker.received<messages::check_servers>(), SizeIs(1));
}

TEST_F(provisioner_health_test, a_checker_that_is_stopping_is_waited_for) {
  world_.store["team-a"] = to_json(checked());
  world_.refuses["checker"] = conflict();
  start();
  world_.refuses.clear();
  EXPECT_THAT(world_.checkers, IsEmpty());
  advance(milliseconds(100));
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a"));
}

TEST_F(provisioner_health_test, a_checker_that_could_not_start_is_started_with_the_next_change) {
  start();
  world_.next["checker"] = fate::refused;
  EXPECT_EQ(said(provision(checked())), "finished") << "a team is served without its checks";
  EXPECT_THAT(world_.checkers, IsEmpty());
  (void)provision(checked());
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a"));
}

TEST_F(provisioner_health_test, a_checker_of_a_team_that_is_gone_is_stopped) {
  start();
  checker_starts();
  EXPECT_THAT(world_.checkers, ElementsAre("stop team-a"));
  EXPECT_EQ(checker.received_count(), 0U);
}

}  // namespace
}  // namespace stagedoor::actors
