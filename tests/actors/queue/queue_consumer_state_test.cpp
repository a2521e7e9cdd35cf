// SPDX-License-Identifier: Apache-2.0
// What a consumer takes, when it waits, what it adopts, and how it stops.
#include "tests/actors/queue/queue_consumer_fixture.hpp"

namespace stagedoor::actors {
namespace {

class queue_consumer_state_test : public queue_consumer_fixture {};

TEST_F(queue_consumer_state_test, an_empty_lane_waits_on_every_queue) {
  start_with({});
  EXPECT_EQ(pops_,
            (std::map<std::string, pop_order>{{high, pop_order::arm}, {normal, pop_order::arm}}));
  EXPECT_TRUE(asks_.empty());
}

TEST_F(queue_consumer_state_test, takes_no_more_than_its_credit_and_stops_waiting_when_full) {
  start_with({{0, item("a")}, {0, item("b")}});
  EXPECT_EQ(pops_[high], pop_order::arm) << "one free, none left: wait";
  run(state_->popped(high, item("c"), wall_, now_));
  EXPECT_EQ(pops_[normal], pop_order::disarm);
  EXPECT_FALSE(next(&queue_scripts::take())) << "full";
  run(state_->pop_idle(normal));
  begin_run();
  run(state_->finished(started_[0].run, {}, now_));
  answer(queue_scripts::finish(), kept());
  const auto take = next(&queue_scripts::take());
  ASSERT_TRUE(take);
  EXPECT_EQ(take->call.arguments.size(), 1U) << "exactly the room that is free";
}

TEST_F(queue_consumer_state_test,
       the_urgent_queue_gets_eight_of_nine_turns_and_the_other_is_not_starved) {
  auto o = options();
  o.credit = 18;
  use(o);
  run(state_->start(now_));
  answer_scans();
  const auto take = next(&queue_scripts::take());
  ASSERT_TRUE(take);
  EXPECT_EQ(take->call.arguments.front(), "0");
  EXPECT_EQ(std::count(take->call.arguments.begin(), take->call.arguments.end(), "0"), 16);
  EXPECT_EQ(std::count(take->call.arguments.begin(), take->call.arguments.end(), "1"), 2);
}

TEST_F(queue_consumer_state_test,
       a_task_that_is_somebody_elses_is_cancelled_and_nothing_is_written) {
  start_with({{0, item("a")}, {0, item("b")}});
  begin_run();
  begin_run();
  run(state_->progressed(started_[0].run,
                         {.step = 1, .total_steps = 2, .message = "", .percentage = {}}, now_));
  answer(queue_scripts::progress(), list({text("lost")}));
  EXPECT_EQ(cancelled_, (std::vector<run_id>{started_[0].run}));
  run(state_->finished(started_[0].run, {}, now_));
  EXPECT_FALSE(next(&queue_scripts::finish())) << "a late result is dropped";
  run(state_->finished(started_[1].run, {}, now_));
  answer(queue_scripts::finish(), list({text("lost")}));
  EXPECT_EQ(state_->counters().lost, 2U);
  EXPECT_EQ(state_->held(), 0U);
}

TEST_F(queue_consumer_state_test, a_consumer_that_replaces_another_counts_its_own_deliveries) {
  start_with({{0, item("a")}});
  const auto before = next(&queue_scripts::begin());
  auto o = options();
  o.instance = 2;
  use(o);
  start_with({{0, item("a")}});
  const auto after = next(&queue_scripts::begin());
  ASSERT_TRUE(before && after);
  EXPECT_NE(before->call.arguments[1], after->call.arguments[1]) << "the token";
}

TEST_F(queue_consumer_state_test, strangers_in_our_list_are_adopted_once) {
  start_with({});
  run(state_->popped(high, item("known"), wall_, now_));
  answer_take({});
  run(state_->pop_doubtful(high, now_));
  answer_scans({item("known"), item("stranger")});
  EXPECT_EQ(state_->held(), 2U);
  EXPECT_EQ(state_->counters().adopted, 1U);
  run(state_->popped(high, item("stranger"), wall_, now_));
  EXPECT_EQ(state_->held(), 2U) << "the late answer brings what the scan had seen";
  run(state_->popped(high, item("stranger"), wall_, now_));
  EXPECT_EQ(state_->held(), 3U) << "but a second push of the same bytes is an item of its own";
}

TEST_F(queue_consumer_state_test, a_take_whose_answer_was_lost_leads_to_a_look_into_the_lists) {
  run(state_->start(now_));
  answer_scans();
  answer(queue_scripts::take(), lost_reply);
  EXPECT_FALSE(next(&queue_scripts::take()));
  pass(milliseconds(500));
  answer_scans({item("a")});
  EXPECT_EQ(state_->held(), 1U);
  EXPECT_TRUE(next(&queue_scripts::take())) << "and taking goes on";
}

TEST_F(queue_consumer_state_test, stopping_lets_runs_end_and_gives_the_rest_back) {
  start_with({{0, item("a")}, {0, item("b")}, {0, item("b", ",\"n\":2")}});
  begin_run();
  run(state_->stop(now_));
  const auto twin = next(&queue_scripts::give_back());
  ASSERT_TRUE(twin) << "one that waits goes back at once";
  EXPECT_EQ(twin->call.arguments[1], "");
  run(state_->answered(twin->ticket, kept(), wall_, now_));
  begin_run();  // b's begin was under way
  const auto begun = next(&queue_scripts::give_back());
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->call.arguments[1], "begun") << "its delivery does not count";
  run(state_->answered(begun->ticket, kept(), wall_, now_));
  EXPECT_EQ(stopped_, 0);
  run(state_->finished(started_[0].run, {}, now_));
  answer(queue_scripts::finish(), kept());
  EXPECT_EQ(stopped_, 1);
  EXPECT_EQ(started_.size(), 1U);
}

TEST_F(queue_consumer_state_test, a_run_that_outlasts_the_grace_is_cancelled_and_given_back) {
  start_with({{0, item("a")}});
  begin_run();
  run(state_->stop(now_));
  run(state_->pop_idle(high));
  run(state_->pop_idle(normal));
  pass(seconds(10));
  EXPECT_EQ(cancelled_.size(), 1U);
  answer(queue_scripts::give_back(), not_sent);
  EXPECT_EQ(stopped_, 0);
  pass(seconds(5));
  EXPECT_EQ(stopped_, 1) << "without Redis too";
  EXPECT_FALSE(state_->next_tick());
}

TEST_F(queue_consumer_state_test, where_nothing_runs_a_silent_redis_is_not_waited_for_long) {
  start_with({});
  run(state_->stop(now_));  // the pops are out, and nobody hears of them
  EXPECT_EQ(state_->next_tick(), now_ + seconds(3));
  pass(milliseconds(2'999));
  EXPECT_EQ(stopped_, 0);
  pass(milliseconds(1));
  EXPECT_EQ(stopped_, 1) << "what a pop still moved is found by the janitor";
}

TEST_F(queue_consumer_state_test, the_patience_with_redis_begins_when_the_last_run_ends) {
  start_with({{0, item("a")}});
  begin_run();
  run(state_->stop(now_));
  pass(seconds(6));
  EXPECT_EQ(stopped_, 0);
  run(state_->finished(started_[0].run, {}, now_));
  answer(queue_scripts::finish(), not_sent);
  pass(milliseconds(2'999));
  EXPECT_EQ(stopped_, 0);
  pass(milliseconds(1));
  EXPECT_EQ(stopped_, 1);
}

TEST_F(queue_consumer_state_test, an_item_that_arrives_while_stopping_goes_back) {
  start_with({});
  run(state_->stop(now_));
  EXPECT_EQ(pops_[high], pop_order::disarm);
  EXPECT_EQ(stopped_, 0) << "a pop may still bring one";
  run(state_->popped(high, item("a"), wall_, now_));
  answer(queue_scripts::give_back(), kept());
  EXPECT_EQ(stopped_, 0);
  run(state_->pop_idle(normal));
  EXPECT_EQ(stopped_, 1);
}

}  // namespace
}  // namespace stagedoor::actors
