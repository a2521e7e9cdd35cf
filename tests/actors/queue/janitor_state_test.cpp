// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/janitor_state.hpp"

#include "actors/queue/queue_scripts.hpp"

#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

const fault down{fault_kind::unreachable, fault_side::store, retryable::yes, "down"};

class janitor_state_test : public testing::Test {
 protected:
  static janitor_options options() {
    janitor_options o;
    o.queues = {"queue:x"};
    o.own_lists = {"{queue:x}:proc:n:2"};
    return o;
  }
  static redis::reply number(std::int64_t n) {
    return {.kind = redis::reply::type::integer, .integer = n, .text = {}, .items = {}};
  }
  static redis::reply members(const std::vector<std::string>& names) {
    redis::reply r{.kind = redis::reply::type::array, .integer = 0, .text = {}, .items = {}};
    for (const auto& name : names)
      r.items.push_back(
          {.kind = redis::reply::type::string, .integer = 0, .text = name, .items = {}});
    return r;
  }
  static redis::reply promoted(std::int64_t moved, std::int64_t wait) {
    return {.kind = redis::reply::type::array,
            .integer = 0,
            .text = {},
            .items = {number(moved), number(wait)}};
  }
  void take(janitor_effects effects) {
    for (auto& e : effects) asks_.push_back(std::move(e));
  }
  std::optional<ask_redis> next(const redis::script* script) {
    for (auto it = asks_.begin(); it != asks_.end(); ++it) {
      if (it->call.script != script) continue;
      auto found = *it;
      asks_.erase(it);
      return found;
    }
    return std::nullopt;
  }
  void answer(const redis::script* script, const result<redis::reply>& r) {
    const auto asked = next(script);
    ASSERT_TRUE(asked);
    take(state_.answered(asked->ticket, r, now_));
  }

  mono_time now_{std::chrono::hours(1)};
  janitor_state state_{{"n", "2"}, options()};
  std::vector<ask_redis> asks_;
};

TEST_F(janitor_state_test, says_that_it_lives_before_anything_else_and_again_every_five_seconds) {
  take(state_.start(now_));
  ASSERT_FALSE(asks_.empty());
  const auto renewal = asks_.front();
  EXPECT_EQ(renewal.call.script, &queue_scripts::stay_alive());
  EXPECT_EQ(renewal.call.keys[0], "stagedoor:node:n:2");
  EXPECT_EQ(renewal.call.arguments, (std::vector<std::string>{"15000", "{queue:x}:proc:n:2"}));
  answer(&queue_scripts::stay_alive(), number(1));
  now_ += milliseconds(4'999);
  take(state_.tick(now_));
  EXPECT_FALSE(next(&queue_scripts::stay_alive()));
  now_ += milliseconds(1);
  take(state_.tick(now_));
  EXPECT_TRUE(next(&queue_scripts::stay_alive()));
}

TEST_F(janitor_state_test, knows_when_others_may_have_taken_over) {
  take(state_.start(now_));
  answer(&queue_scripts::stay_alive(), number(1));
  now_ += seconds(5);
  take(state_.tick(now_));
  answer(&queue_scripts::stay_alive(), down);
  EXPECT_TRUE(state_.believed_alive(now_));
  now_ += seconds(10);
  EXPECT_FALSE(state_.believed_alive(now_));
  take(state_.tick(now_));
  answer(&queue_scripts::stay_alive(), number(1));
  EXPECT_TRUE(state_.believed_alive(now_));
}

TEST_F(janitor_state_test, recovers_others_when_dead_its_own_past_at_once_and_itself_never) {
  take(state_.start(now_));
  answer(nullptr,
         members({"{queue:x}:proc:n:2", "{queue:x}:proc:n:1", "{queue:y}:proc:m:9", "garbage"}));
  const auto past = next(&queue_scripts::recover());
  const auto other = next(&queue_scripts::recover());
  ASSERT_TRUE(past && other);
  EXPECT_FALSE(next(&queue_scripts::recover()));
  EXPECT_EQ(past->call.keys, (std::vector<std::string>{"stagedoor:node:n:1", "{queue:x}:proc:n:1",
                                                       "queue:x", "stagedoor:processing"}));
  EXPECT_EQ(past->call.arguments[1], "force");
  EXPECT_EQ(other->call.keys[2], "queue:y") << "a queue that is not ours is recovered too";
  EXPECT_EQ(other->call.arguments[1], "");
  take(state_.answered(past->ticket, number(3), now_));
  take(state_.answered(other->ticket, number(-1), now_));
  EXPECT_EQ(state_.counters().recovered, 3U);
}

TEST_F(janitor_state_test, a_long_list_is_recovered_piece_by_piece) {
  take(state_.start(now_));
  answer(nullptr, members({"{queue:x}:proc:m:9"}));
  answer(&queue_scripts::recover(), number(1'000));
  answer(&queue_scripts::recover(), number(7));
  EXPECT_FALSE(next(&queue_scripts::recover()));
  EXPECT_EQ(state_.counters().recovered, 1'007U);
}

TEST_F(janitor_state_test, looks_again_when_the_next_task_is_due_and_at_least_every_second) {
  take(state_.start(now_));
  answer(&queue_scripts::stay_alive(), number(1));
  answer(nullptr, members({}));
  answer(&queue_scripts::promote(), promoted(2, 30));
  EXPECT_EQ(state_.next_tick(), now_ + milliseconds(30));
  now_ += milliseconds(30);
  take(state_.tick(now_));
  answer(&queue_scripts::promote(), promoted(1, -1));
  EXPECT_EQ(state_.next_tick(), now_ + milliseconds(1'000));
  EXPECT_EQ(state_.counters().promoted, 3U);
}

TEST_F(janitor_state_test, one_call_of_a_kind_at_a_time_while_redis_is_silent) {
  take(state_.start(now_));
  const auto before = asks_.size();
  for (int i = 0; i < 100; ++i) {
    now_ += seconds(1);
    take(state_.tick(now_));
  }
  EXPECT_EQ(asks_.size(), before);
}

TEST_F(janitor_state_test, stopping_gives_up_the_sign_of_life) {
  take(state_.start(now_));
  asks_.clear();
  take(state_.stop());
  const auto gone = next(nullptr);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->call.arguments, (std::vector<std::string>{"DEL", "stagedoor:node:n:2"}));
  now_ += seconds(60);
  take(state_.tick(now_));
  EXPECT_TRUE(asks_.empty());
}

}  // namespace
}  // namespace stagedoor::actors
