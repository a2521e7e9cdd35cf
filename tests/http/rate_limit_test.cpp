// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/rate_limit.hpp"

#include "runtime/http/go_duration.hpp"
#include "tests/http/policy_fixture.hpp"

#include <gtest/gtest.h>
#include <random>

namespace stagedoor::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

rate_limit_options seed_options() {
  rate_limit_options o;
  o.average = 100;
  o.burst = 50;
  return o;
}

class rate_limit_middleware : public testing::Test {
 protected:
  verdict ask(const middleware_ptr& m, const fake_request& request) {
    fake_exchange e(request, state_, {m}, now_);
    const auto v = e.run();
    held_ = e.x.hold_until - now_;
    status_ = e.x.answer.status;
    body_ = e.x.answer.body;
    retry_after_ = e.answer_field("Retry-After");
    retry_in_ = e.answer_field("X-Retry-In");
    return v;
  }
  middleware_state state_;
  mono_time now_ = mono_time(1000s);
  mono_clock::duration held_{};
  int status_ = 0;
  std::string body_;
  std::string retry_after_;
  std::string retry_in_;
};

TEST_F(rate_limit_middleware, lets_a_burst_pass_then_holds_then_refuses) {
  const auto m = std::make_shared<rate_limit>("rate-limit@file", seed_options());
  const fake_request request;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(ask(m, request), verdict::proceed) << i;
  // A token takes 10 ms; who would wait longer than 5 ms is refused.
  EXPECT_EQ(ask(m, request), verdict::respond);
  EXPECT_EQ(status_, 429);
  EXPECT_EQ(body_, "Too Many Requests");
  EXPECT_EQ(retry_after_, "1");
  EXPECT_EQ(retry_in_, "10ms");
  now_ += 6ms;
  EXPECT_EQ(ask(m, request), verdict::hold);
  EXPECT_EQ(std::chrono::round<milliseconds>(held_), 4ms);
  EXPECT_EQ(ask(m, request), verdict::respond);
  now_ += 14ms;
  EXPECT_EQ(ask(m, request), verdict::proceed);
}

TEST_F(rate_limit_middleware, a_held_request_goes_on_behind_the_limiter) {
  auto o = seed_options();
  o.burst = 1;
  const auto m = std::make_shared<rate_limit>("rate-limit@file", o);
  const fake_request request;
  ASSERT_EQ(ask(m, request), verdict::proceed);
  now_ += 8ms;
  fake_exchange e(request, state_, {m, m}, now_);
  ASSERT_EQ(e.run(), verdict::hold);
  e.x.now = e.x.hold_until + 20ms;
  EXPECT_EQ(e.run(), verdict::proceed) << "the second one found a token of its own";
}

TEST_F(rate_limit_middleware, below_one_a_second_the_longest_hold_is_half_a_second) {
  rate_limit_options o;
  o.average = 6;
  o.period = 1min;
  const auto m = std::make_shared<rate_limit>("slow@file", o);
  EXPECT_EQ(m->limits().longest_wait, 500ms);
  const fake_request request;
  ASSERT_EQ(ask(m, request), verdict::proceed);
  ASSERT_EQ(ask(m, request), verdict::respond);
  EXPECT_EQ(retry_after_, "10");
  EXPECT_EQ(retry_in_, "10s");
  now_ += 9600ms;
  EXPECT_EQ(ask(m, request), verdict::hold);
}

TEST_F(rate_limit_middleware, average_zero_limits_nothing) {
  const auto m = std::make_shared<rate_limit>("none@file", rate_limit_options{});
  const fake_request request;
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(ask(m, request), verdict::proceed);
}

TEST_F(rate_limit_middleware, sources_do_not_share_a_bucket) {
  rate_limit_options o;
  o.average = 1;
  const auto m = std::make_shared<rate_limit>("l@file", o);
  const fake_request a("http://x/", {}, "GET", "192.0.2.1");
  const fake_request b("http://x/", {}, "GET", "192.0.2.2");
  EXPECT_EQ(ask(m, a), verdict::proceed);
  EXPECT_EQ(ask(m, a), verdict::respond);
  EXPECT_EQ(ask(m, b), verdict::proceed);
}

TEST_F(rate_limit_middleware, a_new_version_of_the_site_finds_the_old_buckets) {
  rate_limit_options o;
  o.average = 1;
  const fake_request request;
  EXPECT_EQ(ask(std::make_shared<rate_limit>("l@file", o), request), verdict::proceed);
  EXPECT_EQ(ask(std::make_shared<rate_limit>("l@file", o), request), verdict::respond);
  EXPECT_EQ(ask(std::make_shared<rate_limit>("other@file", o), request), verdict::proceed);
}

TEST_F(rate_limit_middleware, a_pause_does_not_give_back_the_burst_early) {
  auto o = seed_options();
  o.average = 1;
  o.burst = 10;
  const auto m = std::make_shared<rate_limit>("l@file", o);
  const fake_request request;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(ask(m, request), verdict::proceed);
  now_ += 3s;
  state_.sweep(now_);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(ask(m, request), verdict::proceed);
  EXPECT_EQ(ask(m, request), verdict::respond);
}

TEST_F(rate_limit_middleware, forgets_sources_and_limiters_that_are_full_again) {
  const auto m = std::make_shared<rate_limit>("l@file", seed_options());
  for (int i = 0; i < 200; ++i) {
    const fake_request request("http://x/", {}, "GET", "192.0.2." + std::to_string(i));
    ASSERT_EQ(ask(m, request), verdict::proceed);
  }
  EXPECT_EQ(state_.buckets("l@file").by_source.size(), 200U);
  now_ += 1s;
  state_.sweep(now_);
  EXPECT_EQ(state_.limiter_count(), 0U);
}

TEST_F(rate_limit_middleware, strangers_cannot_fill_the_memory) {
  rate_limit_options o;
  o.average = 1;
  o.period = 1h;
  o.source = {source_criterion::kind::header, {}, "X-Key"};
  const auto m = std::make_shared<rate_limit>("l@file", o);
  for (std::size_t i = 0; i < max_sources + 100; ++i) {
    fake_request request("http://x/", {{"X-Key", std::to_string(i)}});
    fake_exchange e(request, state_, {m}, now_);
    ASSERT_EQ(e.run(), verdict::proceed);
  }
  EXPECT_EQ(state_.buckets("l@file").by_source.size(), max_sources);
  EXPECT_EQ(state_.buckets("l@file").by_source.evicted(), 100U);
}

// A bucket said in closed form: with arrivals t_i and all granted waits w_i, the k-th grant may not
// go before (k - burst) / rate after the start of its busy period.
class bucket_simulation : public testing::TestWithParam<unsigned> {};

TEST_P(bucket_simulation, agrees_with_the_arrival_curve) {
  std::mt19937 random(GetParam());
  const double rate = std::uniform_real_distribution<>(0.5, 200)(random);
  const double burst = std::uniform_int_distribution<>(1, 60)(random);
  bucket_limits limits{rate, burst, std::chrono::milliseconds(20)};
  std::exponential_distribution<> gap(rate * 1.5);
  const mono_time start(1000s);
  token_bucket bucket(limits, start);
  double t = 0;            // seconds since start
  double virtual_end = 0;  // when all granted tokens will have flowed in, as a time
  for (int i = 0; i < 2000; ++i) {
    t += gap(random);
    const auto now =
        start + std::chrono::duration_cast<mono_clock::duration>(std::chrono::duration<double>(t));
    const auto got = bucket.take(limits, now);
    const double seconds_now = std::chrono::duration<double>(now - start).count();
    // GCRA: another formulation of the same limiter, with one number and no tokens.
    const double begins = std::max(virtual_end, seconds_now);
    const double wait = std::max(0.0, begins + 1 / rate - burst / rate - seconds_now);
    // Too close to call in doubles: either answer is right.
    const bool grant = std::abs(wait - 0.020) < 1e-6 ? got.granted : wait <= 0.020;
    ASSERT_EQ(got.granted, grant) << i;
    ASSERT_NEAR(std::chrono::duration<double>(got.wait).count(), wait, 1e-6) << i;
    if (grant) virtual_end = begins + 1 / rate;
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, bucket_simulation, testing::Range(0U, 20U));

TEST(go_duration, prints_as_go_does) {
  EXPECT_EQ(go_duration(0ns), "0s");
  EXPECT_EQ(go_duration(1ns), "1ns");
  EXPECT_EQ(go_duration(1100ns), "1.1µs");
  EXPECT_EQ(go_duration(2200us), "2.2ms");
  EXPECT_EQ(go_duration(9999999ns), "9.999999ms");
  EXPECT_EQ(go_duration(3300ms), "3.3s");
  EXPECT_EQ(go_duration(4min + 5s + 1ms), "4m5.001s");
  EXPECT_EQ(go_duration(5h + 6s), "5h0m6s");
  EXPECT_EQ(go_duration(-1500ms), "-1.5s");
  EXPECT_EQ(go_duration(nanoseconds::min()), "-2562047h47m16.854775808s");
}

}  // namespace
}  // namespace stagedoor::http
