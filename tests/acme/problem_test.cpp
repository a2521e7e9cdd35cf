// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/problem.hpp"

#include "runtime/acme/retry_policy.hpp"

#include <gmock/gmock.h>

namespace stagedoor::acme {
namespace {

using ::testing::HasSubstr;

problem typed(std::string type, unsigned status = 400) {
  problem p;
  p.type = std::move(type);
  p.status = status;
  return p;
}

TEST(problem, means_what_its_type_or_else_its_status_says) {
  const std::pair<problem, failure_class> table[] = {
      {typed("rateLimited", 429), failure_class::rate_limited},
      {typed("connection"), failure_class::validation},
      {typed("dns"), failure_class::validation},
      {typed("unauthorized", 403), failure_class::validation},
      {typed("tls"), failure_class::validation},
      {typed("incorrectResponse"), failure_class::validation},
      {typed("caa", 403), failure_class::rejected},
      {typed("rejectedIdentifier"), failure_class::rejected},
      {typed("badCSR"), failure_class::rejected},
      {typed("accountDoesNotExist"), failure_class::account},
      {typed("externalAccountRequired", 403), failure_class::account},
      {typed("userActionRequired", 403), failure_class::account},
      {typed("orderNotReady", 403), failure_class::order},
      {typed("serverInternal", 500), failure_class::server},
      {typed("badNonce"), failure_class::server},
      {typed("somethingNew", 400), failure_class::rejected},
      {typed("somethingNew", 429), failure_class::rate_limited},
      {typed("malformed", 404), failure_class::order},
      {typed("", 503), failure_class::server},
      {typed("", 0), failure_class::server},
  };
  for (const auto& [p, expected] : table) EXPECT_EQ(class_of(p), expected) << p.type << p.status;
}

TEST(problem, brings_its_parts_along) {
  const auto p = parse_problem(
      R"({"type":"urn:ietf:params:acme:error:compound","detail":"several","status":403,
    "subproblems":[{"type":"urn:ietf:params:acme:error:dns","detail":"NXDOMAIN","identifier":{"type":"dns","value":"a.test"}}]})");
  ASSERT_TRUE(p);
  EXPECT_EQ(class_of(*p), failure_class::validation);
  const auto f = failure_from(*p, "order a.test");
  EXPECT_THAT(f.why.detail, HasSubstr("order a.test: compound: several; a.test: dns: NXDOMAIN"));
}

TEST(problem, is_not_made_of_just_anything) {
  for (const auto* bad : {"", "[]", "7", "{"}) EXPECT_FALSE(parse_problem(bad)) << bad;
  const auto odd = parse_problem(R"({"type":5,"detail":[],"status":"x","subproblems":{"a":1}})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->type, "");
}

TEST(problem, long_words_of_the_ca_are_cut) {
  const auto p = parse_problem(R"({"type":"t","detail":")" + std::string(100'000, 'x') + "\"}");
  ASSERT_TRUE(p);
  EXPECT_LE(failure_from(*p, "x").why.detail.size(), 8192U);
}

struct retry_row {
  const char* retry_after;
  const char* date;
  std::optional<seconds> expected;
};

TEST(retry_after, reads_seconds_and_dates) {
  const retry_row table[] = {
      {"120", nullptr, seconds(120)},
      {"0", nullptr, seconds(0)},
      {"99999999", nullptr, seconds(7 * 24 * 3600)},
      {"Tue, 24 Nov 2026 10:00:30 GMT", "Tue, 24 Nov 2026 10:00:00 GMT", seconds(30)},
      {"Tue, 24 Nov 2026 09:00:00 GMT", "Tue, 24 Nov 2026 10:00:00 GMT", seconds(0)},
      {"Tue, 24 Nov 2026 10:00:30 GMT", nullptr, std::nullopt},
      {"-5", nullptr, std::nullopt},
      {"soon", "Tue, 24 Nov 2026 10:00:00 GMT", std::nullopt},
      {"", nullptr, std::nullopt},
  };
  for (const auto& row : table) {
    client::response answer;
    answer.headers.push_back({"retry-after", row.retry_after});
    if (row.date != nullptr) answer.headers.push_back({"Date", row.date});
    EXPECT_EQ(retry_after(answer), row.expected) << row.retry_after;
  }
}

failure failed_with(failure_class what, std::optional<seconds> after = {}) {
  return {what, {}, std::nullopt, after};
}

std::vector<long> waits(failure_class what, int times) {
  retry_policy policy;
  std::vector<long> all;
  for (int i = 0; i < times; ++i) all.push_back(policy.failed(failed_with(what), 0).after.count());
  return all;
}

TEST(retry_policy, waits_as_the_reason_deserves) {
  using ::testing::ElementsAre;
  EXPECT_THAT(waits(failure_class::validation, 5), ElementsAre(60, 600, 6000, 60000, 86400));
  EXPECT_THAT(waits(failure_class::server, 10),
              ElementsAre(5, 10, 20, 40, 80, 160, 320, 640, 900, 900));
  EXPECT_THAT(waits(failure_class::order, 4), ElementsAre(1, 10, 100, 900));
  EXPECT_THAT(waits(failure_class::rejected, 2), ElementsAre(86400, 86400));
  EXPECT_THAT(waits(failure_class::account, 1), ElementsAre(86400));
  EXPECT_THAT(waits(failure_class::rate_limited, 2), ElementsAre(3600, 3600));
}

TEST(retry_policy, is_never_earlier_than_the_ca_asked_for) {
  for (const auto what :
       {failure_class::rate_limited, failure_class::server, failure_class::validation})
    for (const double random : {0.0, 0.5, 0.999}) {
      const auto plan = retry_policy().failed(failed_with(what, seconds(7200)), random);
      EXPECT_GE(plan.after, seconds(7200));
      EXPECT_LE(plan.after, seconds(7920));
    }
}

TEST(retry_policy, begins_anew_after_a_success_or_for_another_reason_and_survives_a_restart) {
  retry_policy policy;
  (void)policy.failed(failed_with(failure_class::validation), 0);
  (void)policy.failed(failed_with(failure_class::validation), 0);
  retry_policy restarted({}, policy.state());
  EXPECT_EQ(restarted.failed(failed_with(failure_class::validation), 0).after, seconds(6000));
  EXPECT_EQ(restarted.failed(failed_with(failure_class::server), 0).after, seconds(5));
  policy.succeeded();
  EXPECT_EQ(policy.failed(failed_with(failure_class::validation), 0).after, seconds(60));
}

TEST(retry_policy, parks_what_needs_a_person) {
  EXPECT_TRUE(retry_policy().failed(failed_with(failure_class::rejected), 0).parked);
  EXPECT_TRUE(retry_policy().failed(failed_with(failure_class::account), 0).parked);
  EXPECT_FALSE(retry_policy().failed(failed_with(failure_class::validation), 0).parked);
}

}  // namespace
}  // namespace stagedoor::acme
