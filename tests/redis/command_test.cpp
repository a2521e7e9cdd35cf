// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/command.hpp"

#include "runtime/redis/backoff.hpp"
#include "runtime/redis/script.hpp"
#include "runtime/redis/sha1.hpp"

#include <gtest/gtest.h>

namespace stagedoor::redis {
namespace {

TEST(command, is_encoded_as_an_array_of_bulk_strings) {
  const command words{"SET", "k", std::string("a\r\nb\0", 5), ""};
  std::string out = "before";
  encode(words, out);
  EXPECT_EQ(out,
            std::string("before*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nb\0\r\n$0\r\n\r\n", 43));
  EXPECT_EQ(encoded_size(words), out.size() - 6);
}

TEST(command, knows_its_encoded_size_at_every_number_of_digits) {
  for (const std::size_t size : {0UL, 9UL, 10UL, 99UL, 100UL, 12345UL}) {
    const command words{"SET", "k", std::string(size, 'x')};
    std::string out;
    encode(words, out);
    EXPECT_EQ(encoded_size(words), out.size()) << size;
  }
}

// The first two are RFC 3174's own; the lengths around 55 and 64 are where padding changes.
TEST(sha1, gives_the_published_digests) {
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_hex(std::string(55, 'a')), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  EXPECT_EQ(sha1_hex(std::string(64, 'a')), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
  EXPECT_EQ(sha1_hex(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(script, is_named_by_the_digest_of_its_body) {
  const script s("ping", "return 1");
  EXPECT_EQ(s.digest(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

TEST(backoff, stays_between_base_and_cap_and_spreads) {
  std::minstd_rand random(7);
  backoff b(milliseconds(50), milliseconds(2000));
  std::vector<milliseconds> seen;
  for (int i = 0; i < 200; ++i) {
    seen.push_back(b.next(random));
    EXPECT_GE(seen.back(), milliseconds(50));
    EXPECT_LE(seen.back(), milliseconds(2000));
  }
  EXPECT_LE(seen.front(), milliseconds(150)) << "the first retry is quick";
  EXPECT_GT(*std::max_element(seen.begin(), seen.end()), milliseconds(1000));
  b.reset();
  EXPECT_LE(b.next(random), milliseconds(150));
}

}  // namespace
}  // namespace stagedoor::redis
