// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/member_record.hpp"

#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

const member full{
    {"node-1", {0x0123456789abcdef, 42}}, "[2001:db8::1]:7443", 1, 3, "0.1.0+g12ab", 250, true};

TEST(member_record_test, what_was_written_is_read) {
  const auto text = encode_member(full);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "0123456789abcdef000000000000002a [2001:db8::1]:7443 1 3 0.1.0+g12ab 250 draining "
            "00000000000000000000000000000000");
  const auto back = parse_member("node-1", *text);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, full);
}

TEST(member_record_test, words_that_a_newer_build_added_are_passed_over) {
  const auto back = parse_member("node-1", *encode_member(full) + " zone-eu 7");
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, full);
}

TEST(member_record_test, what_would_not_come_back_is_not_written) {
  for (const char* bad : {"", "two words", "a\nb", "a\tb"}) {
    auto m = full;
    m.address = bad;
    EXPECT_EQ(encode_member(m).error().kind, fault_kind::invalid) << bad;
    m = full;
    m.who.node = bad;
    EXPECT_EQ(encode_member(m).error().kind, fault_kind::invalid) << bad;
  }
  auto m = full;
  m.build = std::string(longest_member_word + 1, 'x');
  EXPECT_FALSE(encode_member(m));
}

TEST(member_record_test, malformed_records_are_refused) {
  const std::string run = "0123456789abcdef000000000000002a";
  for (const std::string& bad : std::vector<std::string>{
           "", run, run + " a 1 3 b 250", run + " a 1 3 b 250 active", run + " a 1 3 b 250 maybe p",
           run + " a 1 3 b -1 active p", run + " a 1 3 b 99999999999 active p",
           run + " a x 3 b 250 active p", run.substr(1) + " a 1 3 b 250 active p",
           "0123456789ABCDEF000000000000002a a 1 3 b 250 active p", run + "  1 3 b 250 active p"})
    EXPECT_FALSE(parse_member("node-1", bad)) << bad;
  EXPECT_FALSE(parse_member("", *encode_member(full)));
}

TEST(member_record_test, hints_are_read_back) {
  const owned_key a{"zone", "kanban.domain", 0}, b{"check", "team:a", 2};
  EXPECT_EQ(*parse_hint("members"), (hint{hint::about::members, {}}));
  EXPECT_EQ(*parse_hint("released\n" + to_text(a) + "\n" + to_text(b)),
            (hint{hint::about::released, {a, b}}));
  EXPECT_EQ(*parse_hint("wanted\n" + to_text(b)), (hint{hint::about::wanted, {b}}));
  for (const char* bad :
       {"", "member", "wanted\nx zone id", "wanted\n0 zone", "wanted\n0  id", "wanted\n-1 zone id"})
    EXPECT_FALSE(parse_hint(bad)) << bad;
}

}  // namespace
}  // namespace stagedoor::cluster
