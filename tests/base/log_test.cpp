// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/log.hpp"

#include <gtest/gtest.h>

namespace stagedoor::log {
namespace {

TEST(log, plain_values_stand_as_they_are) { EXPECT_EQ(quoted("team-a:80"), "team-a:80"); }

TEST(log, nothing_from_outside_can_start_a_second_line_or_a_second_key) {
  EXPECT_EQ(quoted("a\nlevel=error"), R"("a\x0alevel=error")");
  EXPECT_EQ(quoted("a b"), R"("a b")");
  EXPECT_EQ(quoted(R"(say "hi"\)"), R"("say \"hi\"\\")");
  EXPECT_EQ(quoted(""), R"("")");
}

}  // namespace
}  // namespace stagedoor::log
