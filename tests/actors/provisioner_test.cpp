// SPDX-License-Identifier: Apache-2.0
// The provisioner: orders, failures, many flows, questions.
#include "tests/actors/provisioner_fixture.hpp"

namespace stagedoor::actors {
namespace {

using namespace team_world;

// -- one flow -------------------------------------------------------------------

TEST_F(provisioner_test, brings_a_team_to_life_step_by_step) {
  start();
  auto spec = a_team();
  spec.health.path = "/health";
  ill_ = {{"http://10.0.0.2", "refused"}};
  const auto caller = provision(spec);
  ASSERT_EQ(said(caller), "finished");
  const auto& done = ***caller;
  EXPECT_EQ(done.flow, "f");
  EXPECT_EQ(done.slug, "team-a");
  EXPECT_EQ(done.host, "team-a.test");
  EXPECT_EQ(done.certificate, "pending: CA");
  EXPECT_THAT(done.unhealthy, ElementsAre("http://10.0.0.2: refused"));

  EXPECT_EQ(known_of("team-a"), all_of(spec));
  EXPECT_THAT(steps(), ElementsAre("HGET", "put", "name", "site", "certificate", "PUBLISH"));
  EXPECT_THAT(world_.events, ElementsAre(team_event_json("team-a", "team-a.test", "live")));
  EXPECT_THAT(probed_, ElementsAre("http://10.0.0.1:8000", "http://10.0.0.2"));
  EXPECT_EQ(probed_path_, "/health");
  ASSERT_THAT(progress_, SizeIs(8));
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(progress_[i].flow, "f");
    EXPECT_EQ(progress_[i].step, i + 1);
    EXPECT_EQ(progress_[i].total_steps, 8U);
  }
  EXPECT_EQ(progress_[1].message, "Storing the team");
  EXPECT_EQ(progress_[4].message, "Publishing on the other nodes");
  EXPECT_THAT(listed(), ElementsAre("team-a"));
  EXPECT_EQ(status("flows"), "0");
}

TEST_F(provisioner_test, takes_a_team_back_step_by_step) {
  start();
  (void)provision(a_team());
  (void)provision(a_team("team-b"), "g");
  world_.asked.clear();
  world_.events.clear();
  progress_.clear();
  const auto caller = deprovision("team-a");
  ASSERT_EQ(said(caller), "finished");
  EXPECT_EQ((**caller)->host, "team-a.test");
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_EQ(known_of("team-b"), all_of(a_team("team-b")));
  EXPECT_THAT(steps(), ElementsAre("HGET", "remove", "unsite", "unname", "release", "PUBLISH"));
  EXPECT_THAT(world_.events, ElementsAre(team_event_json("team-a", "team-a.test", "removed")));
  EXPECT_THAT(progress_, SizeIs(7));
  EXPECT_THAT(listed(), ElementsAre("team-b"));
}

TEST_F(provisioner_test, a_middleware_that_does_not_exist_is_refused_before_anything_is_asked) {
  start();
  auto spec = a_team();
  spec.middlewares = {"known@file", "ghost@file"};
  EXPECT_EQ(said(provision(spec)), "client invalid: middlewares: \"ghost@file\" does not exist");
  EXPECT_THAT(steps(), IsEmpty());
  auto grown = std::make_shared<catalog>(*catalog_);
  grown->middlewares["ghost@file"] = {};
  tell(teams_, use_catalog{grown});
  EXPECT_EQ(said(provision(spec)), "finished");
}

TEST_F(provisioner_test, removing_what_is_not_there_fails_once_and_succeeds_when_delivered_again) {
  start();
  EXPECT_EQ(said(deprovision("ghost")), "client not found: there is no team \"ghost\"");
  EXPECT_THAT(world_.asked, Not(Contains("remove")));
  EXPECT_EQ(said(deprovision("ghost", 2)), "finished");
  EXPECT_THAT(world_.asked, Contains("unsite")) << "an earlier try may have stopped before it";
}

TEST_F(provisioner_test, routes_follow_the_catalog_of_the_moment) {
  start();
  (void)provision(a_team());
  EXPECT_THAT(*world_.sites["team-a.test"], SizeIs(2));
  auto both = std::make_shared<catalog>(*catalog_);
  both->plain_entry_points = 1;
  tell(teams_, use_catalog{both});
  (void)provision(a_team("team-b"));
  EXPECT_THAT(*world_.sites["team-b.test"], SizeIs(4));
}

// -- failures -------------------------------------------------------------------

class failing_provision : public provisioner_test,
                          public ::testing::WithParamInterface<failing_step> {
 protected:
  void fail_one(const team_spec& spec) {
    world_.next[GetParam().question] = GetParam().how;
    const auto began = now();
    const auto caller = provision(spec, "failing");
    if (GetParam().how == fate::refused) {
      EXPECT_EQ(said(caller), fmt::format("store refused: {}", GetParam().question));
      return;
    }
    EXPECT_EQ(said(caller), "nothing yet");
    advance(options_.step_deadline - milliseconds(1));
    EXPECT_EQ(said(caller), "nothing yet");
    advance(milliseconds(1));
    ASSERT_TRUE(caller->has_value());
    ASSERT_FALSE(**caller);
    EXPECT_EQ((**caller).error().kind, fault_kind::timed_out);
    EXPECT_EQ(now() - began, options_.step_deadline);
  }
};
INSTANTIATE_TEST_SUITE_P(each_step, failing_provision,
                         ::testing::ValuesIn(every_way({"HGET", "put", "name", "site",
                                                        "certificate", "PUBLISH"})));

TEST_P(failing_provision, leaves_nothing_of_a_new_team) {
  start();
  fail_one(a_team());
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_EQ(status("flows"), "0");
  ASSERT_EQ(said(provision(a_team(), "again")), "finished");
  EXPECT_EQ(known_of("team-a"), all_of(a_team()));
}

TEST_P(failing_provision, puts_back_what_was_there) {
  start();
  const auto old = a_team();
  ASSERT_EQ(said(provision(old, "first")), "finished");
  fail_one(a_team("team-a", "http://10.0.0.99"));
  EXPECT_EQ(known_of("team-a"), all_of(old));
  const auto about = shown("team-a");
  ASSERT_TRUE(about);
  EXPECT_EQ(about->spec.web, old.web);
}

TEST_F(provisioner_test, undoing_goes_on_when_a_part_of_it_fails) {
  start();
  world_.next = {{"PUBLISH", fate::refused}, {"unsite", fate::refused}, {"unname", fate::lost}};
  const auto caller = provision(a_team());
  advance(options_.step_deadline);
  EXPECT_EQ(said(caller), "store refused: PUBLISH") << "the first cause, not what came of it";
  EXPECT_FALSE(world_.store.contains("team-a"));
  EXPECT_THAT(world_.certificates, IsEmpty());
}

class failing_deprovision : public provisioner_test,
                            public ::testing::WithParamInterface<failing_step> {};
INSTANTIATE_TEST_SUITE_P(each_step, failing_deprovision,
                         ::testing::ValuesIn(every_way({"HGET", "remove", "unsite", "unname",
                                                        "release", "PUBLISH"})));

TEST_P(failing_deprovision, goes_on_where_it_stopped_when_delivered_again) {
  start();
  (void)provision(a_team());
  world_.next[GetParam().question] = GetParam().how;
  const auto caller = deprovision("team-a");
  advance(options_.step_deadline);
  ASSERT_TRUE(caller->has_value());
  EXPECT_FALSE(**caller) << "nobody is told that it is gone";
  if (world_.store.contains("team-a")) {
    EXPECT_EQ(known_of("team-a"), all_of(a_team())) << "it was not touched";
  }
  ASSERT_EQ(said(deprovision("team-a", 2)), "finished");
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_THAT(listed(), IsEmpty());
}

// -- many flows -----------------------------------------------------------------

TEST_F(provisioner_test, a_flow_id_in_use_is_refused_to_the_second_caller_only) {
  start();
  probe_holds_ = true;
  const auto first = provision(a_team());
  const auto second = provision(a_team("team-b"));
  EXPECT_EQ(said(second), "client conflict: flow f is running already");
  EXPECT_EQ(said(first), "nothing yet");
  held_({});
  run();
  EXPECT_EQ(said(first), "finished");
  EXPECT_EQ(known_of("team-b"), "");
}

TEST_F(provisioner_test, flows_of_one_team_run_one_after_the_other) {
  start();
  probe_holds_ = true;
  const auto first = provision(a_team());
  const auto second = deprovision("team-a");
  const auto about = shown("team-a");
  ASSERT_TRUE(about);
  EXPECT_EQ(about->state, "provisioning");
  EXPECT_EQ(status("flows"), "2");
  EXPECT_EQ(said(second), "nothing yet");
  probe_holds_ = false;
  held_({});
  run();
  EXPECT_EQ(said(first), "finished");
  EXPECT_EQ(said(second), "finished");
  EXPECT_EQ(known_of("team-a"), "");
}

TEST_F(provisioner_test, too_many_flows_are_refused_for_now) {
  options_.max_flows = 1;
  start();
  probe_holds_ = true;
  const auto first = provision(a_team());
  const auto second = provision(a_team("team-b"), "g");
  ASSERT_TRUE(second->has_value());
  ASSERT_FALSE(**second);
  EXPECT_EQ((**second).error().kind, fault_kind::overloaded);
  EXPECT_EQ((**second).error().retry, retryable::yes);
  held_({});
  run();
  EXPECT_EQ(said(first), "finished");
}

// -- other nodes ----------------------------------------------------------------

struct clustered_provisioner : provisioner_test {
  probe cluster = make_probe();
  messages::owner_proof proof{{"flow", "team-a", 0}, "n1", std::string(32, 'a'), 7};
  messages::change_spread spread{2, {}};

  clustered_provisioner() {
    publish_name(system(), "cluster", cluster.handle());
    world_.fence = proof.fence;
    cluster.answers<messages::claim_work>(
        [this](const messages::claim_work&) -> result<messages::owner_proof> { return proof; });
    cluster.answers<messages::spread_change>(
        [this](const messages::spread_change&) -> result<messages::change_spread> {
          return spread;
        });
  }
  std::vector<std::uint64_t> released() const {
    std::vector<std::uint64_t> out;
    for (const auto& m : cluster.received<messages::release_work>()) out.push_back(m.proof.fence);
    return out;
  }
};

TEST_F(clustered_provisioner, claims_the_flow_before_anything_and_lets_go_at_the_end) {
  start();
  probe_holds_ = true;
  const auto caller = provision(a_team());
  const auto claims = cluster.received<messages::claim_work>();
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].work, proof.work);
  EXPECT_THAT(released(), IsEmpty());
  held_({});
  run();
  EXPECT_EQ(said(caller), "finished");
  EXPECT_THAT(released(), ElementsAre(7));
  EXPECT_EQ(said(deprovision("team-a")), "finished");
  EXPECT_THAT(released(), ElementsAre(7, 7));
}

TEST_F(clustered_provisioner,
       a_flow_that_another_node_runs_fails_with_its_name_and_touches_nothing) {
  cluster.answers<messages::claim_work>([](const messages::claim_work&) {
    return result<messages::owner_proof>(
        fault{fault_kind::conflict, fault_side::peer, retryable::yes, "n2 has flow/team-a"});
  });
  start();
  EXPECT_EQ(said(provision(a_team())), "peer conflict: n2 has flow/team-a");
  EXPECT_THAT(steps(), IsEmpty());
  EXPECT_THAT(released(), IsEmpty()) << "it has nothing";
  cluster.answers<messages::claim_work>(
      [this](const messages::claim_work&) -> result<messages::owner_proof> { return proof; });
  EXPECT_EQ(said(provision(a_team(), "again")), "finished");
}

TEST_F(clustered_provisioner, a_write_after_a_takeover_is_refused_and_the_flow_undone) {
  start();
  world_.fence = 8;  // another node's
  const auto caller = provision(a_team());
  ASSERT_TRUE(caller->has_value());
  ASSERT_FALSE(**caller);
  EXPECT_EQ((**caller).error().kind, fault_kind::stale);
  EXPECT_EQ((**caller).error().retry, retryable::yes);
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_THAT(released(), ElementsAre(7));
}

TEST_F(clustered_provisioner, spreads_the_version_once_it_is_live_here) {
  start();
  world_.next["site"] = fate::lost;
  const auto lost = provision(a_team());
  EXPECT_THAT(cluster.received<messages::spread_change>(), IsEmpty());
  advance(options_.step_deadline);
  EXPECT_FALSE(**lost);
  EXPECT_THAT(cluster.received<messages::spread_change>(), IsEmpty());
  EXPECT_EQ(said(provision(a_team(), "again")), "finished");
  (void)deprovision("team-a");
  const auto told = cluster.received<messages::spread_change>();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].version, world_.version - 1);
  EXPECT_EQ(told[1].version, world_.version);
}

TEST_F(clustered_provisioner, nodes_that_do_not_answer_fail_nothing) {
  start();
  spread.missing = {"n3"};
  EXPECT_EQ(said(provision(a_team())), "finished");
  cluster.answers<messages::spread_change>([](const messages::spread_change&) {
    return result<messages::change_spread>(
        fault{fault_kind::unreachable, fault_side::peer, retryable::yes, "no agent"});
  });
  EXPECT_EQ(said(provision(a_team("team-b"), "g")), "finished");
}

TEST_F(clustered_provisioner, a_cluster_that_does_not_answer_costs_the_steps_deadline) {
  const auto silent = make_probe();
  publish_name(system(), "cluster", silent.handle());
  start();
  const auto caller = provision(a_team());
  advance(options_.step_deadline);
  ASSERT_TRUE(caller->has_value());
  ASSERT_FALSE(**caller);
  EXPECT_EQ((**caller).error().kind, fault_kind::timed_out);
  EXPECT_THAT(steps(), IsEmpty());
}

// -- questions ------------------------------------------------------------------

TEST_F(provisioner_test, lists_teams_in_pages) {
  start();
  for (const char* slug : {"c", "a", "b"}) (void)provision(a_team(slug), slug);
  const auto page = ask<messages::team_listing>(teamdir_, messages::list_teams{"", 2});
  ASSERT_TRUE(page) << to_string(page.error());
  EXPECT_THAT(page->slugs, ElementsAre("a", "b"));
  EXPECT_EQ(page->total, 3U);
  EXPECT_THAT(ask<messages::team_listing>(teamdir_, messages::list_teams{"b", 2})->slugs,
              ElementsAre("c"));
}

TEST_F(provisioner_test, shows_a_team_with_its_certificate_and_servers) {
  start();
  (void)provision(a_team());
  auto about = shown("team-a");
  ASSERT_TRUE(about);
  EXPECT_EQ(about->state, "live");
  EXPECT_EQ(about->certificate, "pending: CA");
  EXPECT_THAT(about->servers, ElementsAre("api http://10.0.0.1:8000", "web http://10.0.0.2"));
  world_.next["certificate"] = fate::refused;
  EXPECT_EQ(shown("team-a")->certificate, "unknown: store refused: certificate");
  EXPECT_EQ(to_string(shown("ghost").error()), "client not found: there is no team \"ghost\"");
}

TEST_F(provisioner_test, a_team_that_is_not_live_yet_is_said_to_be_on_its_way) {
  start();
  world_.next["put"] = fate::lost;
  (void)provision(a_team());
  EXPECT_EQ(to_string(shown("team-a").error()),
            "client not found: team \"team-a\" is provisioning");
}

}  // namespace
}  // namespace stagedoor::actors
