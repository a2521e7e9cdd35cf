// SPDX-License-Identifier: Apache-2.0
// The provisioner: what is stored while it works, a restart in the middle of a flow.
#include "tests/actors/provisioner_fixture.hpp"

namespace stagedoor::actors {
namespace {

using namespace team_world;

// -- what is stored -------------------------------------------------------------

TEST_F(provisioner_test, what_is_stored_does_not_overrule_a_running_flow) {
  start();
  probe_holds_ = true;
  const auto caller = provision(a_team("team-a", "http://10.0.0.7"));
  world_.write("team-a", to_json(a_team("team-a", "http://10.0.0.8")));
  tell(teamdir_, store_connected{});
  EXPECT_THAT(known_of("team-a"), HasSubstr("http://10.0.0.7;"));
  held_({});
  run();
  EXPECT_EQ(said(caller), "finished");
  EXPECT_THAT(known_of("team-a"), HasSubstr("http://10.0.0.8;")) << "it is read when the flow ends";
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
                         ::testing::ValuesIn(every_loss({"HGET", "put", "name", "site",
                                                         "certificate", "PUBLISH"})));
INSTANTIATE_TEST_SUITE_P(each_step, interrupted_deprovision,
                         ::testing::ValuesIn(every_loss({"HGET", "remove", "unsite", "unname",
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

}  // namespace
}  // namespace stagedoor::actors
