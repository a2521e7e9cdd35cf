// SPDX-License-Identifier: Apache-2.0
#include "cluster/claims_state.hpp"

#include <gmock/gmock.h>

namespace stagedoor::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const node_run self{"node-1", {1, 1}};
const owned_key flow{"flow", "team-a", 0};
constexpr mono_time zero{};
constexpr milliseconds pause{50};

result<lease_answer> outcome(claim_outcome what) {
  return lease_answer(acquire_outcome{true, {std::move(what)}});
}

struct claims_state_test : ::testing::Test {
  claims_state claims{pause, 3};

  /// The only question in |effects|.
  static ask_for_claims question(const claim_effects& effects) {
    EXPECT_THAT(effects, SizeIs(1));
    return std::get<ask_for_claims>(effects.at(0));
  }
};

TEST_F(claims_state_test, a_free_flow_is_granted_and_released) {
  EXPECT_THAT(claims.joined(self, zero), IsEmpty());
  const auto asked = question(claims.claim(7, flow, zero + seconds(2), 40, zero));
  const auto& request = std::get<acquire_owners>(asked.what);
  EXPECT_EQ(request.self, self);
  EXPECT_EQ(request.floor, 40U);
  const auto done =
      claims.answered(asked.number, outcome({claim_result::granted, 41, "", {}}), zero);
  ASSERT_THAT(done, SizeIs(1));
  const auto& granted = std::get<claim_granted>(done[0]);
  EXPECT_EQ(granted.id, 7U);
  EXPECT_EQ(granted.proof, (ownership{flow, self, 41}));
  EXPECT_EQ(claims.open(), 0U);
  const auto freed = question(claims.release(granted.proof));
  EXPECT_EQ(std::get<release_owners>(freed.what).items.at(0).number, 41U);
  EXPECT_THAT(claims.answered(freed.number, lease_answer(release_outcome{1}), zero), IsEmpty());
}

TEST_F(claims_state_test,
       one_that_another_node_has_is_tried_until_the_deadline_and_names_the_node) {
  (void)claims.joined(self, zero);
  auto asked = question(claims.claim(7, flow, zero + milliseconds(120), 0, zero));
  for (const auto at : {milliseconds(0), milliseconds(50), milliseconds(100)}) {
    EXPECT_THAT(
        claims.answered(asked.number, outcome({claim_result::held, 0, "node-2", {}}), zero + at),
        IsEmpty());
    EXPECT_LE(claims.next_tick(), zero + at + pause);
    if (at != milliseconds(100)) asked = question(claims.tick(claims.next_tick()));
  }
  const auto end = claims.tick(zero + milliseconds(120));
  ASSERT_THAT(end, SizeIs(1));
  const auto& failed = std::get<claim_failed>(end[0]);
  EXPECT_EQ(failed.why.kind, fault_kind::conflict);
  EXPECT_THAT(failed.why.detail, HasSubstr("node-2"));
  EXPECT_EQ(claims.next_tick(), mono_time::max());
}

TEST_F(claims_state_test, a_grant_that_comes_too_late_is_given_back) {
  (void)claims.joined(self, zero);
  const auto asked = question(claims.claim(7, flow, zero + milliseconds(10), 0, zero));
  EXPECT_THAT(claims.tick(zero + milliseconds(10)), SizeIs(1));
  const auto back =
      question(claims.answered(asked.number, outcome({claim_result::granted, 9, "", {}}), zero));
  EXPECT_EQ(std::get<release_owners>(back.what).items.at(0).number, 9U);
}

TEST_F(claims_state_test, while_the_node_is_no_member_claims_wait_for_it) {
  EXPECT_THAT(claims.claim(7, flow, zero + seconds(1), 0, zero), IsEmpty());
  EXPECT_EQ(claims.next_tick(), zero + seconds(1)) << "nothing to do before the deadline";
  const auto asked = question(claims.joined(self, zero));
  claims.fenced();
  const node_run reborn{"node-1", {2, 2}};
  const auto again = question(claims.joined(reborn, zero));
  // The answer to the old run's question is no grant for the new one: it is given back.
  const auto old = claims.answered(asked.number, outcome({claim_result::granted, 5, "", {}}), zero);
  EXPECT_EQ(std::get<release_owners>(question(old).what).self, self);
  const auto done =
      claims.answered(again.number, outcome({claim_result::granted, 6, "", {}}), zero);
  EXPECT_EQ(std::get<claim_granted>(done.at(0)).proof.holder, reborn);
}

TEST_F(claims_state_test, no_answer_of_the_store_is_told_as_its_fault) {
  (void)claims.joined(self, zero);
  const auto asked = question(claims.claim(7, flow, zero + milliseconds(10), 0, zero));
  const fault down{fault_kind::unreachable, fault_side::store, retryable::yes, "not connected"};
  EXPECT_THAT(claims.answered(asked.number, down, zero), IsEmpty());
  const auto end = claims.tick(zero + milliseconds(10));
  EXPECT_EQ(std::get<claim_failed>(end.at(0)).why.detail, "not connected");
}

TEST_F(claims_state_test, there_is_a_limit) {
  for (std::uint64_t id = 1; id <= 3; ++id)
    EXPECT_THAT(claims.claim(id, {"flow", std::to_string(id), 0}, zero + seconds(1), 0, zero),
                IsEmpty());
  const auto refused = claims.claim(4, flow, zero + seconds(1), 0, zero);
  EXPECT_EQ(std::get<claim_failed>(refused.at(0)).why.kind, fault_kind::overloaded);
}

}  // namespace
}  // namespace stagedoor::cluster
