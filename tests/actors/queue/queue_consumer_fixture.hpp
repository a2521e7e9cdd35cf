// SPDX-License-Identifier: Apache-2.0
// A queue_consumer_state whose Redis, runner and time are the test's.
#pragma once

#include "actors/queue/queue_consumer_state.hpp"

#include "actors/queue/queue_scripts.hpp"

#include <deque>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace stagedoor::actors {

inline redis::reply text(std::string s) {
  return {.kind = redis::reply::type::string, .integer = 0, .text = std::move(s), .items = {}};
}
inline redis::reply number(std::int64_t n) {
  return {.kind = redis::reply::type::integer, .integer = n, .text = {}, .items = {}};
}
inline redis::reply list(std::vector<redis::reply> items) {
  return {.kind = redis::reply::type::array, .integer = 0, .text = {}, .items = std::move(items)};
}
inline const fault lost_reply{fault_kind::closed, fault_side::store, retryable::yes, "gone"};
inline const fault not_sent{fault_kind::unreachable, fault_side::store, retryable::yes, "down"};

inline std::string item(const std::string& id, const std::string& more = {}) {
  return fmt::format(R"({{"id":"{}","type":"team.provision","user_id":"u"{}}})", id, more);
}

inline constexpr const char* high = "queue:x:high";
inline constexpr const char* normal = "queue:x:normal";

class queue_consumer_fixture : public testing::Test {
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

}  // namespace stagedoor::actors
