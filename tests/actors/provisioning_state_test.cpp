// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/provisioning_state.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

namespace stagedoor::actors {
namespace {

using messages::deprovision_team;
using messages::provision_team;
using messages::team_spec;

provision_team order(const std::string& flow, const std::string& slug,
                     const std::string& server = "http://a") {
  provision_team out;
  out.flow = flow;
  out.spec.slug = slug;
  out.spec.host = slug + ".kanban.domain";
  out.spec.web = {server};
  return out;
}

const run_step* step_in(const provisioning_effects& effects) {
  for (const auto& e : effects)
    if (const auto* s = std::get_if<run_step>(&e)) return s;
  return nullptr;
}

const finish_flow* finish_in(const provisioning_effects& effects) {
  for (const auto& e : effects)
    if (const auto* f = std::get_if<finish_flow>(&e)) return f;
  return nullptr;
}

fault refused(fault_kind kind = fault_kind::unreachable) {
  return {kind, fault_side::store, retryable::yes, "no"};
}

TEST(provisioning, walks_the_steps_in_order_and_reports_each) {
  provisioning_state state(10);
  auto effects = state.provision(order("f", "team-a"));
  std::vector<provisioning_step> walked;
  std::uint32_t reported = 0;
  while (const auto* step = step_in(effects)) {
    walked.push_back(step->step);
    EXPECT_EQ(step->action, step_action::apply);
    const auto& progress = std::get<report_progress>(effects.front());
    EXPECT_EQ(progress.step, ++reported);
    EXPECT_EQ(progress.total_steps, 8U);
    step_outcome outcome;
    if (step->step == provisioning_step::certificate) outcome.certificate = "pending: CA";
    if (step->step == provisioning_step::health) outcome.unhealthy = {"http://a: refused"};
    effects = state.step_done("f", outcome);
  }
  using s = provisioning_step;
  EXPECT_EQ(walked, (std::vector{s::validate, s::persist, s::name, s::site, s::spread,
                                 s::certificate, s::health, s::announce}));
  const auto* done = finish_in(effects);
  ASSERT_NE(done, nullptr);
  ASSERT_TRUE(done->outcome);
  EXPECT_EQ(done->outcome->certificate, "pending: CA");
  EXPECT_EQ(done->outcome->unhealthy.size(), 1U);
  EXPECT_EQ(done->slug, "team-a");
  EXPECT_EQ(done->ended, flow_end::settled);
  EXPECT_EQ(state.active(), 0U);
}

/// Runs a flow, failing |failing|; returns what was applied and not reverted at the end.
std::set<provisioning_step> left_after_failure(provisioning_step failing, bool was_there,
                                               std::vector<run_step>* restored = nullptr) {
  provisioning_state state(10);
  std::set<provisioning_step> there;
  auto effects = state.provision(order("f", "team-a", "http://new"));
  bool failed = false;
  while (const auto* found = step_in(effects)) {
    const run_step step = *found;
    if (step.action == step_action::apply) {
      there.insert(step.step);
      if (failed && restored != nullptr) restored->push_back(step);
    } else {
      there.erase(step.step);
    }
    if (!failed && step.step == failing) {
      failed = true;
      effects = state.step_done("f", refused());
      continue;
    }
    step_outcome outcome;
    if (was_there && step.step == provisioning_step::validate)
      outcome.previous = order("", "team-a", "http://old").spec;
    effects = state.step_done("f", outcome);
  }
  const auto* done = finish_in(effects);
  EXPECT_NE(done, nullptr);
  EXPECT_FALSE(done->outcome);
  return there;
}

TEST(provisioning, a_failed_step_is_undone_with_all_before_it) {
  using s = provisioning_step;
  for (const auto failing : {s::validate, s::persist, s::name, s::site, s::spread, s::certificate,
                             s::health, s::announce}) {
    auto left = left_after_failure(failing, false);
    for (const auto harmless : {s::validate, s::spread, s::health, s::announce})
      left.erase(harmless);
    EXPECT_TRUE(left.empty()) << "failing step " << static_cast<int>(failing);
  }
}

TEST(provisioning, a_failed_update_goes_back_to_what_was_stored) {
  std::vector<run_step> restored;
  (void)left_after_failure(provisioning_step::site, true, &restored);
  ASSERT_EQ(restored.size(), 3U);  // site, name, persist
  for (const auto& step : restored) EXPECT_EQ(step.spec.web.front(), "http://old");
}

TEST(provisioning, flows_of_one_slug_wait_for_each_other_and_others_do_not) {
  provisioning_state state(10);
  auto first = state.provision(order("f1", "team-a"));
  EXPECT_NE(step_in(first), nullptr);
  EXPECT_EQ(step_in(state.deprovision({"f2", "", "team-a", 1})), nullptr);
  EXPECT_NE(step_in(state.provision(order("f3", "team-b"))), nullptr);
  EXPECT_EQ(state.state_of("team-a"), "provisioning");
  while (finish_in(first) == nullptr) first = state.step_done("f1", step_outcome{});
  const auto* next = step_in(first);
  ASSERT_NE(next, nullptr) << "the waiting flow starts when the first has finished";
  EXPECT_EQ(next->flow, "f2");
  EXPECT_EQ(state.state_of("team-a"), "deprovisioning");
}

TEST(provisioning, removing_an_absent_team_fails_once_and_succeeds_when_delivered_again) {
  for (const std::uint32_t delivery : {1U, 2U}) {
    provisioning_state state(10);
    auto effects = state.deprovision({"f", "", "ghost", delivery});
    while (const auto* step = step_in(effects)) {
      if (step->step == provisioning_step::validate)
        effects = state.step_done("f", refused(fault_kind::not_found));
      else
        effects = state.step_done("f", step_outcome{});
    }
    const auto* done = finish_in(effects);
    ASSERT_NE(done, nullptr);
    EXPECT_EQ(done->outcome.has_value(), delivery == 2);
  }
}

TEST(provisioning, too_many_flows_and_a_repeated_id_are_refused) {
  provisioning_state state(1);
  (void)state.provision(order("f", "a"));
  const auto again = state.provision(order("f", "b"));
  ASSERT_NE(finish_in(again), nullptr);
  EXPECT_EQ(finish_in(again)->outcome.error().kind, fault_kind::conflict);
  const auto more = state.provision(order("g", "b"));
  EXPECT_EQ(finish_in(more)->outcome.error().kind, fault_kind::overloaded);
  EXPECT_EQ(state.active(), 1U);
}

// Random orders and failures: every flow finishes exactly once, one step at a time, and a team is
// wholly there or wholly absent whenever nothing runs.
TEST(provisioning, leaves_no_team_half_there) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    provisioning_state state(1000);
    std::map<std::string, std::map<provisioning_step, std::string>>
        world;  // slug -> step -> server
    std::map<std::string, run_step> open;
    std::map<std::string, int> finished;
    const auto take = [&](const provisioning_effects& effects) {
      for (const auto& e : effects) {
        if (const auto* s = std::get_if<run_step>(&e)) {
          ASSERT_FALSE(open.count(s->flow)) << "two steps at once";
          open.emplace(s->flow, *s);
        } else if (const auto* f = std::get_if<finish_flow>(&e)) {
          ++finished[f->flow];
        }
      }
    };
    int flows = 0;
    while (flows < 60 || !open.empty()) {
      if (flows < 60 && random() % 3 == 0) {
        const std::string slug = "t" + std::to_string(random() % 4);
        const std::string id = "f" + std::to_string(flows++);
        if (random() % 3 != 0)
          take(state.provision(order(id, slug, "http://" + id)));
        else
          take(state.deprovision({id, "", slug, 1}));
        continue;
      }
      if (open.empty()) continue;
      auto it = open.begin();
      std::advance(it, static_cast<long>(random() % open.size()));
      const run_step step = it->second;
      open.erase(it);
      const bool traces = step.step == provisioning_step::persist ||
                          step.step == provisioning_step::name ||
                          step.step == provisioning_step::site;
      auto& team = world[step.spec.slug];
      step_outcome outcome;
      if (step.step == provisioning_step::validate && team.count(provisioning_step::persist))
        outcome.previous = order("", step.spec.slug, team[provisioning_step::persist]).spec;
      if (step.action == step_action::revert && traces && !team.count(step.step)) {
        take(state.step_done(step.flow, refused(fault_kind::not_found)));
        continue;
      }
      // A forward step may fail, before or after it took effect; undoing succeeds.
      const bool fails = step.action == step_action::apply &&
                         step.spec.web.front() == "http://" + step.flow && random() % 8 == 0;
      if (traces && (!fails || random() % 2 == 0)) {
        if (step.action == step_action::apply)
          team[step.step] = step.spec.web.front();
        else
          team.erase(step.step);
      }
      if (fails)
        take(state.step_done(step.flow, refused(fault_kind::timed_out)));
      else
        take(state.step_done(step.flow, outcome));
    }
    EXPECT_EQ(finished.size(), 60U);
    for (const auto& [flow, times] : finished) EXPECT_EQ(times, 1) << flow;
    for (const auto& [slug, parts] : world) {
      EXPECT_TRUE(parts.empty() || parts.size() == 3) << slug << " seed " << seed;
      std::set<std::string> versions;
      for (const auto& [step, server] : parts) versions.insert(server);
      EXPECT_LE(versions.size(), 1U) << slug << " seed " << seed;
    }
  }
}

}  // namespace
}  // namespace stagedoor::actors
