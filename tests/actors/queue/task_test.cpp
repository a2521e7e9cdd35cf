// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/task.hpp"

#include "actors/queue/queue_names.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

TEST(task, reads_the_platforms_form) {
  const std::string raw =
      R"({"id":"3f2c","type":"team.provision","user_id":"u1",)"
      R"("payload":{"slug":"team-a","api":["http://127.0.0.1:9001"]},"mine":[1,{"x":null}]})";
  const auto t = parse_task(raw, "queue:provisioning:high");
  ASSERT_TRUE(t) << t.error().detail;
  EXPECT_EQ(t->id, "3f2c");
  EXPECT_EQ(t->type, "team.provision");
  EXPECT_EQ(t->user_id, "u1");
  EXPECT_EQ(t->slug, "team-a");
  EXPECT_EQ(t->payload, R"({"api":["http://127.0.0.1:9001"],"slug":"team-a"})");
  EXPECT_EQ(t->raw, raw);
  EXPECT_EQ(t->queue, "queue:provisioning:high");
  EXPECT_FALSE(t->not_before);
}

TEST(task, payload_and_user_may_be_missing) {
  const auto t = parse_task(R"({"id":"1","type":"x","user_id":null})", "q");
  ASSERT_TRUE(t) << t.error().detail;
  EXPECT_EQ(t->payload, "{}");
  EXPECT_EQ(t->user_id, "");
  EXPECT_EQ(t->slug, "");
}

TEST(task, knows_two_ways_to_say_when) {
  const auto at = [](const std::string& value) {
    const auto t = parse_task(R"({"id":"1","type":"x","not_before":)" + value + "}", "q");
    EXPECT_TRUE(t) << value;
    return t && t->not_before ? wall_clock::to_time_t(*t->not_before) : -1;
  };
  EXPECT_EQ(at("1767225600"), 1767225600);
  EXPECT_EQ(at("1767225600.5"), 1767225600);
  EXPECT_EQ(at("\"2026-01-01T00:00:00Z\""), 1767225600);
  EXPECT_EQ(at("\"2026-01-01T00:00:00.250Z\""), 1767225600);
  EXPECT_EQ(at("\"2026-01-01T00:00:00+00:00\""), 1767225600);
}

TEST(task, says_in_one_sentence_what_is_wrong) {
  const std::string deep = R"({"id":"1","type":"x","payload":{"a":)" + std::string(40, '[') +
                           std::string(40, ']') + "}}";
  const std::vector<std::pair<std::string, std::string>> expected{
      {"", "not JSON"},
      {"nonsense", "not JSON (at byte"},
      {R"({"id":"1","type":"x"} trailing)", "not JSON"},
      {R"({"id":"1","type":"x",})", "not JSON"},
      {"{\"id\":\"\xff\",\"type\":\"x\"}", "not JSON"},
      {R"({"id":1e999,"type":"x"})", "not JSON"},
      {"[1]", "no object"},
      {"null", "no object"},
      {R"({"type":"x"})", "'id' is missing"},
      {R"({"id":null,"type":"x"})", "'id' is missing"},
      {R"({"id":7,"type":"x"})", "'id' must be a string"},
      {R"({"id":"","type":"x"})", "'id' must have 1 to 128"},
      {R"({"id":"a b","type":"x"})", "'id' may only contain"},
      {R"({"id":"a:b","type":"x"})", "'id' may only contain"},
      {R"({"id":"a\u0000b","type":"x"})", "'id' may only contain"},
      {R"({"id":"1"})", "'type' is missing"},
      {R"({"id":"1","type":{}})", "'type' must be a string"},
      {R"({"id":"1","type":"x","user_id":7})", "'user_id' must be a string"},
      {R"({"id":"1","type":"x","user_id":"a*"})", "'user_id' may only contain"},
      {R"({"id":"1","type":"x","payload":[]})", "'payload' must be an object"},
      {R"({"id":"1","type":"x","not_before":"soon"})", "'not_before' must be"},
      {R"({"id":"1","type":"x","not_before":-1})", "'not_before' must be"},
      {R"({"id":"1","type":"x","not_before":"4050-01-01T00:00:00Z"})", "'not_before' must be"},
      {R"({"id":"1","type":"x","not_before":"1969-12-31T23:59:59Z"})", "'not_before' must be"},
      {R"({"id":"1","type":"x","not_before":"2026-01-01T00:00:00Z\u0000x"})", "'not_before' must"},
      {R"({"id":"1","type":"x","not_before":1e300})", "'not_before' must be"},
      {R"({"id":"1","id":"2","type":"x"})", "'id' is there twice"},
      {deep, "nested deeper"},
      {R"({"id":"1","type":"x","payload":{"a":")" + std::string(300'000, 'x') + "\"}}", "bytes"},
  };
  for (const auto& [raw, sentence] : expected) {
    const auto t = parse_task(raw, "q");
    ASSERT_FALSE(t) << raw.substr(0, 100);
    EXPECT_NE(t.error().detail.find(sentence), std::string::npos)
        << raw.substr(0, 100) << " -> " << t.error().detail;
    EXPECT_EQ(t.error().side, fault_side::client);
  }
}

TEST(task, a_dead_letter_keeps_every_byte) {
  EXPECT_EQ(dead_letter_prefix("{\"a\":1}", "no id", "queue:x"),
            R"({"queue":"queue:x","raw":"{\"a\":1}","reason":"no id",)");
  EXPECT_EQ(dead_letter_prefix(std::string("\xff\0z", 3), "no", "q"),
            "{\"queue\":\"q\",\"raw\":\"\xEF\xBF\xBD\\u0000z\",\"raw_base64\":\"/"
            "wB6\",\"reason\":\"no\",");
}

TEST(task, invalid_utf8_is_replaced_byte_by_byte) {
  const std::string bad = "\xEF\xBF\xBD";
  const std::vector<std::pair<std::string, std::string>> expected{
      {"plain", "plain"},
      {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"\xC0\x80", bad + bad},                      // overlong
      {"\xED\xA0\x80", bad + bad + bad},            // surrogate
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},  // beyond U+10FFFF
      {"a\xE2\x82", "a" + bad + bad},               // cut off
      {"\x80z", bad + "z"},
  };
  for (const auto& [given, wanted] : expected) EXPECT_EQ(to_valid_utf8(given), wanted);
}

TEST(queue_names, hang_on_the_queue_and_can_be_read_back) {
  const node_identity who{"node-1", "77"};
  const auto key = queue_names::processing("queue:dns:high", who);
  EXPECT_EQ(key, "{queue:dns:high}:proc:node-1:77");
  const auto back = queue_names::parse_processing(key);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->queue, "queue:dns:high");
  EXPECT_EQ(back->owner, who);
  for (const std::string other : {"", "queue:x", "{q}:proc:", "{q}:proc:n", "{q}:proc:n:",
                                  "{q}:proc::1", "{q}:proc:n:1:2", "{}:proc:n:1", "q}:proc:n:1"})
    EXPECT_FALSE(queue_names::parse_processing(other)) << other;
  EXPECT_EQ(queue_names::dead("queue:dns:high"), "queue:dns:high:dead");
  EXPECT_EQ(queue_names::status_channel("sandbox.create"), "sandbox:status");
  EXPECT_EQ(queue_names::status_channel("mail.send"), "");
}

}  // namespace
}  // namespace stagedoor::actors
