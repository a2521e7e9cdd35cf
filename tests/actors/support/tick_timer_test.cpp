// SPDX-License-Identifier: Apache-2.0
#include "actors/support/tick_timer.hpp"

#include "messages/all.hpp"
#include "tests/support/actor_fixture.hpp"

namespace stagedoor::actors {
namespace {

using namespace std::chrono_literals;

struct sleeper_log {
  std::vector<milliseconds> woken;  // since the fixture's start
  int ticks = 0;
};

/// start_child{id = milliseconds} arms the timer, stop_child cancels it.
class sleeper final : public shell {
 public:
  sleeper(caf::actor_config& cfg, sleeper_log& log)
      : shell(cfg, "sleeper"), log_(log), start_(now()) {}
  caf::behavior make_behavior() override {
    return {
        [this](const messages::start_child& m) {
          timer_.arm(*this, start_ + milliseconds(std::stol(m.id)));
        },
        [this](const messages::stop_child&) { timer_.cancel(); },
        [this](const messages::tick& t) {
          ++log_.ticks;
          if (timer_.due(*this, t))
            log_.woken.push_back(std::chrono::duration_cast<milliseconds>(now() - start_));
        },
    };
  }

 private:
  sleeper_log& log_;
  mono_time start_;
  tick_timer timer_;
};

class tick_timer_test : public actor_fixture {
 protected:
  sleeper_log log_;
  caf::actor sleeper_ = spawn<sleeper>(log_);
};

TEST_F(tick_timer_test, fires_once_at_its_time) {
  tell(sleeper_, messages::start_child{"1500", ""});
  advance(1499ms);
  EXPECT_TRUE(log_.woken.empty());
  advance(1ms);
  EXPECT_EQ(log_.woken, (std::vector<milliseconds>{1500ms}));
  advance(10min);
  EXPECT_EQ(log_.woken.size(), 1u);
}

TEST_F(tick_timer_test, moves_earlier_and_later) {
  tell(sleeper_, messages::start_child{"5000", ""});
  tell(sleeper_, messages::start_child{"1000", ""});
  advance(2s);
  EXPECT_EQ(log_.woken, (std::vector<milliseconds>{1000ms}));
  tell(sleeper_, messages::start_child{"3000", ""});
  tell(sleeper_, messages::start_child{"9000", ""});
  advance(10s);
  EXPECT_EQ(log_.woken, (std::vector<milliseconds>{1000ms, 9000ms}));
}

TEST_F(tick_timer_test, a_cancelled_alarm_is_silent) {
  tell(sleeper_, messages::start_child{"1000", ""});
  tell(sleeper_, messages::stop_child{});
  advance(1min);
  EXPECT_TRUE(log_.woken.empty());
}

TEST_F(tick_timer_test, never_sleeps_longer_than_a_minute) {
  tell(sleeper_, messages::start_child{std::to_string(milliseconds(24h).count()), ""});
  advance(24h);
  EXPECT_EQ(log_.woken, (std::vector<milliseconds>{24h}));
  EXPECT_GE(log_.ticks, 24 * 60);
}

TEST_F(tick_timer_test, putting_off_a_thousand_times_costs_one_message) {
  for (int i = 0; i < 1000; ++i)
    tell(sleeper_, messages::start_child{std::to_string(1000 + i), ""});
  advance(5s);
  EXPECT_EQ(log_.woken, (std::vector<milliseconds>{1999ms}));
  EXPECT_LE(log_.ticks, 2);
}

}  // namespace
}  // namespace stagedoor::actors
