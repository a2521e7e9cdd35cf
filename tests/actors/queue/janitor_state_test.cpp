// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/janitor_state.hpp"

#include "actors/queue/queue_scripts.hpp"
#include "tests/actors/queue/asked_calls.hpp"

#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

using namespace test;

messages::owner_proof proof(std::uint64_t fence) {
  return {{"janitor", "queues", 0}, "n", "run", fence};
}

class janitor_state_test : public testing::Test {
 protected:
  static janitor_options options() {
    janitor_options o;
    o.queues = {"queue:x"};
    return o;
  }
  void answer(const redis::script* script, const result<redis::reply>& r) {
    const auto asked = calls_.next(script);
    ASSERT_TRUE(asked);
    calls_.add(state_.answered(asked->ticket, r, now_));
  }
  /// One more look at the registry, in which |list| is registered; the call to recover it.
  ask_redis look(const std::string& list) {
    now_ += seconds(5);
    calls_.add(state_.tick(now_));
    answer(nullptr, members({list}));
    const auto asked = calls_.next(&queue_scripts::recover());
    EXPECT_TRUE(asked);
    return asked.value_or(ask_redis{});
  }

  mono_time now_{std::chrono::hours(1)};
  janitor_state state_{{"n", "2"}, proof(7), options()};
  asked_calls calls_;
};

TEST_F(janitor_state_test, recovers_every_run_but_its_own_and_proves_that_it_may) {
  calls_.add(state_.start(now_));
  answer(nullptr,
         members({"{queue:x}:proc:n:2", "{queue:x}:proc:n:1", "{queue:y}:proc:m:9", "garbage"}));
  const auto past = calls_.next(&queue_scripts::recover());
  const auto other = calls_.next(&queue_scripts::recover());
  ASSERT_TRUE(past && other);
  EXPECT_FALSE(calls_.next(&queue_scripts::recover()));
  EXPECT_EQ(past->call.keys,
            (std::vector<std::string>{"stagedoor:owner:janitor:queues:0", "stagedoor:node:n:1",
                                      "{queue:x}:proc:n:1", "queue:x", "stagedoor:processing"}));
  EXPECT_EQ(past->call.arguments, (std::vector<std::string>{"n", "run", "7", "1000", ""}));
  EXPECT_EQ(other->call.keys[3], "queue:y") << "a queue that is not ours is recovered too";
  calls_.add(state_.answered(past->ticket, number(3), now_));
  calls_.add(state_.answered(other->ticket, number(-1), now_));
  EXPECT_EQ(state_.counters().recovered, 3U);
}

TEST_F(janitor_state_test, a_long_list_is_recovered_piece_by_piece) {
  calls_.add(state_.start(now_));
  answer(nullptr, members({"{queue:x}:proc:m:9"}));
  answer(&queue_scripts::recover(), number(1'000));
  answer(&queue_scripts::recover(), number(7));
  EXPECT_FALSE(calls_.next(&queue_scripts::recover()));
  EXPECT_EQ(state_.counters().recovered, 1'007U);
}

TEST_F(janitor_state_test, a_list_is_forgotten_only_when_it_stayed_empty_for_a_while) {
  const std::string list = "{queue:x}:proc:m:9";
  const auto one_more_look = [&](std::int64_t found) {
    const auto asked = look(list);
    calls_.add(state_.answered(asked.ticket, number(found), now_));
    return asked.call.arguments[4];
  };
  EXPECT_EQ(one_more_look(2), "");
  EXPECT_EQ(one_more_look(0), "") << "empty for the first time";
  EXPECT_EQ(one_more_look(0), "");
  EXPECT_EQ(one_more_look(1), "") << "a last BLMOVE was answered";
  EXPECT_EQ(one_more_look(0), "");
  EXPECT_EQ(one_more_look(0), "");
  EXPECT_EQ(one_more_look(0), "");
  EXPECT_EQ(one_more_look(-1), "forget") << "the script finds it alive and keeps it";
  EXPECT_EQ(one_more_look(0), "") << "and all begins anew";
}

TEST_F(janitor_state_test, looks_again_when_the_next_task_is_due_and_at_least_every_second) {
  calls_.add(state_.start(now_));
  answer(nullptr, members({}));
  answer(&queue_scripts::promote(), numbers(2, 30));
  EXPECT_EQ(state_.next_tick(), now_ + milliseconds(30));
  now_ += milliseconds(30);
  calls_.add(state_.tick(now_));
  answer(&queue_scripts::promote(), numbers(1, -1));
  EXPECT_EQ(state_.next_tick(), now_ + milliseconds(1'000));
  EXPECT_EQ(state_.counters().promoted, 3U);
}

TEST_F(janitor_state_test, one_call_of_a_kind_at_a_time_while_redis_is_silent) {
  calls_.add(state_.start(now_));
  calls_.add(state_.gone({"m", "9"}, now_));
  const auto before = calls_.all.size();
  for (int i = 0; i < 100; ++i) {
    now_ += seconds(1);
    calls_.add(state_.tick(now_));
  }
  EXPECT_EQ(calls_.all.size(), before);
}

TEST_F(janitor_state_test, a_known_death_takes_the_key_away_and_is_followed_by_a_look) {
  calls_.add(state_.start(now_));
  answer(nullptr, members({}));
  calls_.add(state_.gone({"m", "9"}, now_));
  const auto asked = calls_.next(&queue_scripts::declare_dead());
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->call.keys,
            (std::vector<std::string>{"stagedoor:owner:janitor:queues:0", "stagedoor:node:m:9"}));
  calls_.add(state_.answered(asked->ticket, number(1), now_));
  answer(nullptr, members({"{queue:x}:proc:m:9"}));
  EXPECT_TRUE(calls_.next(&queue_scripts::recover()));
  EXPECT_EQ(state_.counters().declared, 1U);
}

TEST_F(janitor_state_test, a_look_that_was_under_way_is_repeated_after_a_death) {
  calls_.add(state_.start(now_));
  calls_.add(state_.gone({"m", "9"}, now_));
  answer(&queue_scripts::declare_dead(), number(1));
  answer(nullptr, members({"{queue:x}:proc:m:9"}));
  answer(&queue_scripts::recover(), number(-1));
  answer(nullptr, members({"{queue:x}:proc:m:9"}));
  EXPECT_TRUE(calls_.next(&queue_scripts::recover()));
  EXPECT_FALSE(calls_.next(nullptr));
}

TEST_F(janitor_state_test, deaths_are_declared_one_by_one_again_after_a_failure_and_not_for_ever) {
  calls_.add(state_.start(now_));
  for (const char* run : {"8", "9", "9"}) calls_.add(state_.gone({"m", run}, now_));
  calls_.add(state_.gone({"n", "2"}, now_));
  answer(&queue_scripts::declare_dead(), down());
  EXPECT_FALSE(calls_.next(&queue_scripts::declare_dead()));
  now_ += seconds(1);
  EXPECT_LE(state_.next_tick(), now_);
  calls_.add(state_.tick(now_));
  answer(&queue_scripts::declare_dead(), number(1));
  const auto second = calls_.next(&queue_scripts::declare_dead());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->call.keys[1], "stagedoor:node:m:9");
  calls_.add(state_.answered(second->ticket, down(), now_));
  now_ += seconds(15);
  calls_.add(state_.tick(now_));
  EXPECT_FALSE(calls_.next(&queue_scripts::declare_dead())) << "the key has run out by itself";
}

TEST_F(janitor_state_test, no_more_deaths_wait_than_the_limit) {
  auto o = options();
  o.deaths = 3;
  janitor_state state({"n", "2"}, proof(7), o);
  for (int i = 0; i < 10; ++i) calls_.add(state.gone({"m", std::to_string(i)}, now_));
  int declared = 0;
  while (const auto asked = calls_.next(&queue_scripts::declare_dead())) {
    calls_.add(state.answered(asked->ticket, number(1), now_));
    ++declared;
  }
  EXPECT_EQ(declared, 3);
}

TEST_F(janitor_state_test, whoever_is_stale_knows_it_and_a_newer_proof_goes_on_at_once) {
  calls_.add(state_.start(now_));
  answer(nullptr, members({}));
  answer(&queue_scripts::promote(), text("stale"));
  EXPECT_TRUE(state_.stale());
  EXPECT_EQ(state_.counters().stale, 1U);
  EXPECT_EQ(state_.counters().promoted, 0U);
  calls_.add(state_.owned(proof(6), now_));
  EXPECT_TRUE(calls_.all.empty()) << "an older one";
  calls_.add(state_.owned(proof(8), now_));
  EXPECT_FALSE(state_.stale());
  const auto asked = calls_.next(&queue_scripts::promote());
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->call.arguments, (std::vector<std::string>{"n", "run", "8", "100"}));
}

TEST_F(janitor_state_test, what_an_older_proof_is_told_says_nothing_about_the_newer) {
  calls_.add(state_.start(now_));
  const auto late = calls_.next(&queue_scripts::promote());
  calls_.add(state_.owned(proof(8), now_));
  calls_.add(state_.answered(late->ticket, text("stale"), now_));
  EXPECT_FALSE(state_.stale());
}

}  // namespace
}  // namespace stagedoor::actors
