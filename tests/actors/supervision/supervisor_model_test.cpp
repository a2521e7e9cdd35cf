// SPDX-License-Identifier: Apache-2.0
// Plays random lives against supervisor_state and checks what must hold whatever happens.
#include "actors/supervision/supervisor_state.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>

namespace stagedoor::supervision {
namespace {

using namespace std::chrono_literals;

/// The world around one supervisor: processes that start, report, crash, obey, dawdle or hang.
class world {
 public:
  world(std::uint64_t seed, strategy how) : random_(seed), how_(how), state_(options(), specs()) {}

  void play() {
    run(state_.start(now_));
    for (int turn = 0; turn < 400 && !finished_; ++turn) {
      act();
      check_view();
    }
    closing_ = true;
    if (!finished_) run(state_.stop({end_kind::shutdown, {}}, now_));
    for (int turn = 0; turn < 20'000 && !finished_; ++turn) pass(50ms);
    EXPECT_TRUE(finished_) << "it never finished";
    for (const auto& [instance, life] : lives_)
      EXPECT_TRUE(life.dead || life.hangs) << life.id << " was left alive";
    EXPECT_TRUE(open_requests_.empty()) << open_requests_.size() << " orders were never answered";
  }

 private:
  struct process {
    std::string id;
    std::uint32_t rank = 0;
    bool reported = true;
    bool dead = false;
    bool hangs = false;  ///< nothing ends it, as a handler that never returns
    bool asked = false;
    mono_time asked_at{};
  };

  static constexpr std::uint32_t listed_children = 5;

  static restart_type type_of(std::uint32_t rank) {
    return rank == 3   ? restart_type::transient
           : rank == 4 ? restart_type::temporary
                       : restart_type::permanent;
  }
  supervisor_options options() const {
    supervisor_options o;
    o.how = how_;
    o.budget = {6, 5s};
    o.backoff = {10ms, 500ms, 20, 2s};
    o.dynamic.start = start_mode::when_reported;
    o.dynamic.start_deadline = 300ms;
    o.dynamic.stop_deadline = 200ms;
    o.dynamic_child_budget = {3, 10s};
    o.dynamic_budget = {20, 5s};
    o.max_dynamic_children = 12;
    o.kill_grace = 100ms;
    return o;
  }
  static std::vector<child_spec> specs() {
    std::vector<child_spec> all;
    for (std::uint32_t rank = 0; rank < listed_children; ++rank) {
      child_spec spec{"listed" + std::to_string(rank), {}};
      spec.policy.restart = type_of(rank);
      spec.policy.start = rank % 2 == 0 ? start_mode::when_reported : start_mode::when_spawned;
      spec.policy.start_deadline = 300ms;
      spec.policy.stop_deadline = 200ms;
      all.push_back(spec);
    }
    return all;
  }

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(std::uint64_t percent) { return pick(100) < percent; }

  // -- what happens -------------------------------------------------------------------

  void act() {
    switch (pick(10)) {
      case 0: return order(state_.start_child(dynamic_id(), {}, request(), now_));
      case 1: return order(state_.stop_child(any_id(), request(), now_));
      case 2: return order(state_.restart_child(any_id(), request(), now_));
      case 3: return order(state_.locate_child(any_id(), request(), now_));
      case 4: return crash_one();
      case 5: return stale_event();
      default: return pass(milliseconds(pick(120)));
    }
  }
  request_id request() {
    open_requests_.insert(++last_request_);
    return last_request_;
  }
  void order(const effects& todo) { run(todo); }
  std::string dynamic_id() { return "dynamic" + std::to_string(pick(16)); }
  std::string any_id() {
    return chance(50) ? dynamic_id() : "listed" + std::to_string(pick(listed_children));
  }
  void crash_one() {
    for (auto& [instance, life] : lives_)
      if (!life.dead && !life.hangs && chance(20))
        return die(instance, {chance(70) ? end_kind::crashed : end_kind::normal, "random"});
  }
  /// News of a life that is over, or never was.
  void stale_event() {
    for (const auto& [instance, life] : lives_)
      if (life.dead && chance(10)) {
        run(state_.ended(instance, {end_kind::crashed, "stale"}, now_));
        run(state_.started(instance, now_));
      }
    run(state_.ended(pick(1000) << 32U | 77U, {}, now_));
  }
  void die(instance_id instance, const end_reason& reason) {
    auto& gone = lives_.at(instance);
    ASSERT_FALSE(gone.dead);
    gone.dead = true;
    living_.erase(gone.id);
    run(state_.ended(instance, reason, now_));
  }
  /// A step of time, in which processes also get to what they were asked.
  void pass(milliseconds duration) {
    const auto last = now_ + duration;
    while (alarm_ && *alarm_ <= last) {
      now_ = std::max(now_, *alarm_);
      alarm_.reset();
      run(state_.tick(now_));
    }
    now_ = last;
    std::vector<instance_id> obedient;
    for (auto& [instance, life] : lives_) {
      if (life.dead || life.hangs) continue;
      if (!life.reported && chance(60)) {
        life.reported = true;
        run(state_.started(instance, now_));
      }
      if (life.asked && chance(50)) obedient.push_back(instance);
    }
    for (const auto instance : obedient)
      if (!lives_.at(instance).dead) die(instance, {end_kind::shutdown, {}});
  }

  // -- what it does ---------------------------------------------------------------------

  void run(const effects& todo) {
    for (const auto& step : todo) queue_.push_back(step);
    if (std::exchange(running_, true)) return;
    while (!queue_.empty()) {
      const auto step = queue_.front();
      queue_.pop_front();
      std::visit([this](const auto& e) { see(e); }, step);
    }
    running_ = false;
  }
  void see(const spawn_child& e) {
    EXPECT_FALSE(finished_);
    EXPECT_EQ(lives_.count(e.instance), 0u) << "an instance was used twice";
    EXPECT_TRUE(living_.insert(e.id).second) << e.id << " lives twice";
    process fresh;
    fresh.id = e.id;
    fresh.rank = listed_children;
    fresh.reported = false;
    if (e.from == origin::listed) {
      fresh.rank = static_cast<std::uint32_t>(e.id.back() - '0');
      fresh.reported = fresh.rank % 2 != 0;
    }
    fresh.hangs = chance(1);
    lives_.emplace(e.instance, fresh);
  }
  void see(const stop_instance& e) {
    auto& asked = lives_.at(e.instance);
    EXPECT_FALSE(asked.asked) << asked.id << " was asked to stop twice";
    asked.asked = true;
    asked.asked_at = now_;
    // While it closes, nothing of a later rank may be alive (hanging ones are given up first).
    if (closing_) {
      for (const auto& [instance, other] : lives_)
        EXPECT_FALSE(other.rank > asked.rank && !other.dead && !other.hangs)
            << other.id << " still lives while " << asked.id << " is stopped";
    }
  }
  void see(const kill_instance& e) {
    const auto& doomed = lives_.at(e.instance);
    EXPECT_TRUE(!doomed.asked || now_ - doomed.asked_at >= 200ms) << "killed before its deadline";
    if (!doomed.dead && !doomed.hangs) die(e.instance, {end_kind::killed, {}});
  }
  void see(const wake_at& e) {
    EXPECT_TRUE(!alarm_ || e.when < *alarm_);
    alarm_ = e.when;
  }
  void see(const all_started&) { EXPECT_FALSE(std::exchange(was_up_, true)); }
  void see(const finish&) { EXPECT_FALSE(std::exchange(finished_, true)); }
  void see(const child_notice& e) {
    if (e.what == verdict::escalating) closing_ = true;
    if (e.what != verdict::restarting) return;
    EXPECT_FALSE(closing_) << e.id << " restarts while the supervisor closes";
    if (e.from == origin::dynamic) return;
    restarts_.push_back(now_);
    while (now_ - restarts_.front() > 5s) restarts_.pop_front();
    EXPECT_LE(restarts_.size(), 6u) << "the budget was exceeded";
  }
  template <class Answer>
  void see(const Answer& e) {
    EXPECT_EQ(open_requests_.erase(e.request), 1u) << "answered twice, or never asked";
  }

  void check_view() {
    std::set<std::string> seen;
    for (const auto& entry : state_.list(1000, now_).children) {
      EXPECT_TRUE(seen.insert(entry.id).second);
      const bool up = entry.state == child_state::starting || entry.state == child_state::running;
      const bool down = entry.state == child_state::idle || entry.state == child_state::waiting;
      EXPECT_TRUE(!up || living_.count(entry.id) > 0) << entry.id << " is shown as up";
      EXPECT_FALSE(down && living_.count(entry.id) > 0) << entry.id << " is shown as down";
    }
  }
  std::mt19937_64 random_;
  strategy how_;
  supervisor_state state_;
  mono_time now_{1h};
  std::optional<mono_time> alarm_;
  std::map<instance_id, process> lives_;
  std::set<std::string> living_;  ///< ids with a life
  std::set<request_id> open_requests_;
  request_id last_request_ = 0;
  std::deque<effect> queue_;
  bool running_ = false;
  bool was_up_ = false;
  bool finished_ = false;
  bool closing_ = false;
  std::deque<mono_time> restarts_;
};

class supervisor_model : public ::testing::TestWithParam<strategy> {};

TEST_P(supervisor_model, holds_its_invariants_in_random_lives) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    world(seed, GetParam()).play();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(strategies, supervisor_model,
                         ::testing::Values(strategy::one_for_one, strategy::rest_for_one,
                                           strategy::one_for_all));

}  // namespace
}  // namespace stagedoor::supervision
