// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/source.hpp"

#include "runtime/http/in_flight.hpp"
#include "runtime/http/ip_allow_list.hpp"
#include "tests/http/policy_fixture.hpp"

#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

std::vector<ip_range> ranges(std::initializer_list<std::string_view> texts) {
  std::vector<ip_range> out;
  for (const auto t : texts) out.push_back(ip_range::parse(t).value());
  return out;
}

class source : public testing::Test {
 protected:
  std::string ip(const ip_strategy& s, std::vector<header> headers, bool trusted = true,
                 std::string_view client = "192.0.2.7") {
    fake_request request("http://x/", std::move(headers), "GET", client);
    request.connection.trusted = trusted;
    fake_exchange e(request, state_, {});
    return std::string(source_ip(e.x, s));
  }
  middleware_state state_;
};

TEST_F(source, is_the_peer_unless_told_otherwise) {
  EXPECT_EQ(ip({}, {{"X-Forwarded-For", "10.0.0.1"}}), "192.0.2.7");
}

TEST_F(source, depth_counts_from_the_right_over_all_fields) {
  const std::vector<header> xff{{"X-Forwarded-For", "10.0.0.1, 11.0.0.1"},
                                {"x-forwarded-for", "12.0.0.1"}};
  EXPECT_EQ(ip({1, {}, 0}, xff), "12.0.0.1");
  EXPECT_EQ(ip({2, {}, 0}, xff), "11.0.0.1");
  EXPECT_EQ(ip({3, {}, 0}, xff), "10.0.0.1");
  EXPECT_EQ(ip({4, {}, 0}, xff), "");
  EXPECT_EQ(ip({1, {}, 0}, xff, false), "") << "an untrusted peer may not choose";
}

TEST_F(source, excluded_addresses_are_skipped_from_the_right) {
  const ip_strategy s{0, ranges({"12.0.0.0/8", "11.0.0.1"}), 0};
  EXPECT_EQ(ip(s, {{"X-Forwarded-For", "10.0.0.1,11.0.0.1,12.0.0.1"}}), "10.0.0.1");
  EXPECT_EQ(ip(s, {{"X-Forwarded-For", "12.0.0.1"}}), "");
}

TEST_F(source, ipv6_counts_by_its_subnet) {
  const ip_strategy s{0, {}, 64};
  EXPECT_EQ(ip(s, {}, false, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  EXPECT_EQ(ip(s, {}, false, "192.0.2.7"), "192.0.2.7");
}

TEST_F(source, header_and_host_are_taken_as_they_came) {
  const fake_request request("http://Team-A.example:8080/", {{"X-Key", "k"}});
  fake_exchange e(request, state_, {});
  EXPECT_EQ(source_of(e.x, {source_criterion::kind::host, {}, {}}), "Team-A.example:8080");
  EXPECT_EQ(source_of(e.x, {source_criterion::kind::header, {}, "x-key"}), "k");
  EXPECT_EQ(source_of(e.x, {source_criterion::kind::header, {}, "None"}), "");
}

TEST_F(source, a_long_value_is_cut_but_told_apart) {
  const fake_request one("http://x/", {{"K", std::string(5000, 'a') + "1"}});
  const fake_request two("http://x/", {{"K", std::string(5000, 'a') + "2"}});
  fake_exchange a(one, state_, {});
  fake_exchange b(two, state_, {});
  const source_criterion by{source_criterion::kind::header, {}, "K"};
  EXPECT_EQ(source_of(a.x, by).size(), max_source_bytes);
  EXPECT_NE(source_of(a.x, by), source_of(b.x, by));
}

TEST(in_flight_middleware, counts_requests_until_they_end) {
  middleware_state state;
  in_flight_options o;
  o.amount = 2;
  const auto m = std::make_shared<in_flight>("two@file", o);
  const fake_request request("http://a/");
  const fake_request other("http://b/");
  {
    fake_exchange first(request, state, {m});
    EXPECT_EQ(first.run(), verdict::proceed);
    {
      fake_exchange second(request, state, {m});
      EXPECT_EQ(second.run(), verdict::proceed);
      fake_exchange third(request, state, {m});
      ASSERT_EQ(third.run(), verdict::respond);
      EXPECT_EQ(third.x.answer.status, 429);
      fake_exchange elsewhere(other, state, {m});
      EXPECT_EQ(elsewhere.run(), verdict::proceed);
    }
    fake_exchange fourth(request, state, {m});
    EXPECT_EQ(fourth.run(), verdict::proceed);
  }
  EXPECT_TRUE(state.in_flight("two@file").by_source.empty());
}

TEST(in_flight_middleware, named_twice_in_a_chain_counts_twice) {
  middleware_state state;
  in_flight_options o;
  o.amount = 1;
  const auto m = std::make_shared<in_flight>("one@file", o);
  const fake_request request("http://a/");
  {
    fake_exchange e(request, state, {m, m});
    EXPECT_EQ(e.run(), verdict::respond);
  }
  EXPECT_TRUE(state.in_flight("one@file").by_source.empty());
}

TEST(ip_allow_list_middleware, lets_only_listed_addresses_in) {
  middleware_state state;
  const auto status_of = [&](const ip_allow_list_options& o, std::string_view client) {
    const fake_request request("http://x/", {}, "GET", client);
    fake_exchange e(request, state, {std::make_shared<ip_allow_list>("l@file", o)});
    return e.run() == verdict::proceed ? 0 : int{e.x.answer.status};
  };
  ip_allow_list_options o;
  o.allowed = ranges({"10.0.0.0/8", "2001:db8::/32"});
  EXPECT_EQ(status_of(o, "10.1.2.3"), 0);
  EXPECT_EQ(status_of(o, "::ffff:10.1.2.3"), 0);
  EXPECT_EQ(status_of(o, "2001:db8:1::1"), 0);
  EXPECT_EQ(status_of(o, "11.1.2.3"), 403);
  o.reject_status = 404;
  EXPECT_EQ(status_of(o, "11.1.2.3"), 404);
  o.strategy.depth = 1;
  EXPECT_EQ(status_of(o, "10.1.2.3"), 404) << "no X-Forwarded-For, no address";
}

}  // namespace
}  // namespace stagedoor::http
