// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/rule.hpp"

#include "tests/http/policy_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

rule parsed(std::string_view text) {
  auto r = rule::parse(text);
  EXPECT_TRUE(r) << text << ": " << (r ? "" : r.error().detail);
  return r.value_or(rule{});
}

bool matches(std::string_view text, const fake_request& request) {
  return parsed(text).matches(request.facts());
}

struct url_case {
  const char* rule;
  const char* url;
  bool expected;
};

class rule_and_url : public testing::TestWithParam<url_case> {};

TEST_P(rule_and_url, matches_as_traefik_does) {
  const auto& c = GetParam();
  EXPECT_EQ(matches(c.rule, fake_request(c.url)), c.expected) << c.rule << " on " << c.url;
}

INSTANTIATE_TEST_SUITE_P(
    host, rule_and_url,
    testing::Values(url_case{"Host(`a.example`)", "http://a.example/", true},
                    url_case{"Host(`A.Example`)", "http://a.example/", true},
                    url_case{"Host(`a.example`)", "http://A.EXAMPLE:8080/", true},
                    url_case{"Host(`a.example.`)", "http://a.example/", true},
                    url_case{"Host(`a.example`)", "http://a.example./", true},
                    url_case{"Host(`a.example:80`)", "http://a.example:80/", false},
                    url_case{"Host(`a.example`)", "http://b.a.example/", false},
                    url_case{"Host(`::1`)", "http://[::1]:8080/", true},
                    url_case{"Host(`*.example`)", "http://a.example/", true},
                    url_case{"Host(`*.example`)", "http://a.b.example/", false},
                    url_case{"Host(`*.example`)", "http://example/", false},
                    url_case{"Host(`*.example`)", "http://.example/", false},
                    url_case{"Host(`*`)", "http://whatever/", true},
                    url_case{"Host(`*`)", "http:///", true},
                    url_case{"!Host(`a.example`)", "http:///", true},
                    url_case{"HostRegexp(`^.+$`)", "http:///", false},
                    url_case{"HostRegexp(`^.+$`)", "http://a/", true},
                    url_case{"HostRegexp(`team-[a-z]+`)", "http://x.TEAM-A.example/", true},
                    url_case{"HostRegexp(`^team-[a-z]+$`)", "http://team-1/", false}));

INSTANTIATE_TEST_SUITE_P(
    path, rule_and_url,
    testing::Values(url_case{"Path(`/api`)", "http://a/api", true},
                    url_case{"Path(`/api`)", "http://a/api/", false},
                    url_case{"Path(`/api`)", "http://a/api?x=1", true},
                    url_case{"PathPrefix(`/foo`)", "http://a/foobar", true},
                    url_case{"PathPrefix(`/foo`)", "http://a/fo", false},
                    url_case{"PathPrefix(`/`)", "http://a/", true},
                    url_case{"PathRegexp(`\\.(png|jpg)$`)", "http://a/x/y.png", true},
                    url_case{"PathRegexp(`\\.(png|jpg)$`)", "http://a/x/y.png2", false},
                    url_case{"PathRegexp(\"^/v\\\\d+/\")", "http://a/v12/x", true}));

INSTANTIATE_TEST_SUITE_P(
    query, rule_and_url,
    testing::Values(url_case{"Query(`mobile`)", "http://a/?mobile", true},
                    url_case{"Query(`mobile`)", "http://a/?mobile=", true},
                    url_case{"Query(`mobile`)", "http://a/?mobile=1", false},
                    url_case{"Query(`a`, `1`)", "http://a/?a=0&a=1", true},
                    url_case{"Query(`a`, `1`)", "http://a/?b=1;a=1", true},
                    url_case{"Query(`a b`, `c d`)", "http://a/?a+b=c%20d", true},
                    url_case{"Query(`a`, `1`)", "http://a/?a=%zz&a=1", true},
                    url_case{"Query(`a`, `%zz`)", "http://a/?a=%zz", false},
                    url_case{"QueryRegexp(`a`, `^[0-9]+$`)", "http://a/?a=x&a=12", true},
                    url_case{"QueryRegexp(`a`, `^[0-9]+$`)", "http://a/?a=1x", false},
                    url_case{"QueryRegexp(`a`)", "http://a/?a", true},
                    url_case{"QueryRegexp(`a`)", "http://a/?a=1", false}));

INSTANTIATE_TEST_SUITE_P(
    grammar, rule_and_url,
    testing::Values(url_case{"Host(`a`) || Host(`b`) && Path(`/x`)", "http://a/y", true},
                    url_case{"(Host(`a`) || Host(`b`)) && Path(`/x`)", "http://a/y", false},
                    url_case{"!Host(`a`) && Path(`/x`)", "http://b/x", true},
                    url_case{"!(Host(`a`) && Path(`/x`))", "http://a/y", true},
                    url_case{"!!Host(`a`)", "http://a/", true},
                    url_case{"  host(`a`)\n&& PATHPREFIX(`/x`) && Pathprefix(`/x`) ", "http://a/xy",
                             true},
                    url_case{"Host(\"\\x61\\u0062\\143\")", "http://abc/", true},
                    url_case{"Method(`get`)", "http://a/", true},
                    url_case{"Method(`POST`)", "http://a/", false}));

TEST(rule, header_looks_at_every_value_under_the_name) {
  const fake_request request("http://a/", {{"x-api", "0"}, {"X-Api", "1"}});
  EXPECT_TRUE(matches("Header(`X-API`, `1`)", request));
  EXPECT_FALSE(matches("Header(`X-Api`, `2`)", request));
  EXPECT_TRUE(matches("HeaderRegexp(`X-Api`, `^[1-9]$`)", request));
  EXPECT_FALSE(matches("HeaderRegexp(`X-Api`, `^[2-9]$`)", request));
}

TEST(rule, client_ip_is_the_peer_and_never_a_header) {
  const fake_request request("http://a/", {{"X-Forwarded-For", "10.0.0.1"}}, "GET", "192.0.2.7");
  EXPECT_TRUE(matches("ClientIP(`192.0.2.7`)", request));
  EXPECT_TRUE(matches("ClientIP(`192.0.0.0/16`)", request));
  EXPECT_FALSE(matches("ClientIP(`10.0.0.0/8`)", request));
  EXPECT_FALSE(matches("ClientIP(`::/0`)", request));
  EXPECT_TRUE(matches("ClientIP(`2001:db8::/33`)",
                      fake_request("http://a/", {}, "GET", "2001:db8:7fff::1")));
  EXPECT_FALSE(matches("ClientIP(`2001:db8::/33`)",
                       fake_request("http://a/", {}, "GET", "2001:db8:8000::1")));
  EXPECT_TRUE(matches("ClientIP(`192.0.2.0/24`)",
                      fake_request("http://a/", {}, "GET", "::ffff:192.0.2.9")));
}

TEST(rule, a_long_query_value_is_decoded_whole) {
  const std::string value(1000, 'a');
  const fake_request request("http://a/?q=" + value + "%62");
  EXPECT_TRUE(matches("QueryRegexp(`q`, `^a{500}a{500}b$`)", request));
}

struct bad_case {
  const char* rule;
  fault_kind kind;
  const char* detail;  ///< the start
};

class bad_rule : public testing::TestWithParam<bad_case> {};

TEST_P(bad_rule, names_the_column_and_what_was_expected) {
  const auto r = rule::parse(GetParam().rule);
  ASSERT_FALSE(r) << GetParam().rule;
  EXPECT_EQ(r.error().kind, GetParam().kind);
  EXPECT_THAT(r.error().detail, StartsWith(GetParam().detail));
  EXPECT_EQ(r.error().side, fault_side::operator_input);
}

INSTANTIATE_TEST_SUITE_P(
    all, bad_rule,
    testing::Values(
        bad_case{"", fault_kind::malformed, "column 1: expected a matcher"},
        bad_case{"Host(example.com)", fault_kind::malformed,
                 "column 6: expected a literal in backticks or double quotes, got 'e'"},
        bad_case{"Host('example.com')", fault_kind::malformed, "column 6: expected a literal"},
        bad_case{"Host(`a`", fault_kind::malformed,
                 "column 9: expected ',' or ')', got the end of the rule"},
        bad_case{"Host(`a", fault_kind::malformed, "column 8: expected a closing backtick"},
        bad_case{"Host(\"a", fault_kind::malformed, "column 8: expected a closing double quote"},
        bad_case{"Host(\"\\q\")", fault_kind::malformed, "column 7: expected an escape"},
        bad_case{"Host(`a`) Path(`/`)", fault_kind::malformed,
                 "column 11: expected '&&', '||' or the end"},
        bad_case{"Host(`a`) && ", fault_kind::malformed, "column 14: expected a matcher"},
        bad_case{"Host(`a`) & Path(`/`)", fault_kind::malformed, "column 11: expected '&&'"},
        bad_case{"(Host(`a`)", fault_kind::malformed, "column 11: expected ')'"},
        bad_case{"pathPrefix(`/`)", fault_kind::invalid,
                 "column 1: expected a matcher (Host, HostRegexp"},
        bad_case{"HostSNI(`a`)", fault_kind::invalid, "column 1: expected a matcher ("},
        bad_case{"Host()", fault_kind::invalid, "column 1: expected 1 argument for Host, got 0"},
        bad_case{"Host(`a`, `b`)", fault_kind::invalid,
                 "column 1: expected 1 argument for Host, got 2"},
        bad_case{"Header(`a`)", fault_kind::invalid,
                 "column 1: expected 2 arguments for Header, got 1"},
        bad_case{"Query(`a`,`b`,`c`)", fault_kind::invalid, "column 1: expected 1 or 2 arguments"},
        bad_case{"Host(``)", fault_kind::invalid,
                 "column 6: expected a value, got an empty literal"},
        bad_case{"Path(`api`)", fault_kind::invalid,
                 "column 1: expected a path that starts with '/'"},
        bad_case{"Host(`a`) && PathPrefix(`api`)", fault_kind::invalid,
                 "column 14: expected a path"},
        bad_case{"Host(`m\xc3\xbcller`)", fault_kind::invalid, "column 1: expected ASCII"},
        bad_case{"HostRegexp(`m\xc3\xbcller`)", fault_kind::invalid, "column 1: expected ASCII"},
        bad_case{"PathRegexp(`(`)", fault_kind::invalid, "column 1: expected a regular expression"},
        bad_case{"ClientIP(`1.2.3`)", fault_kind::invalid,
                 "column 1: expected an IP address or CIDR"},
        bad_case{"ClientIP(`1.2.3.4/33`)", fault_kind::invalid,
                 "column 1: expected an IP address"}));

TEST(rule, refuses_what_is_too_large) {
  std::string nested(max_rule_depth + 1, '(');
  nested += "Host(`a`)" + std::string(max_rule_depth + 1, ')');
  ASSERT_FALSE(rule::parse(nested));
  EXPECT_EQ(rule::parse(nested).error().kind, fault_kind::too_large);
  EXPECT_EQ(rule::parse(std::string(200, '!') + "Host(`a`)").error().kind, fault_kind::too_large);
  std::string many = "Host(`a`)";
  for (std::size_t i = 0; i < max_rule_matchers; ++i) many += "||Host(`a`)";
  EXPECT_EQ(rule::parse(many).error().kind, fault_kind::too_large);
  EXPECT_EQ(rule::parse(std::string(max_rule_bytes + 1, ' ')).error().kind, fault_kind::too_large);
}

TEST(rule, priority_is_its_length_in_bytes) {
  EXPECT_EQ(parsed("Host(`a`)").default_priority(), 9);
  EXPECT_EQ(parsed("Path(`/\xc3\xbc`)").default_priority(), 11);
}

TEST(rule, hosts_are_all_host_values_even_negated_ones) {
  EXPECT_THAT(parsed("Host(`A`) && !(Host(`b`) || Path(`/`)) || Host(`*.c`) || Host(`a`)").hosts(),
              ElementsAre("a", "b", "*.c"));
  EXPECT_THAT(parsed("HostRegexp(`a`) || Host(`*`)").hosts(), IsEmpty());
}

TEST(rule, is_listed_under_the_hosts_that_every_match_needs) {
  const auto sites = [](std::string_view text) { return parsed(text).sites(); };
  EXPECT_THAT(sites("Host(`a`)"), ElementsAre("a"));
  EXPECT_THAT(sites("Host(`a`) && PathPrefix(`/api`)"), ElementsAre("a"));
  EXPECT_THAT(sites("(Host(`a`) || Host(`*.b`)) && Path(`/`)"), UnorderedElementsAre("a", "*.b"));
  EXPECT_THAT(sites("Host(`a`) || Path(`/`)"), ElementsAre(""));
  EXPECT_THAT(sites("!Host(`a`)"), ElementsAre(""));
  EXPECT_THAT(sites("!(!Host(`a`) || !Path(`/`))"), ElementsAre("a"));
  EXPECT_THAT(sites("!(!Host(`a`) && !Host(`b`))"), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(sites("Host(`*`)"), ElementsAre(""));
  EXPECT_THAT(sites("HostRegexp(`^a$`)"), ElementsAre(""));
  EXPECT_THAT(rule{}.sites(), IsEmpty());
}

TEST(rule, the_empty_rule_matches_nothing) {
  const fake_request request("http://a/");
  EXPECT_FALSE(rule{}.matches(request.facts()));
  EXPECT_EQ(rule{}.text(), "");
}

}  // namespace
}  // namespace stagedoor::http
