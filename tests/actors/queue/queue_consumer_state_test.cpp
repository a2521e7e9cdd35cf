// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/queue_consumer_state.hpp"

#include "actors/queue/queue_scripts.hpp"

#include <deque>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

redis::reply text(std::string s) {
  return {.kind = redis::reply::type::string, .integer = 0, .text = std::move(s), .items = {}};
}
redis::reply number(std::int64_t n) {
  return {.kind = redis::reply::type::integer, .integer = n, .text = {}, .items = {}};
}
redis::reply list(std::vector<redis::reply> items) {
  return {.kind = redis::reply::type::array, .integer = 0, .text = {}, .items = std::move(items)};
}
const fault lost_reply{fault_kind::closed, fault_side::store, retryable::yes, "gone"};
const fault not_sent{fault_kind::unreachable, fault_side::store, retryable::yes, "down"};

std::string item(const std::string& id, const std::string& more = {}) {
  return fmt::format(R"({{"id":"{}","type":"team.provision","user_id":"u"{}}})", id, more);
}

constexpr const char* high = "queue:x:high";
constexpr const char* normal = "queue:x:normal";

class queue_consumer_state_test : public testing::Test {
 protected:
  static consumer_options options() {
    consumer_options o;
    o.queues = {{high, 8}, {normal, 1}};
    o.credit = 3;
    return o;
  }

  void use(consumer_options o) {
    state_ = std::make_unique<queue_consumer_state>(node_identity{"n", "1"}, std::move(o));
  }
  void run(consumer_effects effects) {
    for (auto& e : effects) {
      if (auto* ask = std::get_if<ask_redis>(&e)) {
        asks_.push_back(*ask);
      } else if (auto* pop = std::get_if<order_pop>(&e)) {
        pops_[pop->queue] = pop->order;
      } else if (auto* start = std::get_if<start_run>(&e)) {
        started_.push_back(*start);
      } else if (auto* cancel = std::get_if<cancel_run>(&e)) {
        cancelled_.push_back(cancel->run);
      } else {
        ++stopped_;
      }
    }
  }

  /// The oldest unanswered call of |script| (null = a plain command).
  std::optional<ask_redis> next(const redis::script* script) {
    const auto found = std::find_if(asks_.begin(), asks_.end(),
                                    [&](const auto& a) { return a.call.script == script; });
    if (found == asks_.end()) return std::nullopt;
    const auto got = *found;
    asks_.erase(found);
    return got;
  }
  void answer(const redis::script& script, const result<redis::reply>& r) {
    const auto asked = next(&script);
    ASSERT_TRUE(asked) << script.name() << " was not asked";
    run(state_->answered(asked->ticket, r, wall_, now_));
  }
  void answer_scans(const std::vector<std::string>& high_items = {}) {
    for (int i = 0; i < 2; ++i) {
      const auto asked = next(nullptr);
      ASSERT_TRUE(asked);
      std::vector<redis::reply> items;
      if (i == 0)
        for (const auto& raw : high_items) items.push_back(text(raw));
      run(state_->answered(asked->ticket, list(items), wall_, now_));
    }
  }
  void answer_take(const std::vector<std::pair<int, std::string>>& items) {
    std::vector<redis::reply> flat;
    for (const auto& [index, raw] : items) {
      flat.push_back(number(index));
      flat.push_back(text(raw));
    }
    answer(queue_scripts::take(), list(flat));
  }
  void begin_run(int delivery = 1) {
    answer(queue_scripts::begin(), list({text("run"), number(delivery)}));
  }
  void start_with(const std::vector<std::pair<int, std::string>>& items) {
    run(state_->start(now_));
    answer_scans();
    answer_take(items);
  }
  void pass(milliseconds span) {
    now_ += span;
    run(state_->tick(now_));
  }
  static redis::reply kept() { return list({text("kept")}); }

  mono_time now_{std::chrono::hours(1)};
  wall_time wall_{std::chrono::hours(24 * 365 * 56)};
  std::unique_ptr<queue_consumer_state> state_ =
      std::make_unique<queue_consumer_state>(node_identity{"n", "1"}, options());
  std::deque<ask_redis> asks_;
  std::map<std::string, pop_order> pops_;
  std::vector<start_run> started_;
  std::vector<run_id> cancelled_;
  int stopped_ = 0;
};

TEST_F(queue_consumer_state_test, an_empty_lane_waits_on_every_queue) {
  start_with({});
  EXPECT_EQ(pops_,
            (std::map<std::string, pop_order>{{high, pop_order::arm}, {normal, pop_order::arm}}));
  EXPECT_TRUE(asks_.empty());
}

TEST_F(queue_consumer_state_test, a_popped_item_is_begun_run_and_finished) {
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

TEST_F(queue_consumer_state_test, what_cannot_be_parsed_is_buried_with_its_reason) {
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

TEST_F(queue_consumer_state_test, a_task_with_a_later_time_is_put_off) {
  const auto due = std::chrono::duration_cast<seconds>(wall_.time_since_epoch()).count() + 60;
  start_with({{0, item("a", fmt::format(",\"not_before\":{}", due))},
              {0, item("b", ",\"not_before\":5")}});
  const auto put = next(&queue_scripts::put_off());
  ASSERT_TRUE(put);
  EXPECT_EQ(put->call.keys[1], "{queue:x:high}:retry");
  EXPECT_EQ(put->call.arguments[1], std::to_string(due * 1000));
  EXPECT_TRUE(next(&queue_scripts::begin())) << "b's time has come";
}

TEST_F(queue_consumer_state_test, the_same_id_waits_for_the_one_that_runs) {
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

TEST_F(queue_consumer_state_test, retryable_faults_come_again_later_and_later_until_given_up) {
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

TEST_F(queue_consumer_state_test, a_task_that_kills_its_nodes_is_buried) {
  start_with({{0, item("a")}});
  answer(queue_scripts::begin(), list({text("spent"), number(5)}));
  const auto bury = next(&queue_scripts::bury());
  ASSERT_TRUE(bury);
  EXPECT_NE(bury->call.arguments[1].find("delivered 5 times without an outcome"),
            std::string::npos);
}

TEST_F(queue_consumer_state_test, a_refused_payload_is_a_dead_letter_and_another_failure_is_not) {
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

TEST_F(queue_consumer_state_test, progress_is_throttled_but_steps_and_the_last_word_are_kept) {
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

TEST_F(queue_consumer_state_test, only_one_save_is_out_at_a_time) {
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

TEST_F(queue_consumer_state_test, an_end_that_redis_did_not_take_is_said_again_until_it_does) {
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

TEST_F(queue_consumer_state_test, a_begin_that_is_repeated_counts_once) {
  start_with({{0, item("a")}});
  const auto first = next(&queue_scripts::begin());
  run(state_->answered(first->ticket, lost_reply, wall_, now_));
  pass(milliseconds(500));
  const auto second = next(&queue_scripts::begin());
  ASSERT_TRUE(second);
  EXPECT_EQ(first->call.arguments, second->call.arguments) << "the token is the same";
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

TEST_F(queue_consumer_state_test, a_silent_handler_is_given_up) {
  start_with({{0, item("a")}});
  begin_run();
  pass(milliseconds(899'000));
  EXPECT_TRUE(cancelled_.empty());
  pass(milliseconds(1'001));
  EXPECT_EQ(cancelled_.size(), 1U);
  EXPECT_TRUE(next(&queue_scripts::put_off()));
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
