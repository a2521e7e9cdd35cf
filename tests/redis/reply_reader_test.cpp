// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/reply_reader.hpp"

#include <gtest/gtest.h>

namespace stagedoor::redis {
namespace {

using type = reply::type;

reply integer(std::int64_t n) {
  return {.kind = type::integer, .integer = n, .text = {}, .items = {}};
}
reply text(type kind, std::string s) {
  return {.kind = kind, .integer = 0, .text = std::move(s), .items = {}};
}
reply array(std::vector<reply> items) {
  return {.kind = type::array, .integer = 0, .text = {}, .items = std::move(items)};
}

struct reply_case {
  std::string bytes;
  reply expected;
};

std::vector<reply_case> cases() {
  return {
      {"+OK\r\n", text(type::status, "OK")},
      {"-ERR no\r\n", text(type::error, "ERR no")},
      {":-42\r\n", integer(-42)},
      {"$-1\r\n", {}},
      {"*-1\r\n", {}},
      {"$0\r\n\r\n", text(type::string, "")},
      {std::string("$4\r\na\0\r\n\r\n", 10), text(type::string, std::string("a\0\r\n", 4))},
      {"*0\r\n", array({})},
      {"*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+y\r\n",
       array({integer(1), array({text(type::string, "x"), {}}), text(type::status, "y")})},
  };
}

TEST(reply_reader, reads_every_kind_of_reply) {
  for (const auto& c : cases()) {
    reply_reader reader;
    ASSERT_TRUE(reader.feed(c.bytes));
    auto got = reader.next();
    ASSERT_TRUE(got) << c.bytes;
    ASSERT_TRUE(got->has_value()) << c.bytes;
    EXPECT_EQ(**got, c.expected) << c.bytes;
    EXPECT_FALSE(reader.next()->has_value());
  }
}

TEST(reply_reader, does_not_care_how_the_bytes_are_cut) {
  std::string all;
  for (const auto& c : cases()) all += c.bytes;
  for (std::size_t piece = 1; piece < 8; ++piece) {
    reply_reader reader;
    std::vector<reply> got;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      ASSERT_TRUE(reader.feed(std::string_view(all).substr(at, piece)));
      for (auto next = reader.next(); next->has_value(); next = reader.next())
        got.push_back(**std::move(next));
    }
    ASSERT_EQ(got.size(), cases().size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], cases()[i].expected);
  }
}

TEST(reply_reader, refuses_bytes_that_are_no_replies) {
  for (const std::string_view bytes : {"HTTP/1.1 400 Bad Request\r\n", ":12x\r\n", "$-2\r\n",
                                       "*99999999999999999999\r\n", "$99999999999999999999\r\n"}) {
    reply_reader reader;
    ASSERT_TRUE(reader.feed(bytes));
    const auto got = reader.next();
    ASSERT_FALSE(got) << bytes;
    EXPECT_EQ(got.error().kind, fault_kind::malformed) << bytes;
    EXPECT_EQ(got.error().side, fault_side::store);
  }
}

TEST(reply_reader, refuses_nesting_beyond_what_it_can_hold) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "*1\r\n";
  reply_reader reader;
  ASSERT_TRUE(reader.feed(deep));
  EXPECT_FALSE(reader.next());
}

TEST(reply_reader, takes_no_memory_for_a_length_that_is_only_claimed) {
  reply_reader reader;
  ASSERT_TRUE(reader.feed("*2147483647\r\n:1\r\n"));
  const auto got = reader.next();
  ASSERT_TRUE(got) << "allocating two billion elements would have ended this test";
  EXPECT_FALSE(got->has_value());
}

TEST(reply_reader, bounds_the_values_of_one_reply) {
  reply_reader reader({.bytes = 1000, .elements = 4});
  ASSERT_TRUE(reader.feed("*3\r\n:1\r\n:2\r\n:3\r\n*3\r\n:1\r\n:2\r\n:3\r\n"));
  EXPECT_TRUE(reader.next()->has_value());
  EXPECT_TRUE(reader.next()->has_value()) << "the bound is for each reply, not for all";
  ASSERT_TRUE(reader.feed("*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n"));
  const auto got = reader.next();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, fault_kind::too_large);
}

TEST(reply_reader, bounds_the_bytes_of_one_reply) {
  reply_reader reader({.bytes = 64, .elements = 100});
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(reader.feed("$10\r\n0123456789\r\n")) << "whole replies do not add up";
    ASSERT_TRUE(reader.next()->has_value());
  }
  ASSERT_TRUE(reader.feed("$1000\r\n"));
  ASSERT_FALSE(reader.next()->has_value());
  const auto fed = reader.feed(std::string(60, 'x'));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, fault_kind::too_large);
}

TEST(reply, names_what_an_error_means) {
  const std::vector<std::pair<std::string, fault_kind>> expected{
      {"NOSCRIPT No matching script.", fault_kind::not_found},
      {"LOADING Redis is loading the dataset in memory", fault_kind::overloaded},
      {"OOM command not allowed", fault_kind::overloaded},
      {"READONLY You can't write against a read only replica.", fault_kind::conflict},
      {"NOAUTH Authentication required.", fault_kind::refused},
      {"MOVED 3999 127.0.0.1:6381", fault_kind::unsupported},
      {"WRONGTYPE Operation against a key", fault_kind::invalid},
      {"", fault_kind::invalid},
  };
  for (const auto& [detail, kind] : expected) {
    const auto f = to_fault(text(type::error, detail));
    EXPECT_EQ(f.kind, kind) << detail;
    EXPECT_EQ(f.detail, detail);
    EXPECT_FALSE(may_have_run(f)) << "an answer came";
  }
}

}  // namespace
}  // namespace stagedoor::redis
