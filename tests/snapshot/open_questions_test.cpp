// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/open_questions.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::snapshot {
namespace {

class waiter final : public name_waiter {
 public:
  std::vector<activation> told;
  std::function<void()> then = [] {};

 private:
  void name_answered(activation outcome) override {
    told.push_back(outcome);
    then();
  }
};

class open_questions_test : public ::testing::Test {
 protected:
  open_questions::verdict ask(std::string_view name, waiter& who) {
    return questions.ask(name, who, now);
  }
  void answer(std::uint64_t number, activation outcome) { questions.answer(number, outcome, now); }
  /// Asks about |name| and gets |outcome|.
  void settle(std::string_view name, activation outcome) {
    waiter w;
    const auto asked = ask(name, w);
    ASSERT_NE(asked.question, 0U);
    answer(asked.question, outcome);
  }
  void pass(milliseconds time) {
    now += time;
    questions.expire(now);
  }

  mono_time now = mono_time{} + seconds(1000);
  open_questions questions{{.deadline = seconds(2),
                            .remember_unknown = seconds(5),
                            .unknown = 100,
                            .waiters = 20,
                            .in_flight = 10}};
};

const std::vector<activation> active{activation::active};
const std::vector<activation> unknown{activation::unknown};
const std::vector<activation> failed{activation::failed};

TEST_F(open_questions_test, one_question_answers_all_who_ask_about_a_name) {
  waiter a;
  waiter b;
  const auto first = ask("team-a", a);
  const auto second = ask("team-a", b);
  EXPECT_FALSE(first.known);
  EXPECT_NE(first.question, 0U);
  EXPECT_EQ(second.question, 0U) << "asked already";
  EXPECT_TRUE(a.told.empty());
  answer(first.question, activation::active);
  EXPECT_EQ(a.told, active);
  EXPECT_EQ(b.told, active);
  EXPECT_EQ(questions.waiters(), 0U);
  EXPECT_EQ(questions.counters().activated, 2U);
  EXPECT_EQ(questions.counters().questions, 1U);
}

TEST_F(open_questions_test, waiters_are_told_in_the_order_they_came) {
  std::string order;
  std::vector<std::unique_ptr<waiter>> all;
  std::uint64_t number = 0;
  for (char c = 'a'; c < 'f'; ++c) {
    all.push_back(std::make_unique<waiter>());
    all.back()->then = [&order, c] { order += c; };
    number = std::max(number, ask("x", *all.back()).question);
  }
  all.erase(all.begin() + 2);
  answer(number, activation::active);
  EXPECT_EQ(order, "abde");
}

TEST_F(open_questions_test, an_unknown_name_is_not_asked_again_for_a_while) {
  settle("nobody", activation::unknown);
  waiter w;
  EXPECT_EQ(ask("nobody", w).known, activation::unknown);
  pass(milliseconds(4'999));
  EXPECT_EQ(ask("nobody", w).known, activation::unknown);
  pass(milliseconds(1));
  EXPECT_NE(ask("nobody", w).question, 0U);
}

TEST_F(open_questions_test, a_name_that_was_active_or_failed_is_asked_again_at_once) {
  waiter w;
  for (const auto outcome : {activation::active, activation::failed}) {
    settle("team-a", outcome);
    const auto again = ask("team-a", w);
    EXPECT_NE(again.question, 0U);
    answer(again.question, outcome);
  }
}

TEST_F(open_questions_test, nobody_waits_beyond_the_deadline) {
  waiter early;
  waiter late;
  const auto asked = ask("slow", early);
  pass(milliseconds(1'500));
  EXPECT_EQ(ask("slow", late).question, 0U);
  EXPECT_EQ(questions.next_deadline(), now + milliseconds(500));
  pass(milliseconds(499));
  EXPECT_TRUE(early.told.empty());
  pass(milliseconds(1));
  EXPECT_EQ(early.told, failed);
  EXPECT_EQ(late.told, failed) << "its question is the one that ran out of time";
  EXPECT_FALSE(questions.next_deadline());
  answer(asked.question, activation::unknown);
  EXPECT_EQ(early.told.size(), 1U) << "a late answer is nobody's";
  EXPECT_NE(ask("slow", early).question, 0U) << "and is not believed";
}

TEST_F(open_questions_test, a_late_answer_does_not_end_the_next_question) {
  waiter w;
  const auto first = ask("slow", w);
  pass(seconds(2));
  const auto second = ask("slow", w);
  ASSERT_NE(second.question, 0U);
  answer(first.question, activation::unknown);
  EXPECT_TRUE(w.waiting());
  answer(second.question, activation::active);
  EXPECT_EQ(w.told, (std::vector{activation::failed, activation::active}));
}

TEST_F(open_questions_test, questions_in_flight_are_bounded_and_known_names_are_answered_still) {
  settle("nobody", activation::unknown);
  std::vector<std::unique_ptr<waiter>> flood;
  for (int i = 0; i < 10; ++i) {
    flood.push_back(std::make_unique<waiter>());
    EXPECT_NE(ask("random-" + std::to_string(i), *flood.back()).question, 0U);
  }
  waiter w;
  EXPECT_EQ(ask("one-more", w).known, activation::failed);
  EXPECT_EQ(ask("nobody", w).known, activation::unknown);
  EXPECT_FALSE(ask("random-3", w).known) << "a question that is open takes further waiters";
  EXPECT_EQ(questions.in_flight(), 10U);
  EXPECT_EQ(questions.counters().refused, 1U);
}

TEST_F(open_questions_test, waiters_are_bounded) {
  std::vector<std::unique_ptr<waiter>> crowd;
  for (int i = 0; i < 20; ++i) {
    crowd.push_back(std::make_unique<waiter>());
    EXPECT_FALSE(ask("busy", *crowd.back()).known);
  }
  waiter w;
  EXPECT_EQ(ask("busy", w).known, activation::failed);
  EXPECT_EQ(ask("other", w).known, activation::failed);
  crowd.pop_back();
  EXPECT_FALSE(ask("busy", w).known) << "a place that was left is free";
}

TEST_F(open_questions_test, a_flood_of_random_names_fills_no_more_than_the_limit) {
  for (int i = 0; i < 1'000; ++i) {
    settle("random-" + std::to_string(i), activation::unknown);
    ASSERT_LE(questions.remembered(), 100U);
  }
  waiter w;
  EXPECT_EQ(ask("random-999", w).known, activation::unknown);
  EXPECT_NE(ask("random-899", w).question, 0U) << "the oldest made room";
}

TEST_F(open_questions_test, what_ended_is_dropped_as_new_names_come) {
  for (int i = 0; i < 50; ++i) settle("old-" + std::to_string(i), activation::unknown);
  pass(seconds(6));
  for (int i = 0; i < 50; ++i) settle("new-" + std::to_string(i), activation::unknown);
  EXPECT_EQ(questions.remembered(), 50U);
}

TEST_F(open_questions_test, a_name_that_comes_into_being_is_asked_about_at_once) {
  settle("new", activation::unknown);
  questions.forget("new");
  waiter w;
  const auto asked = ask("new", w);
  ASSERT_NE(asked.question, 0U);
  questions.forget("new");  // the store may have been read before it was written
  answer(asked.question, activation::unknown);
  EXPECT_EQ(w.told, unknown);
  EXPECT_NE(ask("new", w).question, 0U) << "so that this is not remembered";
}

TEST_F(open_questions_test, a_waiter_that_goes_away_is_not_told) {
  waiter stays;
  auto leaves = std::make_unique<waiter>();
  const auto asked = ask("team-a", *leaves);
  EXPECT_FALSE(ask("team-a", stays).known);
  leaves.reset();
  EXPECT_EQ(questions.waiters(), 1U);
  answer(asked.question, activation::active);
  EXPECT_EQ(stays.told, active);
}

TEST_F(open_questions_test, who_is_told_may_ask_again_and_take_others_away) {
  waiter first;
  auto second = std::make_unique<waiter>();
  waiter third;
  std::uint64_t again = 0;
  first.then = [&] {
    if (first.told.size() > 1) return;
    second.reset();
    again = ask("team-a", first).question;
  };
  const auto asked = ask("team-a", first);
  EXPECT_FALSE(ask("team-a", *second).known);
  EXPECT_FALSE(ask("team-a", third).known);
  answer(asked.question, activation::failed);
  EXPECT_EQ(first.told, failed);
  EXPECT_EQ(third.told, failed);
  EXPECT_NE(again, 0U);
  EXPECT_TRUE(first.waiting());
  answer(again, activation::active);
  EXPECT_EQ(first.told.back(), activation::active);
}

TEST_F(open_questions_test, asking_again_after_a_deadline_does_not_loop) {
  waiter w;
  w.then = [&] { EXPECT_FALSE(ask("slow", w).known); };
  EXPECT_FALSE(ask("slow", w).known);
  pass(seconds(2));
  EXPECT_EQ(w.told.size(), 1U);
  EXPECT_EQ(questions.next_deadline(), now + seconds(2));
  w.stop_waiting();
}

TEST(open_questions, ends_before_those_who_wait) {
  waiter w;
  {
    open_questions short_lived({});
    EXPECT_FALSE(short_lived.ask("team-a", w, mono_time{}).known);
    EXPECT_TRUE(w.waiting());
  }
  EXPECT_FALSE(w.waiting());
  EXPECT_TRUE(w.told.empty());
}

}  // namespace
}  // namespace stagedoor::snapshot
