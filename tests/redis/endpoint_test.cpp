// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/endpoint.hpp"

#include <gtest/gtest.h>

namespace stagedoor::redis {
namespace {

endpoint at(std::string host, std::uint16_t port) {
  endpoint e;
  e.hosts = {{std::move(host), port}};
  return e;
}

TEST(endpoint, reads_what_operators_write) {
  auto full = at("redis.example", 6380);
  full.user = "u";
  full.password = "p@:/ss";
  full.database = 3;
  auto password_only = at("127.0.0.1", 6379);
  password_only.password = "secret";
  auto tls = at("h", 6379);
  tls.security = transport::tls;
  endpoint sentinels;
  sentinels.hosts = {{"s1", 26379}, {"10.0.0.2", 26380}, {"::1", 26379}};
  sentinels.master = "mymaster";
  sentinels.password = "pw";
  sentinels.sentinel_password = "sp w";
  sentinels.database = 1;

  const std::vector<std::pair<std::string, endpoint>> expected{
      {"redis://127.0.0.1", at("127.0.0.1", 6379)},
      {"REDIS://127.0.0.1/", at("127.0.0.1", 6379)},
      {"redis://[::1]:7000/0", at("::1", 7000)},
      {"redis://[::1]", at("::1", 6379)},
      {"redis://u:p%40%3a%2Fss@redis.example:6380/3", full},
      {"redis://:secret@127.0.0.1:6379", password_only},
      {"rediss://h", tls},
      {"redis+sentinel://:pw@s1,10.0.0.2:26380,[::1]/mymaster/1?sentinel-password=sp%20w",
       sentinels},
  };
  for (const auto& [url, e] : expected) {
    const auto parsed = endpoint::parse(url);
    ASSERT_TRUE(parsed) << url << ": " << parsed.error().detail;
    EXPECT_EQ(*parsed, e) << url;
  }
}

TEST(endpoint, refuses_everything_else_with_one_sentence) {
  for (const std::string url : {"",
                                "127.0.0.1:6379",
                                "http://h",
                                "redis://",
                                "redis://:1",
                                "redis://h:0",
                                "redis://h:65536",
                                "redis://h:x",
                                "redis://h:",
                                "redis://h/x",
                                "redis://h/-1",
                                "redis://h/99999999999",
                                "redis://[::1",
                                "redis://[::1]x",
                                "redis://a,b",
                                "redis://user@h",
                                "redis://:%zz@h",
                                "redis://:%4@h",
                                "redis://h /0",
                                "redis://h\n",
                                "redis://h?x=1",
                                "redis+sentinel://h",
                                "redis+sentinel://h/",
                                "redis+sentinel://h/m/x",
                                "redis+sentinel://h/m?sentinel-password",
                                "redis+sentinel://h,/m",
                                "redis+sentinel://h/m?user=x"}) {
    const auto parsed = endpoint::parse(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().kind, fault_kind::invalid) << url;
    EXPECT_EQ(parsed.error().side, fault_side::operator_input) << url;
    EXPECT_FALSE(parsed.error().detail.empty()) << url;
  }
  EXPECT_EQ(endpoint::parse("redis://" + std::string(5000, 'h')).error().kind,
            fault_kind::too_large);
}

TEST(endpoint, never_shows_a_secret) {
  const auto parsed = endpoint::parse("redis://user:hunter2@h:1/2");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->to_string(), "redis://h:1/2");
  const auto wrong = endpoint::parse("redis://user:hunter2@h:99999/2");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().detail.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace stagedoor::redis
