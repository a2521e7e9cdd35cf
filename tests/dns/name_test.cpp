// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/name.hpp"

#include <gtest/gtest.h>

namespace stagedoor::dns {
namespace {

using namespace std::string_literals;
const wire_name example = "\7example\0"s;

struct text_case {
  std::string_view text;
  std::string wire;
};

TEST(name, is_read_from_presentation_form) {
  const text_case cases[] = {
      {".", "\0"s},
      {"@", example},
      {"www", "\3www\7example\0"s},
      {"www.example.", "\3www\7example\0"s},
      {"WwW.Example.", "\3WwW\7Example\0"s},
      {"a\\.b.", "\3a.b\0"s},
      {"\\065.", "\1A\0"s},
      {"\\000\\255.", "\2\0\xff\0"s},
      {"*.x", "\1*\1x\7example\0"s},
      {"a\\ b.", "\3a b\0"s},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_name(c.text, example);
    ASSERT_TRUE(parsed) << c.text << ": " << parsed.error().detail;
    EXPECT_EQ(*parsed, c.wire) << c.text;
  }
}

TEST(name, that_breaks_a_rule_is_refused_with_the_reason) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "empty"},
      {"a..b.", "empty label"},
      {"..", "empty label"},
      {"\\256.", "escape"},
      {"\\12.", "escape"},
      {"a\\", "escape"},
      {std::string(64, 'a') + ".", "63 bytes"},
      {std::string(50, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
           std::string(63, 'd') + "." + std::string(63, 'e') + ".",
       "255 bytes"},
  };
  for (const auto& [text, reason] : cases) {
    const auto parsed = parse_name(text, example);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().detail.find(reason), std::string::npos) << parsed.error().detail;
  }
  EXPECT_FALSE(parse_name("relative", {}));
}

TEST(name, of_255_bytes_is_the_longest) {
  const std::string label(63, 'x');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'x') + ".";
  EXPECT_EQ(parse_name(longest, {}).value().size(), 255U);
  EXPECT_FALSE(parse_name("x" + longest, {}));
}

TEST(name, survives_the_way_to_text_and_back) {
  for (int first = 0; first < 256; ++first) {
    wire_name wire = "\2"s + static_cast<char>(first) + "x\3ORG\0"s;
    EXPECT_EQ(parse_name(name_text(wire), {}).value(), wire) << first;
  }
  EXPECT_EQ(name_text("\0"s), ".");
}

TEST(name, is_below_an_ancestor_only_at_a_label) {
  EXPECT_TRUE(is_at_or_below("\3www\7example\0"s, example));
  EXPECT_TRUE(is_at_or_below(example, example));
  EXPECT_TRUE(is_at_or_below(example, root_name()));
  EXPECT_FALSE(is_at_or_below("\12notexample\0"s, example));
  // The bytes of "\7example" hide inside one longer label.
  EXPECT_FALSE(is_at_or_below("\11x\7example\0"s, example));
}

TEST(query_name, knows_its_ancestors_and_their_keys) {
  query_name q;
  ASSERT_TRUE(q.assign("\3WWW\7eXample\3org\0"s));
  EXPECT_EQ(q.labels(), 3U);
  EXPECT_EQ(q.view(), "\3www\7example\3org\0"s);
  EXPECT_EQ(q.suffix(0), "\0"s);
  EXPECT_EQ(q.suffix(1), "\3org\0"s);
  EXPECT_EQ(q.key(2, 7), name_key("\7example\3org\0"s, 7));
  std::array<char, 264> scratch;
  EXPECT_EQ(q.wildcard_key(2, 7, scratch), name_key("\1*\7example\3org\0"s, 7));
}

TEST(query_name, takes_one_whole_name_and_nothing_else) {
  query_name q;
  for (const auto& bad :
       {""s, "\3ww"s, "\3www"s, "\3www\0x"s, "\xc0\x0c"s, "\x40"s + std::string(64, 'a') + "\0"s})
    EXPECT_FALSE(q.assign(bad)) << bad.size();
  std::string deepest;
  for (int i = 0; i < 127; ++i) deepest += "\1a"s;
  ASSERT_TRUE(q.assign(deepest + '\0'));
  EXPECT_EQ(q.labels(), max_labels);
  EXPECT_FALSE(q.assign(deepest + "\1a\0"s));
}

TEST(name, length_stops_at_its_end_and_refuses_pointers) {
  const auto length = [](const std::string& s) {
    return name_length({reinterpret_cast<const std::uint8_t*>(s.data()), s.size()});
  };
  EXPECT_EQ(length("\3www\0rest"s), 5U);
  EXPECT_EQ(length("\3www"s), 0U);
  EXPECT_EQ(length("\xc0\x0c"s), 0U);
  EXPECT_EQ(length(""), 0U);
}

}  // namespace
}  // namespace stagedoor::dns
