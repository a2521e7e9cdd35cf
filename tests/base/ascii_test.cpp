// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/ascii.hpp"

#include <gtest/gtest.h>

namespace stagedoor::ascii {
namespace {

TEST(ascii, compares_without_case_but_not_beyond_ascii) {
  EXPECT_TRUE(iequals("Content-Length", "content-LENGTH"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("\xc4", "\xe4"));
}

TEST(ascii, trims_blanks_only_at_the_ends) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim("\t "), "");
}

TEST(ascii, split_keeps_empty_parts) {
  EXPECT_EQ(split("a,,b", ',').size(), 3U);
  EXPECT_EQ(split("", ',').size(), 1U);
}

TEST(ascii, a_number_is_all_digits_and_fits) {
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "+1", "-1", " 1", "1 ", "18446744073709551616", "0x1", "1.0"})
    EXPECT_FALSE(parse_number(bad).has_value()) << bad;
  EXPECT_EQ(parse_number<std::uint32_t>("fF", 16), 255U);
}

}  // namespace
}  // namespace stagedoor::ascii
