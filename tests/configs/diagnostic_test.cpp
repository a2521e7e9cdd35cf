// SPDX-License-Identifier: Apache-2.0
#include "configs/diagnostic.hpp"

#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

TEST(diagnostic, prints_only_the_parts_of_a_place_that_are_known) {
  EXPECT_EQ(to_string(diagnostic{severity::error, {"a.yml", 3, 5}, "x"}), "a.yml:3:5: error: x");
  EXPECT_EQ(to_string(diagnostic{severity::warning, {"a.yml", 3, 0}, "x"}), "a.yml:3: warning: x");
  EXPECT_EQ(to_string(diagnostic{severity::error, {"a.yml"}, "x"}), "a.yml: error: x");
  EXPECT_EQ(to_string(diagnostic{severity::error, {}, "x"}), "error: x");
}

TEST(diagnostics, are_sorted_by_file_in_order_of_mention_then_by_place) {
  diagnostics d;
  d.error({"z.yml", 9, 1}, "third");
  d.error({"a.yml", 1, 1}, "fourth");
  d.warning({"z.yml", 2, 7}, "second");
  d.error({"z.yml", 2, 3}, "first");
  EXPECT_EQ(d.print(),
            "z.yml:2:3: error: first\n"
            "z.yml:2:7: warning: second\n"
            "z.yml:9:1: error: third\n"
            "a.yml:1:1: error: fourth\n");
  EXPECT_EQ(d.errors(), 3U);
  EXPECT_EQ(d.warnings(), 1U);
}

TEST(diagnostics, keep_a_limited_number_and_count_the_rest) {
  diagnostics d;
  for (std::size_t i = 0; i < defaults::diagnostics + 7; ++i) d.error({"a", 1, 1}, "x");
  diagnostics more;
  more.warning({"b"}, "y");
  d.append(more);
  EXPECT_EQ(d.all().size(), defaults::diagnostics);
  EXPECT_EQ(d.errors(), defaults::diagnostics + 7);
  EXPECT_TRUE(d.print().ends_with("and 8 more\n"));
}

TEST(diagnostics, a_message_cannot_forge_a_second_line) {
  diagnostics d;
  d.error({"a", 1, 1}, "x\nb:1:1: error: y\x1b[31m");
  EXPECT_EQ(d.print(), "a:1:1: error: x\\x0ab:1:1: error: y\\x1b[31m\n");
}

TEST(diagnostics, a_warning_is_no_error) {
  diagnostics d;
  d.warning({"a"}, "x");
  EXPECT_FALSE(d.has_errors());
}

TEST(shown, escapes_what_could_forge_a_line_and_cuts_what_is_long) {
  EXPECT_EQ(shown("a\"b\\c\nd\x7f"), R"("a\"b\\c\x0ad\x7f")");
  EXPECT_EQ(shown(std::string(100, 'x')), "\"" + std::string(60, 'x') + "\"...");
}

TEST(nearest, finds_a_misspelt_key_and_not_a_different_one) {
  const std::vector<std::string_view> keys = {"entryPoints", "providers", "log", "api"};
  EXPECT_EQ(nearest("entrypoint", keys), "entryPoints");
  EXPECT_EQ(nearest("provders", keys), "providers");
  EXPECT_EQ(nearest("lgo", keys), "log");
  EXPECT_EQ(nearest("pai", keys), "api");
  EXPECT_EQ(nearest("lxx", keys), "");  // two changes of three letters: a guess, not a suggestion
  EXPECT_EQ(nearest("lo", keys), "log");
  EXPECT_EQ(nearest("zebra", keys), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), keys), "");
  EXPECT_EQ(did_you_mean("provders", keys), "; did you mean \"providers\"?");
}

}  // namespace
}  // namespace stagedoor::configs
