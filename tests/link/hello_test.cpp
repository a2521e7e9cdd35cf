// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/hello.hpp"

#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

hello good() {
  hello h;
  h.protocols = {1, 2};
  h.run.bytes.fill(0xab);
  h.window_bytes = 65536;
  h.frame_bytes = 4096;
  h.build = "0.1.0 debug";
  h.node = "Node-1";
  return h;
}

TEST(hello, survives_the_way_and_the_name_is_lower_case) {
  hello_proof proof;
  proof.fill(9);
  const auto words = hello_words(good());
  const auto wire = encode_hello(proof, words);
  const auto got = parse_hello(wire);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->words, words);
  EXPECT_EQ(got->said.proof, proof);
  EXPECT_EQ(got->said.run, good().run);
  EXPECT_EQ(got->said.protocols.highest, 2);
  EXPECT_EQ(got->said.window_bytes, 65536U);
  EXPECT_EQ(got->said.build, "0.1.0 debug");
  EXPECT_EQ(got->said.node, "node-1");
}

TEST(hello, a_later_version_may_say_more) {
  const auto words = hello_words(good()) + "more";
  const auto wire = encode_hello({}, words);
  const auto got = parse_hello(wire);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->words, words);
}

TEST(hello, every_shorter_one_is_malformed) {
  const auto wire = encode_hello({}, hello_words(good()));
  for (std::size_t n = 0; n < wire.size(); ++n)
    EXPECT_FALSE(parse_hello(std::string_view(wire).substr(0, n))) << n;
}

struct spoiled {
  const char* what;
  void (*spoil)(hello&);
};

TEST(hello, what_cannot_be_meant_is_refused) {
  const spoiled cases[] = {
      {"no name", [](hello& h) { h.node.clear(); }},
      {"a long name", [](hello& h) { h.node.assign(64, 'a'); }},
      {"a name with a dot", [](hello& h) { h.node = "a.b"; }},
      {"a name with a line end", [](hello& h) { h.node = "a\nb"; }},
      {"a wildcard", [](hello& h) { h.node = "*"; }},
      {"a name that ends in a hyphen", [](hello& h) { h.node = "a-"; }},
      {"a build with a control character", [](hello& h) { h.build = "a\x1b[31m"; }},
      {"a long build", [](hello& h) { h.build.assign(65, 'a'); }},
      {"protocol 0",
       [](hello& h) {
         h.protocols = {0, 1};
       }},
      {"a range backwards",
       [](hello& h) {
         h.protocols = {3, 2};
       }},
      {"no window", [](hello& h) { h.window_bytes = 0; }},
      {"frames of one byte", [](hello& h) { h.frame_bytes = 1; }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    auto h = good();
    c.spoil(h);
    const auto got = parse_hello(encode_hello({}, hello_words(h)));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, fault_kind::invalid);
  }
}

TEST(hello, versions_agree_on_the_highest_common_one) {
  EXPECT_EQ(agree({1, 3}, {2, 9}), 3);
  EXPECT_EQ(agree({1, 1}, {1, 1}), 1);
  EXPECT_EQ(agree({1, 2}, {3, 4}), std::nullopt);
}

TEST(hello, the_two_sides_prove_different_things) {
  EXPECT_NE(proof_context(link_side::dialer, "words"), proof_context(link_side::listener, "words"));
}

TEST(incarnation, is_random_and_survives_text) {
  const auto a = incarnation::random();
  const auto b = incarnation::random();
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  EXPECT_EQ(incarnation::parse(a->to_string()), *a);
  EXPECT_EQ(incarnation::parse("abc"), std::nullopt);
  EXPECT_EQ(incarnation::parse(std::string(32, 'g')), std::nullopt);
}

TEST(refused, survives_the_way_and_cannot_forge_a_log_line) {
  const auto got = parse_refused(encode_refused({refusal::full, "64 links are up"}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->why, refusal::full);
  EXPECT_EQ(got->text, "64 links are up");
  EXPECT_FALSE(parse_refused(""));
  EXPECT_FALSE(parse_refused(std::string("\0", 1)));
  EXPECT_FALSE(parse_refused("\x63"));
  EXPECT_FALSE(parse_refused("\x01 two\nlines"));
  EXPECT_FALSE(parse_refused("\x01" + std::string(201, 'a')));
}

}  // namespace
}  // namespace stagedoor::link
