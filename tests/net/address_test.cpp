// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/address.hpp"

#include <gtest/gtest.h>

namespace stagedoor::net {
namespace {

TEST(address, parses_what_operators_write) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"127.0.0.1:80", "127.0.0.1:80"},
      {"[::1]:443", "[::1]:443"},
      {":53", "[::]:53"},
      {"8080", "[::]:8080"},
      {"127.0.0.1", "127.0.0.1:7"},
      {"::1", "[::1]:7"},
      {"[::1]", "[::1]:7"},
      {"[::ffff:10.0.0.1]:1", "10.0.0.1:1"}};
  for (const auto& [text, expected] : table) {
    const auto parsed = address::parse(text, 7);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->to_string(), expected) << text;
  }
}

TEST(address, refuses_what_is_no_numeric_address) {
  for (const char* text :
       {"localhost:80", "1.2.3.4:65536", "1.2.3.4:", "[::1", "[::1]80", "1.2.3", "a", ":x"})
    EXPECT_FALSE(address::parse(text)) << text;
}

TEST(address, refuses_text_behind_a_nul_byte) {
  using namespace std::string_view_literals;
  for (const auto text : {"127.0.0.1\0.example"sv, "::1\0"sv, "127.0.0.1\0"sv, "\0"sv}) {
    EXPECT_FALSE(address::parse_ip(text, 80)) << text;
    EXPECT_FALSE(address::parse(text, 80)) << text;
  }
}

}  // namespace
}  // namespace stagedoor::net
