// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_spec_json.hpp"

#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

constexpr const char* domain = "kanban.domain";

TEST(team_spec_json, reads_the_payload_of_the_contract) {
  const auto spec = parse_team_spec(
      R"({"slug":"team-a","api":["http://127.0.0.1:9001"],"web":["http://127.0.0.1:9002"]})",
      domain);
  ASSERT_TRUE(spec) << to_string(spec.error());
  EXPECT_EQ(spec->host, "team-a.kanban.domain");
  EXPECT_EQ(spec->api, std::vector<std::string>{"http://127.0.0.1:9001"});
}

TEST(team_spec_json, what_is_stored_reads_back_the_same) {
  const auto spec = parse_team_spec(
      R"({"slug":"a","web":["http://[::1]:1","http://portal_web"],"middlewares":["x@file"],
          "health":{"path":"/h","interval_ms":500}})",
      domain);
  ASSERT_TRUE(spec) << to_string(spec.error());
  const auto again = parse_team_spec(to_json(*spec), domain);
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(*spec));
  EXPECT_EQ(again->health.interval_ms, 500U);
}

TEST(team_spec_json, each_defect_is_named) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"{", "payload: expected JSON"},
      {"[]", "payload: expected a JSON object"},
      {R"({"web":["http://a"]})", "slug: missing"},
      {R"({"slug":7})", "slug: expected a string"},
      {R"({"slug":"Team","web":["http://a"]})", "lower-case"},
      {R"({"slug":"-a","web":["http://a"]})", "inner hyphens"},
      {R"({"slug":"a.b","web":["http://a"]})", "inner hyphens"},
      {R"({"slug":"a"})", "at least one server"},
      {R"({"slug":"a","web":"http://a"})", "web: expected a list of strings"},
      {R"({"slug":"a","web":["ftp://a"]})", "web: expected http://host:port"},
      {R"({"slug":"a","web":["http://a:0"]})", "web: expected http://host:port"},
      {R"({"slug":"a","web":["http://a/path"]})", "web: expected http://host:port"},
      {R"({"slug":"a","web":["https://a"]})", "not supported yet"},
      {R"({"slug":"a","wbe":["http://a"]})", "unknown field \"wbe\""},
      {R"({"slug":"a","web":["http://a"],"health":{"interval_ms":-1}})", "health.interval_ms"},
  };
  for (const auto& [text, expected] : table) {
    const auto spec = parse_team_spec(text, domain);
    ASSERT_FALSE(spec) << text;
    EXPECT_NE(spec.error().detail.find(expected), std::string::npos)
        << text << "\n  said: " << spec.error().detail;
  }
}

TEST(team_spec_json, more_servers_than_the_limit_are_refused) {
  std::string list = "[\"http://a\"";
  for (std::size_t i = 0; i < max_servers; ++i) list += ",\"http://a\"";
  const auto spec = parse_team_spec(R"({"slug":"a","web":)" + list + "]}", domain);
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().kind, fault_kind::too_large);
}

}  // namespace
}  // namespace stagedoor::actors
