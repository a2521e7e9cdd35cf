// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/headers.hpp"

#include "tests/http/policy_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace stagedoor::http {
namespace {

using testing::MatchesRegex;

class headers_middleware : public testing::Test {
 protected:
  static middleware_ptr made(headers_options options) {
    auto m = headers::make("secure-headers@file", std::move(options));
    EXPECT_TRUE(m) << (m ? "" : m.error().detail);
    return *m;
  }
  /// The value of a response field after a 200 from upstream.
  std::string answered(headers_options options, const fake_request& request, std::string_view name,
                       std::vector<header> upstream = {}) {
    fake_exchange e(request, state_, {made(std::move(options))});
    EXPECT_EQ(e.run(), verdict::proceed);
    e.respond(200, std::move(upstream));
    return e.sent_back(name);
  }
  middleware_state state_;
  fake_request plain_{"http://team-a.example/"};
  fake_request secure_{"https://team-a.example/"};
};

headers_options seed_options() {
  headers_options o;
  o.frame_deny = true;
  o.content_type_nosniff = true;
  o.browser_xss_filter = true;
  o.sts_include_subdomains = true;
  o.sts_seconds = 31536000;
  return o;
}

TEST_F(headers_middleware, sends_the_seeds_fields_exactly) {
  EXPECT_EQ(answered(seed_options(), secure_, "X-Frame-Options"), "DENY");
  EXPECT_EQ(answered(seed_options(), secure_, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answered(seed_options(), secure_, "X-XSS-Protection"), "1; mode=block");
  EXPECT_EQ(answered(seed_options(), secure_, "Strict-Transport-Security"),
            "max-age=31536000; includeSubDomains");
}

TEST_F(headers_middleware, says_sts_over_tls_only) {
  EXPECT_EQ(answered(seed_options(), plain_, "Strict-Transport-Security"), "");
  EXPECT_EQ(answered(seed_options(), plain_, "X-Frame-Options"), "DENY");
  fake_request behind("http://team-a.example/", {{"X-Forwarded-Proto", "https"}});
  EXPECT_EQ(answered(seed_options(), behind, "Strict-Transport-Security"), "");

  auto proxied = seed_options();
  proxied.ssl_proxy_headers = {{"X-Forwarded-Proto", "https"}};
  EXPECT_EQ(answered(proxied, behind, "Strict-Transport-Security"),
            "max-age=31536000; includeSubDomains");
  EXPECT_EQ(answered(proxied, plain_, "Strict-Transport-Security"), "");

  auto forced = seed_options();
  forced.force_sts = true;
  forced.sts_preload = true;
  EXPECT_EQ(answered(forced, plain_, "Strict-Transport-Security"),
            "max-age=31536000; includeSubDomains; preload");
  forced.is_development = true;
  EXPECT_EQ(answered(forced, secure_, "Strict-Transport-Security"), "");
}

TEST_F(headers_middleware, replaces_what_the_upstream_said) {
  EXPECT_EQ(answered(seed_options(), secure_, "X-Frame-Options",
                     {{"x-frame-options", "SAMEORIGIN"}, {"X-Frame-Options", "ALLOW"}}),
            "DENY");
}

TEST_F(headers_middleware, lets_custom_values_win) {
  headers_options o = seed_options();
  o.custom_frame_options = "SAMEORIGIN";
  o.custom_browser_xss = "0";
  o.referrer_policy = "no-referrer";
  o.permissions_policy = "camera=()";
  EXPECT_EQ(answered(o, plain_, "X-Frame-Options"), "SAMEORIGIN");
  EXPECT_EQ(answered(o, plain_, "X-XSS-Protection"), "0");
  EXPECT_EQ(answered(o, plain_, "Referrer-Policy"), "no-referrer");
  EXPECT_EQ(answered(o, plain_, "Permissions-Policy"), "camera=()");
  o.custom_response = {{"X-Frame-Options", ""}, {"X-Powered-By", "stage"}, {"Server", ""}};
  EXPECT_EQ(answered(o, plain_, "X-Frame-Options"), "");
  EXPECT_EQ(answered(o, plain_, "X-Powered-By", {{"X-Powered-By", "php"}}), "stage");
  EXPECT_EQ(answered(o, plain_, "Server", {{"Server", "nginx"}}), "");
}

TEST_F(headers_middleware, makes_a_fresh_nonce_for_each_response) {
  headers_options o;
  o.content_security_policy = "script-src $NONCE; style-src $NONCE";
  std::set<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    const auto value = answered(o, plain_, "Content-Security-Policy");
    EXPECT_THAT(value, MatchesRegex("script-src 'nonce-[A-Za-z0-9+/]+=='; style-src 'nonce-.*'"));
    EXPECT_EQ(value.size(), std::string("script-src ; style-src ").size() + 64U);
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST_F(headers_middleware, edits_request_fields) {
  headers_options o;
  o.custom_request = {
      {"X-Team", "a"}, {"X-Secret", ""}, {"Host", "inner.example"}, {"X-Forwarded-For", ""}};
  fake_request request("http://team-a.example/", {{"x-team", "b"}, {"X-Secret", "s"}});
  fake_exchange e(request, state_, {made(o)});
  ASSERT_EQ(e.run(), verdict::proceed);
  EXPECT_EQ(e.sent_on("X-Team"), "a");
  EXPECT_EQ(e.sent_on("X-Secret"), "");
  EXPECT_EQ(e.x.edits.authority, "inner.example");
  EXPECT_FALSE(e.x.edits.append_forwarded_for);
}

TEST_F(headers_middleware, refuses_hosts_that_are_not_allowed) {
  headers_options o;
  o.allowed_hosts = {"team-a.example", "b.example:8080"};
  const auto status_of = [&](const fake_request& r) {
    fake_exchange e(r, state_, {made(o)});
    if (e.run() == verdict::proceed) return std::string("passed");
    return std::to_string(e.x.answer.status) + " " + std::string(e.x.answer.body);
  };
  EXPECT_EQ(status_of(fake_request("http://TEAM-A.example/")), "passed");
  EXPECT_EQ(status_of(fake_request("http://b.example:8080/")), "passed");
  EXPECT_EQ(status_of(fake_request("http://b.example/")), "500 Bad Host\n");
  o.hosts_proxy_headers = {"X-Forwarded-Host"};
  EXPECT_EQ(status_of(fake_request("http://x/", {{"X-Forwarded-Host", "team-a.example"}})),
            "passed");
  o.is_development = true;
  EXPECT_EQ(status_of(fake_request("http://x/")), "passed");
}

headers_options cors_options() {
  headers_options o;
  o.allow_origins = {"https://a.example"};
  o.allow_origin_regexps = {"^https://[a-z]+\\.b\\.example$"};
  o.allow_methods = {"GET", "PUT"};
  o.allow_headers = {"X-A", "X-B"};
  o.expose_headers = {"X-C"};
  o.max_age = 100;
  o.add_vary = true;
  return o;
}

fake_request* preflight_from(const char* origin) {
  return new fake_request("https://team-a.example/",
                          {{"Origin", origin}, {"Access-Control-Request-Method", "PUT"}},
                          "OPTIONS");
}

TEST_F(headers_middleware, answers_a_preflight_itself) {
  const std::unique_ptr<fake_request> request(preflight_from("https://x.b.example"));
  fake_exchange e(*request, state_, {made(cors_options())});
  ASSERT_EQ(e.run(), verdict::respond);
  EXPECT_EQ(e.x.answer.status, 200);
  EXPECT_EQ(e.x.answer.body, "");
  EXPECT_EQ(e.answer_field("Access-Control-Allow-Origin"), "https://x.b.example");
  EXPECT_EQ(e.answer_field("Access-Control-Allow-Methods"), "GET,PUT");
  EXPECT_EQ(e.answer_field("Access-Control-Allow-Headers"), "X-A,X-B");
  EXPECT_EQ(e.answer_field("Access-Control-Max-Age"), "100");
  EXPECT_EQ(e.answer_field("Access-Control-Allow-Credentials"), "");
}

TEST_F(headers_middleware, allows_no_origin_that_is_not_listed) {
  const std::unique_ptr<fake_request> request(preflight_from("https://evil.example"));
  fake_exchange e(*request, state_, {made(cors_options())});
  ASSERT_EQ(e.run(), verdict::respond);
  EXPECT_EQ(e.answer_field("Access-Control-Allow-Origin"), "");
  const fake_request evil("https://team-a.example/", {{"Origin", "https://xxb.example"}});
  EXPECT_EQ(answered(cors_options(), evil, "Access-Control-Allow-Origin"), "");
}

TEST_F(headers_middleware, says_cors_fields_on_ordinary_responses) {
  const fake_request from_a("https://team-a.example/", {{"Origin", "https://a.example"}});
  EXPECT_EQ(answered(cors_options(), from_a, "Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(answered(cors_options(), from_a, "Access-Control-Expose-Headers"), "X-C");
  EXPECT_EQ(answered(cors_options(), from_a, "Vary"), "Origin");
  EXPECT_EQ(answered(cors_options(), from_a, "Vary", {{"Vary", "Accept"}}), "Accept,Origin");
  auto any = cors_options();
  any.allow_origins = {"*"};
  EXPECT_EQ(answered(any, from_a, "Access-Control-Allow-Origin"), "*");
  any.allow_credentials = true;
  EXPECT_EQ(answered(any, from_a, "Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(answered(any, from_a, "Access-Control-Allow-Credentials"), "true");
}

TEST_F(headers_middleware, refuses_fields_that_would_split_the_head) {
  headers_options o;
  o.custom_response = {{"X-A", "1\r\nX-B: 2"}};
  EXPECT_FALSE(headers::make("h@file", o));
  o.custom_response = {{"X A", "1"}};
  EXPECT_FALSE(headers::make("h@file", o));
  headers_options policy;
  policy.referrer_policy = "a\nb";
  EXPECT_FALSE(headers::make("h@file", policy));
  headers_options pattern;
  pattern.allow_origin_regexps = {"("};
  EXPECT_FALSE(headers::make("h@file", pattern));
}

}  // namespace
}  // namespace stagedoor::http
