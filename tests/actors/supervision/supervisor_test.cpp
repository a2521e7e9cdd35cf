// SPDX-License-Identifier: Apache-2.0
#include "actors/supervision/supervisor.hpp"

#include "messages/all.hpp"
#include "runtime/base/log.hpp"
#include "tests/support/actor_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include <gmock/gmock.h>

namespace stagedoor::supervision {
namespace {

using namespace std::chrono_literals;
using actors::actor_fixture;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What the children of a test did, and how they should behave.
struct stage {
  std::vector<std::string> events;
  std::map<std::string, caf::actor> actors;  ///< the newest life
  std::map<std::string, bool> ignores_stop;  ///< keeps running when asked to stop
  std::map<std::string, bool> fails_to_spawn;
  std::map<std::string, child_context> silent;  ///< reports its start only when a test says so
};

class player final : public actors::shell {
 public:
  player(caf::actor_config& cfg, stage& on, child_context context)
      : shell(cfg, "player"), stage_(on), context_(std::move(context)) {
    if (stage_.fails_to_spawn[context_.id]) throw std::runtime_error("port is taken");
  }
  caf::behavior make_behavior() override {
    stage_.events.push_back("up " + context_.id);
    return {[](const messages::stop_child& m) { throw std::runtime_error(m.id); },
            [this](const messages::done&) { quit(); }};
  }
  void on_exit() override { stage_.events.push_back("down " + context_.id); }

 protected:
  void stop_requested(const actors::end_reason& reason) override {
    if (!stage_.ignores_stop[context_.id]) quit(actors::to_error(reason));
  }

 private:
  stage& stage_;
  child_context context_;
};

class supervisor_test : public actor_fixture {
 protected:
  child_factory players() {
    return [this](actors::shell& parent, const child_context& context) -> caf::actor {
      auto made = parent.spawn<player>(stage_, context);
      stage_.actors[context.id] = made;
      remember(made);
      return made;
    };
  }
  listed_child listed(std::string id) { return {{std::move(id), {}}, players()}; }

  supervisor_plan plan_of(std::initializer_list<std::string> ids) {
    supervisor_plan plan;
    plan.name = "troupe";
    plan.options.backoff.jitter_percent = 0;
    for (const auto& id : ids) plan.children.push_back(listed(id));
    return plan;
  }

  void crash(const std::string& id, const std::string& text = "boom") {
    tell(stage_.actors.at(id), messages::stop_child{text});
  }
  std::vector<std::string> events() { return std::exchange(stage_.events, {}); }
  messages::tree_listing tree_of(const caf::actor& top) {
    auto listing = ask<messages::tree_listing>(top, messages::describe_tree{});
    EXPECT_TRUE(listing);
    return listing ? *listing : messages::tree_listing{};
  }

  stage stage_;
};

TEST_F(supervisor_test, restarts_a_child_that_crashed_after_its_backoff) {
  const auto top = spawn<supervisor>(plan_of({"a", "b"}));
  EXPECT_THAT(events(), ElementsAre("up a", "up b"));
  const auto first = stage_.actors["a"];
  crash("a");
  EXPECT_THAT(events(), ElementsAre("down a"));
  advance(100ms);
  EXPECT_THAT(events(), ElementsAre("up a"));
  EXPECT_NE(stage_.actors["a"], first);
  EXPECT_TRUE(alive(stage_.actors["b"]));
}

TEST_F(supervisor_test, an_exceptions_text_reaches_the_log_and_the_tree) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "supervisor_test.log";
  log::to_file(path);
  const auto top = spawn<supervisor>(plan_of({"a"}));
  crash("a", "disk full");
  log::to_file("/dev/stderr");
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(text,
              HasSubstr("child restarts actor=troupe child=a reason=\"disk full\" wait_ms=100"));
  EXPECT_EQ(tree_of(top).entries.at(1).child.last_end, "disk full");
  std::filesystem::remove(path);
}

TEST_F(supervisor_test, a_spent_budget_stops_the_others_in_reverse_and_ends_it_with_the_reason) {
  auto plan = plan_of({"a", "b", "c"});
  plan.options.budget = {1, 30s};
  const auto top = spawn<supervisor>(plan);
  crash("a");
  advance(100ms);
  (void)events();
  crash("a");
  EXPECT_THAT(events(), ElementsAre("down a", "down c", "down b"));
  ASSERT_TRUE(end_of(top));
  EXPECT_EQ(end_of(top)->kind, end_kind::crashed);
  EXPECT_EQ(end_of(top)->text, "child a: more than 1 restarts in 30000 ms, last: boom");
}

TEST_F(supervisor_test, escalation_reaches_the_parent_which_restarts_the_whole_branch) {
  auto branch = plan_of({"a", "b"});
  branch.name = "branch";
  branch.options.budget = {0, 30s};
  auto plan = plan_of({"x"});
  plan.children.push_back({{"branch", {}}, make_supervisor(branch)});
  plan.children.back().spec.policy.kind = child_kind::supervisor;
  plan.children.back().spec.policy.start = start_mode::when_reported;
  plan.children.push_back(listed("y"));
  plan.options.how = strategy::rest_for_one;
  const auto top = spawn<supervisor>(plan);
  EXPECT_THAT(events(), ElementsAre("up x", "up a", "up b", "up y"));
  crash("a");
  EXPECT_THAT(events(), ElementsAre("down a", "down b", "down y"));
  advance(100ms);
  EXPECT_THAT(events(), ElementsAre("up a", "up b", "up y"));
  EXPECT_TRUE(alive(top));
}

TEST_F(supervisor_test, stops_its_children_in_reverse_order_before_itself) {
  const auto top = spawn<supervisor>(plan_of({"a", "b", "c"}));
  (void)events();
  stop(top);
  EXPECT_THAT(events(), ElementsAre("down c", "down b", "down a"));
  EXPECT_EQ(end_of(top)->kind, end_kind::shutdown);
}

TEST_F(supervisor_test, kills_a_child_at_its_stop_deadline_and_goes_on) {
  const auto top = spawn<supervisor>(plan_of({"a", "b"}));
  stage_.ignores_stop["b"] = true;
  (void)events();
  stop(top);
  advance(4999ms);
  EXPECT_THAT(events(), IsEmpty());
  EXPECT_TRUE(alive(top));
  advance(1ms);
  EXPECT_THAT(events(), ElementsAre("down b", "down a"));
  EXPECT_EQ(end_of(stage_.actors["b"])->kind, end_kind::killed);
  EXPECT_EQ(end_of(top)->kind, end_kind::shutdown);
}

TEST_F(supervisor_test, a_killed_supervisor_takes_its_whole_tree_with_it) {
  auto branch = plan_of({"a"});
  auto plan = plan_of({"x"});
  plan.children.push_back({{"branch", {}}, make_supervisor(branch)});
  const auto top = spawn<supervisor>(plan);
  kill(top);
  EXPECT_FALSE(alive(stage_.actors["a"]));
  EXPECT_FALSE(alive(stage_.actors["x"]));
}

TEST_F(supervisor_test, a_child_that_cannot_be_spawned_is_tried_again) {
  stage_.fails_to_spawn["a"] = true;
  const auto top = spawn<supervisor>(plan_of({"a", "b"}));
  EXPECT_THAT(events(), ElementsAre("up b"));
  EXPECT_EQ(tree_of(top).entries.at(1).child.last_end, "could not be spawned: port is taken");
  stage_.fails_to_spawn["a"] = false;
  advance(100ms);
  EXPECT_THAT(events(), ElementsAre("up a"));
}

TEST_F(supervisor_test, a_failed_spawn_takes_back_what_was_started_after_it) {
  stage_.fails_to_spawn["a"] = true;
  auto plan = plan_of({"a", "b"});
  plan.options.how = strategy::rest_for_one;
  const auto top = spawn<supervisor>(plan);
  stage_.fails_to_spawn["a"] = false;
  (void)events();
  advance(100ms);
  EXPECT_THAT(events(), ElementsAre("up a", "up b"));
}

TEST_F(supervisor_test, the_next_child_waits_for_the_report_of_the_one_before) {
  child_context waiting;
  auto plan = plan_of({"a", "b"});
  plan.children[0].spec.policy.start = start_mode::when_reported;
  plan.children[0].make = [&](actors::shell& parent, const child_context& context) {
    waiting = context;
    return players()(parent, context);
  };
  const auto top = spawn<supervisor>(plan);
  EXPECT_THAT(events(), ElementsAre("up a"));
  report_started(waiting);
  run();
  EXPECT_THAT(events(), ElementsAre("up b"));
}

// -- dynamic children -------------------------------------------------------------------

TEST_F(supervisor_test, makes_finds_and_ends_children_at_run_time) {
  auto plan = plan_of({});
  plan.make_dynamic = players();
  const auto top = spawn<supervisor>(plan);
  const auto made = ask<messages::child_location>(top, messages::start_child{"team-a", ""});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->handle, stage_.actors["team-a"]);
  const auto again = ask<messages::child_location>(top, messages::start_child{"team-a", ""});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, fault_kind::conflict);
  const auto found = ask<messages::child_location>(top, messages::locate_child{"team-a"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->handle, made->handle);
  const auto ended = ask<messages::child_stopped>(top, messages::stop_child{"team-a"});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->reason, "shutdown");
  EXPECT_FALSE(alive(made->handle));
  const auto missing = ask<messages::child_location>(top, messages::locate_child{"team-a"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, fault_kind::not_found);
}

TEST_F(supervisor_test, a_dynamic_child_keeps_its_argument_over_restarts) {
  std::vector<std::string> arguments;
  auto plan = plan_of({});
  plan.make_dynamic = [&](actors::shell& parent, const child_context& context) {
    arguments.push_back(context.argument);
    return players()(parent, context);
  };
  const auto top = spawn<supervisor>(plan);
  tell(top, messages::start_child{"x", "spec"});
  crash("x");
  advance(100ms);
  EXPECT_THAT(arguments, ElementsAre("spec", "spec"));
}

TEST_F(supervisor_test, a_plan_without_a_template_takes_no_children) {
  const auto top = spawn<supervisor>(plan_of({}));
  const auto made = ask<messages::child_location>(top, messages::start_child{"x", ""});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, fault_kind::refused);
}

TEST_F(supervisor_test, tells_its_owner_when_a_child_is_given_up) {
  std::vector<child_notice> notices;
  auto plan = plan_of({});
  plan.make_dynamic = players();
  plan.options.dynamic_child_budget = {0, 60s};
  plan.on_notice = [&](const child_notice& n) { notices.push_back(n); };
  const auto top = spawn<supervisor>(plan);
  tell(top, messages::start_child{"x", ""});
  crash("x");
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].what, verdict::given_up);
  EXPECT_EQ(notices[0].reason.text, "boom");
}

TEST_F(supervisor_test, an_order_waiting_when_it_ends_is_answered) {
  auto plan = plan_of({});
  plan.make_dynamic = players();
  plan.options.dynamic.start = start_mode::when_reported;
  const auto top = spawn<supervisor>(plan);
  std::optional<fault_kind> answer;
  send_on_errand([&](caf::event_based_actor* self) {
    actors::ask<messages::child_location>(
        self, top, messages::start_child{"x", ""}, 10s, [](const messages::child_location&) {},
        [&](const fault& f) { answer = f.kind; });
  });
  run();
  kill(top);
  EXPECT_EQ(answer, fault_kind::closed);
}

// -- the tree ----------------------------------------------------------------------------

TEST_F(supervisor_test, the_tree_shows_every_actor_with_restarts_state_and_mailbox) {
  auto branch = plan_of({"a"});
  branch.name = "branch";
  branch.make_dynamic = players();
  auto plan = plan_of({"x"});
  plan.children.push_back({{"teams", {}}, make_supervisor(branch)});
  plan.children.back().spec.policy.kind = child_kind::supervisor;
  const auto top = spawn<supervisor>(plan);
  crash("x");
  const auto listing = tree_of(top).entries;
  ASSERT_EQ(listing.size(), 4u);
  EXPECT_EQ(listing[0].actor, "troupe");
  EXPECT_EQ(listing[0].children, 2u);
  EXPECT_EQ(listing[1].child.id, "x");
  EXPECT_EQ(listing[1].child.state, child_state::waiting);
  EXPECT_EQ(listing[1].child.restarts, 1u);
  EXPECT_EQ(listing[1].mailbox_depth, std::nullopt);
  EXPECT_EQ(listing[2].depth, 1u);
  EXPECT_EQ(listing[2].child.id, "teams");
  EXPECT_EQ(listing[2].actor, "branch");
  EXPECT_EQ(listing[2].children, 1u);
  EXPECT_EQ(listing[3].depth, 2u);
  EXPECT_EQ(listing[3].child.id, "a");
  EXPECT_EQ(listing[3].actor, "player");
  EXPECT_EQ(listing[3].mailbox_depth, 0u);
}

TEST_F(supervisor_test, a_branch_that_does_not_answer_costs_only_its_own_place_in_the_tree) {
  auto mute = make_probe();
  auto plan = plan_of({"x"});
  plan.children.push_back(
      {{"mute", {}}, [&](actors::shell&, const child_context&) { return mute.handle(); }});
  plan.children.push_back(listed("y"));
  const auto top = spawn<supervisor>(plan);
  const auto asked = now();
  const auto listing = tree_of(top).entries;
  ASSERT_EQ(listing.size(), 4u);
  EXPECT_EQ(listing[2].child.id, "mute");
  EXPECT_EQ(listing[2].mailbox_depth, std::nullopt);
  EXPECT_EQ(listing[3].mailbox_depth, 0u);
  EXPECT_LT(now() - asked, 2s);
}

}  // namespace
}  // namespace stagedoor::supervision
