// SPDX-License-Identifier: Apache-2.0
// Orders against a CA that misbehaves, in virtual time.
#include "runtime/acme/order_state.hpp"

#include "tests/acme/fake_ca.hpp"

#include <gmock/gmock.h>

namespace stagedoor::acme {
namespace {

using test::fake_ca;
using test::fake_run;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

order_options for_names(std::vector<std::string> names) {
  order_options o;
  o.names = std::move(names);
  return o;
}

client::response plain(unsigned status, std::string body,
                       std::vector<client::header> headers = {}) {
  return {status, std::move(headers), std::move(body)};
}

std::string why(const fake_run& r) { return r.failed ? to_string(r.failed->why.why) : "completed"; }

TEST(order_state, takes_the_fewest_requests_that_the_protocol_allows) {
  fake_ca ca;
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.completed) << why(r);
  std::vector<std::string> paths;
  for (const auto& s : ca.log) paths.push_back(s.path);
  EXPECT_THAT(paths, ElementsAre("/dir", "/nonce", "/account", "/order", "/a/0", "/c/0", "/a/0",
                                 "/o/1", "/f/1", "/o/1", "/cert/1"));
  EXPECT_THAT(r.created, ElementsAre("https://ca.test/o/1"));
  ca.log.clear();
  r.run(for_names({"b.test"}));
  ASSERT_TRUE(r.completed) << why(r);
  EXPECT_EQ(ca.log.front().path, "/order") << "directory, nonce and account are there already";
}

TEST(order_state, publishes_what_rfc_8555_says_and_waits_for_the_owner) {
  fake_ca ca;
  fake_run r(ca);
  auto options = for_names({"*.a.test", "a.test"});
  options.challenges = {challenge_type::dns_01, challenge_type::http_01};
  r.run(options);
  ASSERT_TRUE(r.completed) << why(r);
  ASSERT_EQ(r.published.size(), 2U);
  EXPECT_EQ(r.published[0].type, challenge_type::dns_01);
  EXPECT_EQ(r.published[0].key_authorization, r.published[0].token + "." + r.account.thumbprint());
  EXPECT_EQ(r.withdrawn.size(), 2U);
}

TEST(order_state, does_not_trigger_before_the_owner_confirms_and_gives_up_at_the_deadline) {
  fake_ca ca;
  fake_run r(ca);
  r.confirm = false;
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.failed);
  EXPECT_EQ(r.failed->why.why.kind, fault_kind::timed_out);
  EXPECT_EQ(ca.count("/c/0"), 0U);
  EXPECT_EQ(r.now - r.begin, order_options().publish_deadline);
  EXPECT_EQ(r.withdrawn.size(), 1U);
}

TEST(order_state, fails_when_the_owner_cannot_publish) {
  fake_ca ca;
  fake_run r(ca);
  r.publish_fault = fault{fault_kind::unreachable, fault_side::self, retryable::yes, "no loop"};
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.failed);
  EXPECT_EQ(r.failed->why.why.detail, "no loop");
  EXPECT_FALSE(r.failed->url_is_dead);
}

TEST(order_state, polls_as_the_ca_asks) {
  fake_ca ca;
  ca.checks_before_valid = 3;
  ca.polls_before_issued = 2;
  ca.poll_header = "7";
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.completed) << why(r);
  EXPECT_EQ(r.now - r.begin, seconds(7 * 3 + 7 * 3));
}

TEST(order_state, polls_by_itself_soon_and_then_more_slowly) {
  fake_ca ca;
  ca.checks_before_valid = 40;
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.completed) << why(r);
  auto times = ca.times("/a/0");
  times.erase(times.begin());  // before the challenge
  EXPECT_EQ(times.at(1) - times.at(0), milliseconds(50));
  EXPECT_EQ(times.at(2) - times.at(1), milliseconds(75));
  EXPECT_EQ(times.at(40) - times.at(39), seconds(5));
}

TEST(order_state, gives_up_in_the_end_and_takes_its_challenges_back) {
  fake_ca ca;
  ca.checks_before_valid = 1'000'000;
  fake_run r(ca);
  r.run(for_names({"a.test", "b.test"}));
  ASSERT_TRUE(r.failed);
  EXPECT_EQ(r.failed->why.why.kind, fault_kind::timed_out);
  EXPECT_EQ(r.now - r.begin, order_options().give_up_after);
  EXPECT_EQ(r.withdrawn.size(), 2U);
  EXPECT_LT(ca.log.size(), 500U) << "nor does it hammer the CA meanwhile";
}

struct trouble {
  const char* claim;
  std::string path;
  result<client::response> said;
  failure_class expected;
  std::optional<seconds> retry_after;
};

TEST(order_state, tells_what_kind_of_failure_it_was) {
  const fault gone{fault_kind::closed, fault_side::upstream, retryable::yes, "closed"};
  const fault huge{fault_kind::too_large, fault_side::upstream, retryable::no, "too large"};
  const trouble table[] = {
      {"a limit on orders", "/order",
       fake_ca::problem(429, "rateLimited", "too many", {{"Retry-After", "120"}}),
       failure_class::rate_limited, seconds(120)},
      {"a limit without a type",
       "/order",
       plain(429, "slow down"),
       failure_class::rate_limited,
       {}},
      {"a limit on accounts", "/account",
       fake_ca::problem(429, "rateLimited", "x", {{"Retry-After", "9"}}),
       failure_class::rate_limited, seconds(9)},
      {"a name not allowed",
       "/order",
       fake_ca::problem(400, "rejectedIdentifier", "no"),
       failure_class::rejected,
       {}},
      {"CAA",
       "/f/1",
       fake_ca::problem(403, "caa", "forbidden by CAA"),
       failure_class::rejected,
       {}},
      {"an account that was closed",
       "/order",
       fake_ca::problem(403, "unauthorized", "deactivated"),
       failure_class::account,
       {}},
      {"terms to agree to",
       "/account",
       fake_ca::problem(403, "userActionRequired", "terms"),
       failure_class::account,
       {}},
      {"an order that is not there",
       "/o/1",
       fake_ca::problem(404, "malformed", "gone"),
       failure_class::order,
       {}},
      {"an outage",
       "/order",
       fake_ca::problem(503, "serverInternal", "down"),
       failure_class::server,
       {}},
      {"an outage with a date", "/order", plain(503, "", {{"Retry-After", "3600"}}),
       failure_class::server, seconds(3600)},
      {"a broken connection", "/order", gone, failure_class::server, {}},
      {"a huge answer", "/order", huge, failure_class::server, {}},
      {"a directory that is HTML", "/dir", plain(200, "<html>"), failure_class::server, {}},
      {"a directory without newOrder",
       "/dir",
       plain(200, R"({"newNonce":"https://ca.test/nonce"})"),
       failure_class::server,
       {}},
      {"no nonce", "/dir", plain(500, ""), failure_class::server, {}},
      {"an account without URL", "/account", plain(201, "{}"), failure_class::server, {}},
      {"an order that is no JSON",
       "/order",
       plain(201, "{", {{"Location", "https://ca.test/o/1"}}),
       failure_class::server,
       {}},
      {"an order without URL",
       "/order",
       plain(201, R"({"status":"pending","finalize":"https://ca.test/f/1","authorizations":[]})"),
       failure_class::server,
       {}},
      {"an order without finalize",
       "/order",
       plain(201, R"({"status":"pending"})"),
       failure_class::server,
       {}},
      {"an authorization that is a list", "/a/0", plain(200, "[]"), failure_class::server, {}},
      {"an authorization that has expired",
       "/a/0",
       plain(200, R"({"status":"expired","identifier":{"value":"a.test"},"challenges":[]})"),
       failure_class::order,
       {}},
      {"an order that turned invalid",
       "/o/1",
       plain(
           200,
           R"({"status":"invalid","finalize":"https://ca.test/f/1","error":{"type":"urn:ietf:params:acme:error:dns","detail":"nx"}})"),
       failure_class::validation,
       {}},
      {"a certificate that is none", "/cert/1", plain(200, "hello"), failure_class::server, {}},
      {"a redirect",
       "/order",
       plain(302, "", {{"Location", "https://elsewhere.test/"}}),
       failure_class::server,
       {}},
  };
  for (const auto& row : table) {
    fake_ca ca;
    ca.always_say(row.path, row.said);
    fake_run r(ca);
    r.run(for_names({"a.test"}));
    ASSERT_TRUE(r.failed) << row.claim;
    EXPECT_EQ(r.failed->why.what, row.expected) << row.claim << ": " << why(r);
    EXPECT_EQ(r.failed->why.retry_after, row.retry_after) << row.claim;
    EXPECT_EQ(r.published.size(), r.withdrawn.size()) << row.claim;
    EXPECT_LE(ca.log.size(), 20U) << row.claim;
  }
}

TEST(order_state, survives_trouble_that_passes) {
  const std::pair<const char*, result<client::response>> table[] = {
      {"an outage", fake_ca::problem(503, "serverInternal", "down")},
      {"an outage with a short wait", plain(503, "", {{"Retry-After", "5"}})},
      {"a broken connection", fault{fault_kind::closed, fault_side::upstream, retryable::yes, "x"}},
      {"a nonce that was used", fake_ca::problem(400, "badNonce", "again")},
  };
  for (const auto& [claim, said] : table)
    for (const auto* path :
         {"/dir", "/nonce", "/account", "/order", "/a/0", "/c/0", "/o/1", "/f/1", "/cert/1"}) {
      fake_ca ca;
      ca.say(path, said);
      fake_run r(ca);
      r.run(for_names({"a.test"}));
      EXPECT_TRUE(r.completed) << claim << " at " << path << ": " << why(r);
      EXPECT_LE(r.now - r.begin, seconds(6)) << claim << " at " << path;
    }
}

TEST(order_state, a_refused_nonce_costs_one_request_and_no_time) {
  fake_ca ca;
  for (int i = 0; i < 5; ++i) ca.say("/order", fake_ca::problem(400, "badNonce", "again"));
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.completed) << why(r);
  EXPECT_EQ(ca.count("/nonce"), 1U);
  EXPECT_EQ(ca.count("/order"), 6U);
  EXPECT_EQ(ca.times("/order").front(), ca.times("/order").back());
}

TEST(order_state, nonces_are_not_refused_for_ever) {
  fake_ca ca;
  ca.always_say("/order", fake_ca::problem(400, "badNonce", "again"));
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.failed);
  EXPECT_EQ(ca.count("/order"), ca_options().nonce_tries);
}

TEST(order_state, an_outage_is_asked_three_times_with_growing_pauses) {
  fake_ca ca;
  ca.always_say("/order", fake_ca::problem(500, "serverInternal", "down"));
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.failed);
  const auto times = ca.times("/order");
  ASSERT_EQ(times.size(), 3U);
  EXPECT_EQ(times[1] - times[0], milliseconds(250));
  EXPECT_EQ(times[2] - times[1], milliseconds(500));
}

TEST(order_state, a_challenge_that_fails_brings_the_cas_words_and_its_class) {
  fake_ca ca;
  ca.invalid_error =
      R"({"type":"urn:ietf:params:acme:error:dns","detail":"no A record for a.test","status":400})";
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.failed);
  EXPECT_EQ(r.failed->why.what, failure_class::validation);
  EXPECT_THAT(r.failed->why.why.detail, HasSubstr("no A record for a.test"));
  EXPECT_TRUE(r.failed->url_is_dead);
}

TEST(order_state, publishes_nothing_the_ca_should_not_have_asked_for) {
  fake_ca ca;
  ca.offered = {"dns-01", "carrier-pigeon-01"};
  fake_run only_dns(ca);
  only_dns.run(for_names({"a.test"}));
  ASSERT_TRUE(only_dns.failed);
  EXPECT_EQ(only_dns.failed->why.what, failure_class::rejected);
  EXPECT_THAT(only_dns.failed->why.why.detail, HasSubstr("dns-01, carrier-pigeon-01"));
  for (const auto* bad : {"../../etc/passwd-long-enough", "short", "has blank has blank has blank",
                          "line\r\nline\r\nline\r\nline"}) {
    fake_ca evil;
    evil.token = bad;
    if (std::string_view(bad) == "short") evil.token = "s";
    fake_run r(evil);
    r.run(for_names({"a.test"}));
    ASSERT_TRUE(r.failed) << bad;
    EXPECT_TRUE(r.published.empty()) << bad;
  }
}

TEST(order_state, does_not_follow_a_ca_out_of_tls) {
  fake_ca ca;
  ca.say(
      "/order",
      plain(
          201,
          R"({"status":"pending","finalize":"http://ca.test/f/1","authorizations":["http://ca.test/a/0"]})",
          {{"Location", "https://ca.test/o/1"}}));
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.failed);
  EXPECT_EQ(ca.log.back().path, "/order");
}

TEST(order_state, refuses_a_certificate_for_another_key_or_other_names) {
  fake_ca ca;
  ca.issue_for_another_key = true;
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.failed);
  EXPECT_EQ(r.failed->why.what, failure_class::order);
  EXPECT_TRUE(r.failed->url_is_dead);
  fake_ca other;
  other.issue_for_another_name = true;
  fake_run named(other);
  named.run(for_names({"a.test"}));
  ASSERT_TRUE(named.failed);
  EXPECT_THAT(named.failed->why.why.detail, HasSubstr("other.test"));
}

TEST(order_state, finalizes_again_when_it_was_too_early) {
  fake_ca ca;
  ca.say("/f/1", fake_ca::problem(403, "orderNotReady", "wait"));
  fake_run r(ca);
  r.run(for_names({"a.test"}));
  ASSERT_TRUE(r.completed) << why(r);
  EXPECT_EQ(ca.count("/f/1"), 2U);
}

TEST(order_state, renews_without_replaces_when_the_ca_has_replaced_already) {
  fake_ca ca;
  ca.say("/order", fake_ca::problem(409, "alreadyReplaced", "done"));
  fake_run r(ca);
  auto options = for_names({"a.test"});
  options.replaces = "aki.serial";
  options.profile = "shortlived";
  r.run(options);
  ASSERT_TRUE(r.completed) << why(r);
  std::vector<std::string> payloads;
  for (const auto& s : ca.log)
    if (s.path == "/order") payloads.push_back(s.payload);
  ASSERT_EQ(payloads.size(), 2U);
  EXPECT_THAT(payloads[0], HasSubstr("\"replaces\":\"aki.serial\""));
  EXPECT_THAT(payloads[0], HasSubstr("\"profile\":\"shortlived\""));
  EXPECT_THAT(payloads[1], Not(HasSubstr("replaces")));
}

TEST(order_state, an_order_that_expired_meanwhile_is_made_again_once) {
  fake_ca ca;
  fake_run r(ca);
  auto options = for_names({"a.test"});
  options.order_url = "https://ca.test/o/old";
  r.run(options);
  ASSERT_TRUE(r.completed) << why(r);
  EXPECT_EQ(ca.count("/o/old"), 1U);
  EXPECT_EQ(ca.count("/order"), 1U);
  EXPECT_THAT(r.created, ElementsAre("https://ca.test/o/1"));
}

TEST(order_state, needs_one_to_a_hundred_names) {
  fake_ca ca;
  fake_run none(ca);
  none.run(for_names({}));
  EXPECT_TRUE(none.failed);
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= max_names; ++i) many.push_back("n" + std::to_string(i) + ".test");
  fake_run r(ca);
  r.run(for_names(many));
  ASSERT_TRUE(r.failed);
  EXPECT_TRUE(ca.log.empty());
  many.pop_back();
  fake_run fits(ca);
  fits.run(for_names(many));
  EXPECT_TRUE(fits.completed) << why(fits);
}

TEST(order_state, what_is_abandoned_withdraws_and_says_nothing_more) {
  const auto key = *private_key::create(key_type::ec256);
  order_state order(key, "print", for_names({"a.test"}));
  (void)order.start(mono_time{});
  EXPECT_TRUE(order.abandon().empty());
  EXPECT_TRUE(order.done());
  EXPECT_TRUE(order.answered(plain(200, "{}"), mono_time{}).empty());
  EXPECT_TRUE(order.tick(mono_time{seconds(9999)}).empty());
}

}  // namespace
}  // namespace stagedoor::acme
