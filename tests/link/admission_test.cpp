// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/admission.hpp"

#include "runtime/link/log_limit.hpp"

#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

using verdict = admission::verdict;
using outcome = admission::outcome;
constexpr mono_time start{seconds(1000)};

TEST(admission, one_source_gets_few_handshakes_at_once_and_others_still_get_theirs) {
  admission_limits limits;
  limits.failures.burst = 100;
  admission a(limits, start);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(a.admit("10.0.0.1", start), verdict::welcome);
  EXPECT_EQ(a.admit("10.0.0.1", start), verdict::too_many_from_source);
  EXPECT_EQ(a.admit("10.0.0.2", start), verdict::welcome);
  a.settle("10.0.0.1", outcome::failed, start);
  EXPECT_EQ(a.admit("10.0.0.1", start), verdict::welcome);
}

TEST(admission, all_strangers_together_are_bounded) {
  admission a({}, start);
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(a.admit("10.0.0." + std::to_string(i), start), verdict::welcome);
  EXPECT_EQ(a.admit("10.0.1.1", start), verdict::too_many);
  EXPECT_EQ(a.strangers(), 64U);
}

TEST(admission, a_source_whose_handshakes_fail_waits) {
  admission a({}, start);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(a.admit("10.0.0.1", start), verdict::welcome);
    a.settle("10.0.0.1", outcome::failed, start);
  }
  EXPECT_EQ(a.admit("10.0.0.1", start), verdict::failed_too_often);
  EXPECT_EQ(a.admit("10.0.0.1", start + milliseconds(900)), verdict::failed_too_often);
  EXPECT_EQ(a.admit("10.0.0.1", start + milliseconds(1001)), verdict::welcome);
}

TEST(admission, a_source_that_turns_out_to_be_known_never_waits) {
  admission a({}, start);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(a.admit("10.0.0.1", start), verdict::welcome);
    a.settle("10.0.0.1", outcome::known, start);
  }
}

TEST(admission, a_million_sources_are_not_remembered) {
  admission a({}, start);
  auto now = start;
  std::size_t turned_away = 0;
  for (int i = 0; i < 100'000; ++i) {
    now += milliseconds(1);
    const auto source = std::to_string(i);
    if (a.admit(source, now) == verdict::welcome)
      a.settle(source, outcome::failed, now);
    else
      ++turned_away;
    ASSERT_LE(a.sources(), 1024U);
  }
  EXPECT_LT(turned_away, 10'000U);  // a quiet second, and a place is free again
}

TEST(admission, connections_are_taken_at_a_bounded_rate) {
  admission a({}, start);
  int taken = 0;
  for (auto now = start; now < start + seconds(10); now += milliseconds(1))
    if (a.pause(now).count() == 0) {
      EXPECT_EQ(a.pause(now).count(), 0) << "asking alone costs nothing";
      a.taken();
      ++taken;
    }
  EXPECT_NEAR(taken, 100 + 10 * 50, 5);
}

TEST(admission, an_ipv6_network_is_one_source) {
  const auto of = [](const char* ip) {
    return admission::source_of(*net::address::parse_ip(ip, 1));
  };
  EXPECT_EQ(of("2001:db8::1"), of("2001:db8::ffff:1"));
  EXPECT_NE(of("2001:db8::1"), of("2001:db8:0:1::1"));
  EXPECT_EQ(of("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(of("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_NE(of("10.0.0.1"), of("10.0.0.2"));
}

TEST(log_limit, tells_once_a_minute_and_how_often_it_did_not) {
  log_limit l;
  EXPECT_EQ(l.pass("a", start), 0U);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(l.pass("a", start + seconds(59)), std::nullopt);
  EXPECT_EQ(l.pass("b", start + seconds(59)), 0U);
  EXPECT_EQ(l.pass("a", start + seconds(60)), 10U);
  EXPECT_EQ(l.pass("a", start + seconds(61)), std::nullopt);
}

TEST(log_limit, remembers_a_bounded_number_of_things) {
  log_limit l;
  std::size_t told = 0;
  for (int i = 0; i < 100'000; ++i)
    if (l.pass(std::to_string(i), start)) ++told;
  EXPECT_EQ(told, log_limit::max_kept);
  EXPECT_TRUE(l.pass("another", start + seconds(60)));
}

}  // namespace
}  // namespace stagedoor::link
