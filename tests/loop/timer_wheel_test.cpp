// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/timer_wheel.hpp"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace stagedoor {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

const mono_time start{};

TEST(timer_wheel, fires_at_its_deadline_and_never_before) {
  for (const auto delay : {milliseconds(1), milliseconds(63), milliseconds(64), milliseconds(4095),
                           milliseconds(4096), milliseconds(262144), milliseconds(16777215),
                           milliseconds(16777216), milliseconds(hours(30))}) {
    timer_wheel wheel(start);
    int fired = 0;
    timer t([&] { ++fired; });
    wheel.arm(t, start + delay);
    wheel.advance(start + delay - microseconds(1));
    EXPECT_EQ(fired, 0) << delay.count();
    wheel.advance(start + delay);
    EXPECT_EQ(fired, 1) << delay.count();
    EXPECT_FALSE(t.armed());
  }
}

TEST(timer_wheel, a_cancelled_a_destroyed_and_a_replaced_timer_do_not_fire) {
  timer_wheel wheel(start);
  int fired = 0;
  timer cancelled([&] { ++fired; });
  wheel.arm(cancelled, start + seconds(1));
  cancelled.cancel();
  {
    timer destroyed([&] { ++fired; });
    wheel.arm(destroyed, start + seconds(1));
  }
  timer replaced([&] { fired += 10; });
  wheel.arm(replaced, start + seconds(1));
  wheel.arm(replaced, start + seconds(3));
  wheel.advance(start + seconds(2));
  EXPECT_EQ(fired, 0);
  EXPECT_EQ(wheel.size(), 1U);
  wheel.advance(start + seconds(3));
  EXPECT_EQ(fired, 10);
}

TEST(timer_wheel, a_callback_may_rearm_and_may_destroy_its_timer) {
  timer_wheel wheel(start);
  int ticks = 0;
  std::unique_ptr<timer> t;
  t = std::make_unique<timer>([&] {
    if (++ticks < 5)
      wheel.arm(*t, start + seconds(ticks + 1));
    else
      t.reset();
  });
  wheel.arm(*t, start + seconds(1));
  wheel.advance(start + seconds(100));
  EXPECT_EQ(ticks, 5);
  EXPECT_EQ(wheel.size(), 0U);
}

// Random arming, cancelling and advancing, judged by a plain map of deadlines; and following
// until_next() never oversleeps one.
TEST(timer_wheel, behaves_as_a_sorted_map_does) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    timer_wheel wheel(start);
    mono_time now = start;
    std::map<int, mono_time> expected;
    std::vector<std::unique_ptr<timer>> timers;
    for (int i = 0; i < 200; ++i)
      timers.push_back(std::make_unique<timer>([&, i] {
        ASSERT_TRUE(expected.count(i)) << "seed " << seed;
        EXPECT_LE(expected[i], now);
        EXPECT_LT(now - expected[i], milliseconds(2)) << "late, seed " << seed;
        expected.erase(i);
      }));
    for (int step = 0; step < 2000; ++step) {
      const int i = static_cast<int>(random() % 200);
      switch (random() % 3) {
        case 0: {
          const auto delay = milliseconds(1 + random() % (1U << (random() % 25)));
          wheel.arm(*timers[static_cast<std::size_t>(i)], now + delay);
          expected[i] = now + delay;
          break;
        }
        case 1:
          timers[static_cast<std::size_t>(i)]->cancel();
          expected.erase(i);
          break;
        default:
          if (const auto wait = wheel.until_next(now)) {
            now += std::min(*wait, milliseconds(random() % 5000));
            wheel.advance(now);
          }
      }
      ASSERT_EQ(wheel.size(), expected.size());
      for (const auto& [index, at] : expected) ASSERT_GT(at, now - milliseconds(1)) << index;
    }
  }
}

}  // namespace
}  // namespace stagedoor
