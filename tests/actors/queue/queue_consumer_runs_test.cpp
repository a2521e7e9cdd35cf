// SPDX-License-Identifier: Apache-2.0
// The life of one task in a consumer, from the moment it is ours to its end.
#include "tests/actors/queue/queue_consumer_fixture.hpp"

namespace stagedoor::actors {
namespace {

class queue_consumer_runs_test : public queue_consumer_fixture {};

TEST_F(queue_consumer_runs_test, a_popped_item_is_begun_run_and_finished) {
  start_with({});
  run(state_->popped(high, item("a"), wall_, now_));
  const auto begin = asks_.front();
  EXPECT_EQ(begin.call.keys[0], "{queue:x:high}:proc:n:1");
  EXPECT_EQ(begin.call.keys[1], "task:a");
  begin_run(2);
  ASSERT_EQ(started_.size(), 1U);
  EXPECT_EQ(started_[0].what.id, "a");
  EXPECT_EQ(started_[0].what.delivery, 2U);
  EXPECT_EQ(started_[0].what.queue, high);
  run(state_->finished(started_[0].run, {.message = "", .result = R"({"ok":1})", .error = {}},
                       now_));
  const auto finish = std::find_if(asks_.begin(), asks_.end(), [](const auto& a) {
    return a.call.script == &queue_scripts::finish();
  });
  ASSERT_NE(finish, asks_.end());
  EXPECT_EQ(finish->call.arguments[0], item("a"));
  EXPECT_EQ(finish->call.arguments[1], "completed");
  EXPECT_EQ(finish->call.arguments[3], R"({"ok":1})");
  EXPECT_EQ(finish->call.arguments[6], "tasks:u");
  EXPECT_EQ(finish->call.arguments[7], "team:status");
  EXPECT_EQ(state_->held(), 1U) << "held until Redis has it";
  answer(queue_scripts::finish(), kept());
  EXPECT_EQ(state_->held(), 0U);
  EXPECT_EQ(state_->counters().completed, 1U);
}

TEST_F(queue_consumer_runs_test, what_cannot_be_parsed_is_buried_with_its_reason) {
  start_with({{0, "{broken"}});
  const auto bury = std::find_if(asks_.begin(), asks_.end(), [](const auto& a) {
    return a.call.script == &queue_scripts::bury();
  });
  ASSERT_NE(bury, asks_.end());
  EXPECT_EQ(bury->call.keys[1], "queue:x:high:dead");
  EXPECT_EQ(bury->call.keys[4], "") << "no id, no task hash";
  EXPECT_EQ(bury->call.arguments[0], "{broken");
  EXPECT_NE(bury->call.arguments[1].find("not JSON"), std::string::npos);
  answer(queue_scripts::bury(), kept());
  EXPECT_EQ(state_->counters().buried, 1U);
  EXPECT_TRUE(started_.empty());
}

TEST_F(queue_consumer_runs_test, a_task_with_a_later_time_is_put_off) {
  const auto due = std::chrono::duration_cast<seconds>(wall_.time_since_epoch()).count() + 60;
  start_with({{0, item("a", fmt::format(",\"not_before\":{}", due))},
              {0, item("b", ",\"not_before\":5")}});
  const auto put = next(&queue_scripts::put_off());
  ASSERT_TRUE(put);
  EXPECT_EQ(put->call.keys[1], "{queue:x:high}:retry");
  EXPECT_EQ(put->call.arguments[1], std::to_string(due * 1000));
  EXPECT_TRUE(next(&queue_scripts::begin())) << "b's time has come";
}

TEST_F(queue_consumer_runs_test, the_same_id_waits_for_the_one_that_runs) {
  start_with({{0, item("a")}, {1, item("a", ",\"n\":2")}});
  begin_run();
  EXPECT_FALSE(next(&queue_scripts::begin())) << "one at a time";
  run(state_->finished(started_[0].run, {}, now_));
  answer(queue_scripts::finish(), kept());
  answer(queue_scripts::begin(), list({text("duplicate"), text("completed")}));
  EXPECT_EQ(started_.size(), 1U);
  EXPECT_EQ(state_->counters().duplicates, 1U);
  EXPECT_EQ(state_->held(), 0U);
}

TEST_F(queue_consumer_runs_test, retryable_faults_come_again_later_and_later_until_given_up) {
  auto o = options();
  o.max_deliveries = 3;
  use(o);
  start_with({{0, item("a")}});
  const task_outcome again{.message = {}, .result = {}, .error = not_sent};
  std::vector<long> delays;
  for (int delivery = 1; delivery <= 3; ++delivery) {
    begin_run(delivery);
    run(state_->finished(started_.back().run, again, now_));
    if (delivery == 3) break;
    const auto put = next(&queue_scripts::put_off());
    ASSERT_TRUE(put);
    EXPECT_EQ(put->call.arguments[2], "retrying");
    ASSERT_EQ(put->call.arguments[1].front(), '+');
    delays.push_back(std::stol(put->call.arguments[1].substr(1)));
    run(state_->answered(put->ticket, kept(), wall_, now_));
    run(state_->popped(high, item("a"), wall_, now_));
  }
  EXPECT_GE(delays[0], 500);
  EXPECT_LE(delays[0], 1000);
  EXPECT_GE(delays[1], 1000);
  EXPECT_LE(delays[1], 2000);
  const auto bury = next(&queue_scripts::bury());
  ASSERT_TRUE(bury);
  EXPECT_NE(bury->call.arguments[1].find("gave up after 3 deliveries: down"), std::string::npos);
  EXPECT_EQ(bury->call.keys[4], "task:a");
}

TEST_F(queue_consumer_runs_test, a_task_that_kills_its_nodes_is_buried) {
  start_with({{0, item("a")}});
  answer(queue_scripts::begin(), list({text("spent"), number(5)}));
  const auto bury = next(&queue_scripts::bury());
  ASSERT_TRUE(bury);
  EXPECT_NE(bury->call.arguments[1].find("delivered 5 times without an outcome"),
            std::string::npos);
}

TEST_F(queue_consumer_runs_test, a_refused_payload_is_a_dead_letter_and_another_failure_is_not) {
  start_with({{0, item("a")}, {0, item("b")}});
  begin_run();
  begin_run();
  run(state_->finished(
      started_[0].run,
      {.message = {},
       .result = {},
       .error = fault{fault_kind::invalid, fault_side::client, retryable::no, "slug"}},
      now_));
  run(state_->finished(
      started_[1].run,
      {.message = {},
       .result = {},
       .error = fault{fault_kind::refused, fault_side::upstream, retryable::no, "no"}},
      now_));
  EXPECT_TRUE(next(&queue_scripts::bury()));
  const auto finish = next(&queue_scripts::finish());
  ASSERT_TRUE(finish);
  EXPECT_EQ(finish->call.arguments[1], "failed");
  EXPECT_EQ(finish->call.arguments[4], "no");
}

TEST_F(queue_consumer_runs_test, progress_is_throttled_but_steps_and_the_last_word_are_kept) {
  start_with({{0, item("a")}});
  begin_run();
  const auto r = started_[0].run;
  const auto saved = [&] {
    const auto asked = next(&queue_scripts::progress());
    if (!asked) return std::string("none");
    run(state_->answered(asked->ticket, kept(), wall_, now_));
    return asked->call.arguments[1] + "/" + asked->call.arguments[3] + "/" +
           asked->call.arguments[4];
  };
  run(state_->progressed(r, {.step = 0, .total_steps = 0, .message = "first", .percentage = {}},
                         now_));
  EXPECT_EQ(saved(), "0/first/0");
  for (int i = 0; i < 100; ++i)
    run(state_->progressed(
        r, {.step = 0, .total_steps = 0, .message = fmt::format("m{}", i), .percentage = 7},
        now_ + milliseconds(1)));
  EXPECT_EQ(saved(), "none");
  ASSERT_TRUE(state_->next_tick());
  EXPECT_EQ(*state_->next_tick(), now_ + milliseconds(100));
  pass(milliseconds(100));
  EXPECT_EQ(saved(), "0/m99/7") << "the newest";
  run(state_->progressed(r, {.step = 3, .total_steps = 10, .message = "s3", .percentage = {}},
                         now_));
  EXPECT_EQ(saved(), "3/s3/30") << "a new step at once";
  run(state_->progressed(r, {.step = 1, .total_steps = 10, .message = "back", .percentage = {}},
                         now_));
  EXPECT_EQ(saved(), "1/back/30") << "never backwards";
  run(state_->progressed(r, {.step = 1, .total_steps = 10, .message = "big", .percentage = 900},
                         now_));
  run(state_->finished(r, {}, now_));
  EXPECT_EQ(saved(), "1/big/100") << "the last word before the end";
}

TEST_F(queue_consumer_runs_test, only_one_save_is_out_at_a_time) {
  start_with({{0, item("a")}});
  begin_run();
  const auto r = started_[0].run;
  for (std::uint32_t step = 1; step <= 50; ++step)
    run(state_->progressed(r, {.step = step, .total_steps = 50, .message = "m", .percentage = {}},
                           now_));
  EXPECT_EQ(
      std::count_if(asks_.begin(), asks_.end(),
                    [](const auto& a) { return a.call.script == &queue_scripts::progress(); }),
      1)
      << "a slow Redis must not pile up saves";
  answer(queue_scripts::progress(), kept());
  pass(milliseconds(100));
  const auto latest = next(&queue_scripts::progress());
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->call.arguments[1], "50");
}

TEST_F(queue_consumer_runs_test, an_end_that_redis_did_not_take_is_said_again_until_it_does) {
  start_with({{0, item("a")}});
  begin_run();
  run(state_->finished(started_[0].run, {}, now_));
  answer(queue_scripts::finish(), not_sent);
  EXPECT_FALSE(next(&queue_scripts::finish()));
  pass(milliseconds(500));
  answer(queue_scripts::finish(), lost_reply);
  pass(milliseconds(500));
  answer(queue_scripts::finish(), list({text("lost")}));
  EXPECT_EQ(state_->counters().completed, 1U) << "the unanswered one had run";
  EXPECT_EQ(state_->counters().lost, 0U);
}

TEST_F(queue_consumer_runs_test, a_begin_that_is_repeated_counts_once) {
  start_with({{0, item("a")}});
  const auto first = next(&queue_scripts::begin());
  run(state_->answered(first->ticket, lost_reply, wall_, now_));
  pass(milliseconds(500));
  const auto second = next(&queue_scripts::begin());
  ASSERT_TRUE(second);
  EXPECT_EQ(first->call.arguments, second->call.arguments) << "the token is the same";
}

TEST_F(queue_consumer_runs_test, a_silent_handler_is_given_up) {
  start_with({{0, item("a")}});
  begin_run();
  pass(milliseconds(899'000));
  EXPECT_TRUE(cancelled_.empty());
  pass(milliseconds(1'001));
  EXPECT_EQ(cancelled_.size(), 1U);
  EXPECT_TRUE(next(&queue_scripts::put_off()));
}

}  // namespace
}  // namespace stagedoor::actors
