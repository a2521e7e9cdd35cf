// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/balancer.hpp"

#include <gtest/gtest.h>
#include <map>

namespace stagedoor::http {
namespace {

std::shared_ptr<const service> made_service(std::vector<std::pair<std::string, unsigned>> servers) {
  auto s = std::make_shared<service>();
  s->name = "s@file";
  for (auto& [url, weight] : servers) s->servers.push_back({url, {}, {}, weight});
  return s;
}

std::string sequence(balancer& b, const std::shared_ptr<const service>& s, int count,
                     const down_servers* down = nullptr, std::uint64_t tried = 0) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const auto at = b.choose(s, down, tried);
    out += at ? s->servers[*at].url : "-";
  }
  return out;
}

TEST(balancer, spreads_weights_smoothly) {
  balancer b;
  EXPECT_EQ(sequence(b, made_service({{"a", 5}, {"b", 1}, {"c", 1}}), 14), "aabacaaaabacaa");
  balancer even;
  EXPECT_EQ(sequence(even, made_service({{"a", 1}, {"b", 1}}), 4), "abab");
}

TEST(balancer, gives_each_server_its_share_exactly) {
  balancer b;
  const auto s = made_service({{"a", 3}, {"b", 7}, {"c", 10}, {"d", 0}});
  std::map<char, int> count;
  for (const char c : sequence(b, s, 2000)) ++count[c];
  EXPECT_EQ(count['a'], 300);
  EXPECT_EQ(count['b'], 700);
  EXPECT_EQ(count['c'], 1000);
  EXPECT_EQ(count['d'], 0);
}

TEST(balancer, keeps_its_place_over_a_new_version) {
  balancer b;
  EXPECT_EQ(sequence(b, made_service({{"a", 1}, {"b", 1}, {"c", 1}}), 2), "ab");
  EXPECT_EQ(sequence(b, made_service({{"c", 1}, {"a", 1}, {"b", 1}, {"d", 1}}), 4), "cdab");
}

TEST(balancer, skips_servers_that_are_down_or_were_tried) {
  balancer b;
  const auto s = made_service({{"a", 1}, {"b", 1}, {"c", 1}});
  const down_servers down{{"s@file", "b"}, {"other@file", "a"}};
  EXPECT_EQ(sequence(b, s, 4, &down), "acac");
  EXPECT_EQ(sequence(b, s, 2, &down, 0b001), "cc");
  EXPECT_EQ(sequence(b, s, 1, &down, 0b101), "-");
  const auto one = made_service({{"b", 1}});
  EXPECT_EQ(sequence(b, one, 1, &down), "-");
  EXPECT_EQ(sequence(b, one, 1), "b");
}

TEST(balancer, has_nobody_without_servers_or_weights) {
  balancer b;
  EXPECT_EQ(sequence(b, made_service({}), 1), "-");
  EXPECT_EQ(sequence(b, made_service({{"a", 0}}), 1), "-");
  EXPECT_EQ(sequence(b, made_service({{"a", 0}, {"b", 0}}), 1), "-");
}

}  // namespace
}  // namespace stagedoor::http
