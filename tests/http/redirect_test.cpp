// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/redirect.hpp"

#include "tests/http/policy_fixture.hpp"

#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

/// "301 https://a/" or "passed".
std::string outcome(const fake_request& request, const middleware_ptr& m) {
  middleware_state state;
  fake_exchange e(request, state, {m});
  if (e.run() == verdict::proceed) return "passed";
  return std::to_string(e.x.answer.status) + " " + e.answer_field("Location");
}

std::string by_scheme(const fake_request& request, redirect_scheme_options o) {
  return outcome(request, std::make_shared<redirect_scheme>("r@file", std::move(o)));
}

TEST(redirect_scheme_middleware, sends_to_the_scheme_and_port) {
  const redirect_scheme_options https{"https", "", true};
  EXPECT_EQ(by_scheme(fake_request("http://a.x/p?q=1"), https), "301 https://a.x/p?q=1");
  EXPECT_EQ(by_scheme(fake_request("http://a.x:80/"), https), "301 https://a.x/");
  EXPECT_EQ(by_scheme(fake_request("http://a.x:8080/"), https), "301 https://a.x/");
  EXPECT_EQ(by_scheme(fake_request("http://[::1]:8080/"), https), "301 https://[::1]/");
  EXPECT_EQ(by_scheme(fake_request("https://a.x/"), https), "passed");
  EXPECT_EQ(by_scheme(fake_request("https://a.x:443/"), https), "passed");
  EXPECT_EQ(by_scheme(fake_request("http://a.x/"), {"https", "443", true}), "301 https://a.x/");
  EXPECT_EQ(by_scheme(fake_request("http://a.x/"), {"https", "8443", true}),
            "301 https://a.x:8443/");
  EXPECT_EQ(by_scheme(fake_request("https://a.x:8443/"), {"https", "8443", true}), "passed");
  EXPECT_EQ(by_scheme(fake_request("http:///"), https), "passed");
}

TEST(redirect_scheme_middleware, keeps_the_method_where_it_matters) {
  EXPECT_EQ(by_scheme(fake_request("http://a/"), {"https", "", false}), "302 https://a/");
  EXPECT_EQ(by_scheme(fake_request("http://a/", {}, "POST"), {"https", "", false}),
            "307 https://a/");
  EXPECT_EQ(by_scheme(fake_request("http://a/", {}, "POST"), {"https", "", true}),
            "308 https://a/");
  EXPECT_EQ(by_scheme(fake_request("http://a/", {}, "HEAD"), {"https", "", true}),
            "308 https://a/");
}

TEST(redirect_scheme_middleware, believes_a_trusted_peer_about_the_scheme) {
  fake_request request("http://a/", {{"X-Forwarded-Proto", "https"}});
  EXPECT_EQ(by_scheme(request, {}), "302 https://a/");
  request.connection.trusted = true;
  EXPECT_EQ(by_scheme(request, {}), "passed");
  fake_request socket("https://a/", {{"Connection", "upgrade"}, {"Upgrade", "websocket"}});
  EXPECT_EQ(by_scheme(socket, {}), "passed");
}

std::string by_regex(const fake_request& request, std::string_view pattern,
                     std::string replacement) {
  return outcome(request,
                 std::make_shared<redirect_regex>("r@file", regexp::compile(pattern).value(),
                                                  std::move(replacement), false));
}

TEST(redirect_regex_middleware, expands_groups_as_go_does) {
  EXPECT_EQ(
      by_regex(fake_request("http://a.x/foo?b=1"), "^http://([a-z]+)\\.x/(.*)", "http://$2.y/${1}"),
      "302 http://foo?b=1.y/a");
  EXPECT_EQ(by_regex(fake_request("http://a.x/foo"), "^http://a.x/(?P<rest>.*)",
                     "http://b/${rest}/$rest"),
            "302 http://b/foo/foo");
  EXPECT_EQ(by_regex(fake_request("http://a.x/foo"), "foo", "$$1$1x"), "302 http://a.x/$1");
  EXPECT_EQ(by_regex(fake_request("http://a.x/foo"), "bar", "x"), "passed");
  EXPECT_EQ(by_regex(fake_request("http://a.x/foo"), "foo", "foo"), "passed");
  EXPECT_EQ(by_regex(fake_request("https://a.x:443/"), "^https://a.x/$", "https://b/"),
            "302 https://b/");
}

TEST(redirect_regex_middleware, lets_nothing_out_that_could_end_the_field) {
  EXPECT_EQ(by_regex(fake_request("http://a/x"), "x", "\r\nSet-Cookie: a=b <"),
            "302 http://a/%0D%0ASet-Cookie:%20a=b%20%3C");
}

struct replace_case {
  const char* pattern;
  const char* text;
  const char* replacement;
  const char* expected;
};

class go_replace : public testing::TestWithParam<replace_case> {};

TEST_P(go_replace, gives_what_ReplaceAllString_gives) {
  const auto& c = GetParam();
  EXPECT_EQ(regexp::compile(c.pattern).value().replace_all(c.text, c.replacement), c.expected);
}

// The expectations are those of Go's own test table for empty and adjacent matches.
INSTANTIATE_TEST_SUITE_P(
    all, go_replace,
    testing::Values(replace_case{"", "", "x", "x"}, replace_case{"", "abc", "X", "XaXbXcX"},
                    replace_case{"b", "abc", "", "ac"}, replace_case{"b*", "abc", "X", "XaXcX"},
                    replace_case{"a+", "banana", "(x)", "b(x)n(x)n(x)"},
                    replace_case{"[a-c]*", "abcabc", "x", "x"},
                    replace_case{"[a-c]*", "xabcxx", "y", "yxyxyxy"},
                    replace_case{"^", "ab", "x", "xab"}, replace_case{"$", "ab", "x", "abx"},
                    replace_case{"(a)(b)?", "a", "[$2|$1|$9|$x|${1]", "[|a|||${1]"},
                    replace_case{"a", "a", "$1x", ""}, replace_case{"(a)", "a", "${1}x", "ax"}));

}  // namespace
}  // namespace stagedoor::http
