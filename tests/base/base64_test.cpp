// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/base64.hpp"

#include <gtest/gtest.h>

namespace stagedoor {
namespace {

TEST(base64, is_read_only_as_an_encoder_writes_it) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(base64_decode(base64_encode(text)), text);
  EXPECT_EQ(base64_encode("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64_encode("foob"), "Zm9vYg==");
  EXPECT_EQ(base64_encode("\xfb\xff\xfe"), "+//+");
  for (const char* wrong :
       {"A", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm9v====", "Zm9v\n", "Zm=v", "Zm9-"})
    EXPECT_EQ(base64_decode(wrong), std::nullopt) << wrong;
}

TEST(base64, is_read_leniently_where_others_wrote_it) {
  for (const char* text : {"Zg==", "Zg=", "Zg", "Zh=="})
    EXPECT_EQ(base64_decode(text, base64_form::lenient), "f") << text;
  EXPECT_EQ(base64_decode("+//+", base64_form::lenient), "\xfb\xff\xfe");
  for (const char* bad : {"A", "-__-", "Zg\n", "Z=g"})
    EXPECT_EQ(base64_decode(bad, base64_form::lenient), std::nullopt) << bad;
}

TEST(base64, has_a_form_for_urls_that_is_never_padded) {
  const std::pair<std::string, const char*> table[] = {
      {"", ""},        {"f", "Zg"},        {"fo", "Zm8"},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xfb\xff\xfe", "-__-"}};
  for (const auto& [bytes, text] : table) {
    EXPECT_EQ(base64url_encode(bytes), text);
    EXPECT_EQ(base64url_decode(text), bytes);
  }
  for (const char* bad : {"A", "Zg==", "Z g", "+//+"})
    EXPECT_EQ(base64url_decode(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace stagedoor
