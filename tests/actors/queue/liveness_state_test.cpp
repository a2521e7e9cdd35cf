// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/liveness_state.hpp"

#include "actors/queue/queue_scripts.hpp"
#include "tests/actors/queue/asked_calls.hpp"

#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

using namespace test;

class liveness_state_test : public testing::Test {
 protected:
  static liveness_options options() {
    liveness_options o;
    o.own_lists = {"{queue:x}:proc:n:2"};
    return o;
  }
  void answer(const redis::script* script, const result<redis::reply>& r) {
    const auto asked = calls_.next(script);
    ASSERT_TRUE(asked);
    calls_.add(state_.answered(asked->ticket, r, now_));
  }

  mono_time now_{std::chrono::hours(1)};
  liveness_state state_{{"n", "2"}, options()};
  asked_calls calls_;
};

TEST_F(liveness_state_test, says_that_it_lives_before_anything_else_and_again_every_five_seconds) {
  calls_.add(state_.start(now_));
  ASSERT_FALSE(calls_.all.empty());
  const auto renewal = calls_.all.front();
  EXPECT_EQ(renewal.call.script, &queue_scripts::stay_alive());
  EXPECT_EQ(renewal.call.keys[0], "stagedoor:node:n:2");
  EXPECT_EQ(renewal.call.arguments, (std::vector<std::string>{"15000", "{queue:x}:proc:n:2"}));
  answer(&queue_scripts::stay_alive(), number(1));
  now_ += milliseconds(4'999);
  calls_.add(state_.tick(now_));
  EXPECT_FALSE(calls_.next(&queue_scripts::stay_alive()));
  now_ += milliseconds(1);
  calls_.add(state_.tick(now_));
  EXPECT_TRUE(calls_.next(&queue_scripts::stay_alive()));
}

TEST_F(liveness_state_test, knows_when_others_may_have_taken_over) {
  calls_.add(state_.start(now_));
  answer(&queue_scripts::stay_alive(), number(1));
  now_ += seconds(5);
  calls_.add(state_.tick(now_));
  answer(&queue_scripts::stay_alive(), down());
  EXPECT_TRUE(state_.believed_alive(now_));
  now_ += seconds(10);
  EXPECT_FALSE(state_.believed_alive(now_));
  calls_.add(state_.tick(now_));
  answer(&queue_scripts::stay_alive(), number(1));
  EXPECT_TRUE(state_.believed_alive(now_));
}

TEST_F(liveness_state_test, recovers_its_own_past_in_pieces_and_nothing_else) {
  calls_.add(state_.start(now_));
  answer(nullptr,
         members({"{queue:x}:proc:n:2", "{queue:x}:proc:n:1", "{queue:y}:proc:m:9", "garbage"}));
  const auto past = calls_.next(&queue_scripts::recover_past());
  ASSERT_TRUE(past);
  EXPECT_EQ(past->call.keys, (std::vector<std::string>{"{queue:x}:proc:n:1", "queue:x"}));
  EXPECT_FALSE(calls_.next(&queue_scripts::recover_past()));
  calls_.add(state_.answered(past->ticket, number(1'000), now_));
  answer(&queue_scripts::recover_past(), number(7));
  EXPECT_FALSE(calls_.next(&queue_scripts::recover_past()));
  EXPECT_EQ(state_.recovered(), 1'007U);
}

TEST_F(liveness_state_test, one_call_of_a_kind_at_a_time_while_redis_is_silent) {
  calls_.add(state_.start(now_));
  const auto before = calls_.all.size();
  for (int i = 0; i < 100; ++i) {
    now_ += seconds(1);
    calls_.add(state_.tick(now_));
  }
  EXPECT_EQ(calls_.all.size(), before);
}

TEST_F(liveness_state_test, stopping_gives_up_the_sign_of_life) {
  calls_.add(state_.start(now_));
  calls_.all.clear();
  calls_.add(state_.stop());
  const auto gone = calls_.next(nullptr);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->call.arguments, (std::vector<std::string>{"DEL", "stagedoor:node:n:2"}));
  now_ += seconds(60);
  calls_.add(state_.tick(now_));
  EXPECT_TRUE(calls_.all.empty());
}

}  // namespace
}  // namespace stagedoor::actors
