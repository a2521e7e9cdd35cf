// SPDX-License-Identifier: Apache-2.0
#include "configs/yaml_document.hpp"

#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

/// The tree in one line, each key with its place.
std::string outline(const node& n) {
  std::string out;
  switch (n.type) {
    case node::kind::none: return "~";
    case node::kind::scalar: return n.text;
    case node::kind::list:
      for (const auto& item : n.items) out += (out.empty() ? "" : " ") + outline(item);
      return "[" + out + "]";
    case node::kind::map:
      for (const auto& e : n.entries)
        out += (out.empty() ? "" : " ") + e.key + "@" + std::to_string(e.at.line) + ":" +
               std::to_string(e.at.column) + "=" + outline(e.value);
      return "{" + out + "}";
  }
  return out;
}

std::string read(std::string_view text) {
  diagnostics out;
  const auto parsed = parse_yaml("f", text, out);
  return parsed ? outline(parsed->root) : out.print();
}

TEST(yaml, gives_every_key_its_place) {
  EXPECT_EQ(read("a: 1\nb:\n  c: [x, y]\n  d: {e: f}\n"),
            "{a@1:1=1 b@2:1={c@3:3=[x y] d@4:3={e@4:7=f}}}");
}

TEST(yaml, tells_nothing_from_an_empty_text) {
  EXPECT_EQ(read("a:\nb: ~\nc: null\nd: \"\"\ne: 'null'\n"),
            "{a@1:1=~ b@2:1=~ c@3:1=~ d@4:1= e@5:1=null}");
  EXPECT_EQ(read(""), "~");
  EXPECT_EQ(read("# only a comment\n"), "~");
}

TEST(yaml, expands_aliases_and_merges) {
  EXPECT_EQ(read("a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  l: 3\n"),
            "{a@1:1={k@1:8=1 l@1:14=2} b@2:1={k@1:8=1 l@1:14=2} c@3:1={l@5:3=3 k@1:8=1}}");
  EXPECT_EQ(read("a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}\n"),
            "{a@1:1={k@1:8=1} b@2:1={k@2:8=2 m@2:14=3} c@3:1={k@1:8=1 m@2:14=3}}");
}

TEST(yaml, refuses_what_is_ambiguous_with_its_place) {
  EXPECT_EQ(read("a: 1\nb: 2\na: 3\n"), "f:3:1: error: \"a\" is given twice in one mapping\n");
  EXPECT_EQ(read("? [a]\n: b\n"), "f:1:3: error: expected a scalar as key\n");
  EXPECT_EQ(read("a: &x [1]\nb: {<<: *x}\n"), "f:1:8: error: expected a mapping to merge\n");
  EXPECT_EQ(read("a: 1\n---\nb: 2\n"),
            "f:2:1: error: expected one document in the file, got a second one\n");
  EXPECT_EQ(read("a: 1\n---\n"), "{a@1:1=1}");
}

TEST(yaml, names_the_line_of_a_syntax_error) {
  EXPECT_TRUE(read("a: [1\nb: 2\n").starts_with("f:2:")) << read("a: [1\nb: 2\n");
  EXPECT_TRUE(read("a: b\n  c: d\n").starts_with("f:2:")) << read("a: b\n  c: d\n");
  EXPECT_EQ(read("a: \"b\nc: d\n"), "f:3:1: error: illegal document indicator in scalar\n");
  EXPECT_EQ(read("a: 'b"), "f:2:1: error: illegal document indicator in scalar\n");
  EXPECT_TRUE(read("a: *nothing\n").starts_with("f:1:4:")) << read("a: *nothing\n");
}

TEST(yaml, bounds_depth_and_the_growth_of_aliases) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(read(nested(defaults::yaml_depth)).starts_with("[["));
  EXPECT_NE(read(nested(defaults::yaml_depth + 1)).find("levels of nesting"), std::string::npos);

  std::string wide = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    wide += std::string(1, c) + ": &" + std::string(1, c) + " [";
    for (int i = 0; i < 10; ++i)
      wide += (i == 0 ? "*" : ", *") + std::string(1, static_cast<char>(c - 1));
    wide += "]\n";
  }
  EXPECT_NE(read(wide).find("aliases expanded"), std::string::npos);

  std::string deep = "a: &a [x]\n";
  for (char c = 'b'; c <= 'z'; ++c)
    deep += std::string(1, c) + ": &" + std::string(1, c) + " [[[*" +
            std::string(1, static_cast<char>(c - 1)) + "]]]\n";
  EXPECT_NE(read(deep).find("levels of nesting"), std::string::npos);
}

TEST(yaml, an_alias_cannot_hold_itself) {
  EXPECT_EQ(read("a: &x [*x]\n"), "f:1:8: error: an alias may not refer to its own parent\n");
}

}  // namespace
}  // namespace stagedoor::configs
