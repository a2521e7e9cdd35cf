// SPDX-License-Identifier: Apache-2.0
#include "actors/ownership/owned_work.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/support/owner_proofs.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using messages::child_location;
using messages::child_stopped;
using messages::owner_proof;
using messages::work_key;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const work_key work{"team", "team-a", 0};
owner_proof proof(std::uint64_t fence) { return {work, "node-1", "run", fence}; }

template <class Effect>
bool only(const work_effects& effects) {
  return effects.size() == 1 && std::holds_alternative<Effect>(effects[0]);
}

TEST(owned_work_state, what_is_taken_away_while_it_starts_is_stopped_when_it_has) {
  owned_work_state state;
  EXPECT_TRUE(only<start_work>(state.own(proof(1))));
  EXPECT_THAT(state.disown(work), IsEmpty());
  EXPECT_TRUE(only<stop_work>(state.started(work)));
  EXPECT_TRUE(only<work_ended>(state.stopped(work)));
  EXPECT_EQ(state.size(), 0U);
}

TEST(owned_work_state, what_is_given_back_while_it_stops_starts_again_with_the_new_proof) {
  owned_work_state state;
  (void)state.own(proof(1));
  (void)state.started(work);
  EXPECT_TRUE(only<stop_work>(state.disown(work)));
  EXPECT_THAT(state.own(proof(2)), IsEmpty());
  const auto effects = state.stopped(work);
  ASSERT_THAT(effects, SizeIs(2));
  EXPECT_TRUE(std::holds_alternative<work_ended>(effects[0])) << "who disowned it is answered";
  EXPECT_EQ(std::get<start_work>(effects[1]).proof.fence, 2U);
}

TEST(owned_work_state, a_newer_proof_is_handed_to_what_runs) {
  owned_work_state state;
  (void)state.own(proof(1));
  EXPECT_THAT(state.own(proof(2)), IsEmpty());
  EXPECT_EQ(std::get<hand_proof>(state.started(work).at(0)).proof.fence, 2U);
  EXPECT_THAT(state.own(proof(2)), IsEmpty()) << "it has that one";
  EXPECT_EQ(std::get<hand_proof>(state.own(proof(3)).at(0)).proof.fence, 3U);
}

TEST(owned_work_state, what_does_not_start_is_tried_again_while_it_is_owned) {
  owned_work_state state(milliseconds(250));
  (void)state.own(proof(1));
  EXPECT_THAT(state.start_failed(work, mono_time{}), IsEmpty());
  EXPECT_EQ(state.next_tick(), mono_time{} + milliseconds(250));
  EXPECT_THAT(state.tick(mono_time{} + milliseconds(249)), IsEmpty());
  EXPECT_TRUE(only<start_work>(state.tick(mono_time{} + milliseconds(250))));
  (void)state.start_failed(work, mono_time{} + seconds(1));
  EXPECT_TRUE(only<work_ended>(state.disown(work)));
  EXPECT_EQ(state.next_tick(), mono_time::max());
}

TEST(owned_work_state, disowning_what_is_not_done_ends_at_once) {
  owned_work_state state;
  EXPECT_TRUE(only<work_ended>(state.disown(work)));
}

struct owned_work_test : actor_fixture {
  probe cluster = make_probe();
  probe checkers = make_probe();
  probe child = make_probe();

  owned_work_test() {
    publish_name(system(), "cluster", cluster.handle());
    publish_name(system(), "checkers", checkers.handle());
    checkers.answers<messages::start_child>([this](const messages::start_child& m) {
      return child_location{m.id, child.handle()};
    });
    checkers.answers<messages::locate_child>([this](const messages::locate_child& m) {
      return child_location{m.id, child.handle()};
    });
    checkers.answers<messages::stop_child>([](const messages::stop_child& m) {
      return child_stopped{m.id, "shutdown"};
    });
  }
  caf::actor spawn_it() {
    owned_work_options options;
    options.supervisors = {{"team", "checkers"}};
    return spawn<owned_work>(options);
  }
};

TEST_F(owned_work_test, is_a_child_with_the_proof_as_argument_and_ends_when_it_is_disowned) {
  const auto owned = spawn_it();
  EXPECT_THAT(cluster.received<messages::work_ready>(), SizeIs(1));
  tell(owned, messages::own_work{proof(5)});
  const auto starts = checkers.received<messages::start_child>();
  ASSERT_THAT(starts, SizeIs(1));
  EXPECT_EQ(starts[0].id, "team-a");
  EXPECT_EQ(*parse_owner_proof(starts[0].argument), proof(5));
  tell(owned, messages::own_work{proof(6)});
  EXPECT_EQ(child.received<owner_proof>().back(), proof(6));
  EXPECT_TRUE(ask<messages::done>(owned, messages::disown_work{work}));
  EXPECT_THAT(checkers.received<messages::stop_child>(), SizeIs(1));
}

TEST_F(owned_work_test, a_child_that_outlived_its_owner_is_replaced) {
  bool there = true;
  checkers.answers<messages::start_child>(
      [&](const messages::start_child& m) -> result<child_location> {
        if (!there) return child_location{m.id, child.handle()};
        return fault{fault_kind::conflict, fault_side::self, retryable::no, "exists"};
      });
  checkers.answers<messages::stop_child>([&](const messages::stop_child& m) {
    there = false;
    return child_stopped{m.id, "shutdown"};
  });
  const auto owned = spawn_it();
  tell(owned, messages::own_work{proof(5)});
  EXPECT_THAT(checkers.received<messages::stop_child>(), SizeIs(1));
  advance(seconds(1));
  EXPECT_THAT(checkers.received<messages::start_child>(), SizeIs(2));
  EXPECT_EQ(child.received<owner_proof>().back(), proof(5));
}

TEST_F(owned_work_test, work_of_a_kind_that_nobody_does_here_is_tried_and_can_be_taken_away) {
  const auto owned = spawn_it();
  tell(owned, messages::own_work{{{"unknown", "x", 0}, "node-1", "run", 1}});
  advance(seconds(2));
  EXPECT_TRUE(ask<messages::done>(owned, messages::disown_work{{"unknown", "x", 0}}));
}

}  // namespace
}  // namespace stagedoor::actors
