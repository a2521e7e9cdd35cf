// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/zone_fixture.hpp"

#include <gtest/gtest.h>

namespace stagedoor::dns {
namespace {

using testing::packet_of;
using bytes = std::vector<std::uint8_t>;

struct packet_case {
  std::string_view claim;
  bytes packet;
  verdict what;
  std::uint16_t code;
};

bytes plain(std::optional<std::uint16_t> edns = {}) {
  return packet_of({.name = "www.example.", .edns = edns});
}
bytes with(bytes p, std::size_t at, std::uint8_t value) {
  p.at(at) = value;
  return p;
}
bytes plus(bytes p, std::initializer_list<std::uint8_t> more) {
  p.insert(p.end(), more);
  return p;
}
bytes cut(bytes p, std::size_t size) {
  p.resize(size);
  return p;
}

TEST(query, is_judged_by_its_packet) {
  const packet_case cases[] = {
      {"a plain query", plain(), verdict::answer, 0},
      {"an EDNS query", plain(1232), verdict::answer, 0},
      {"shorter than a header", cut(plain(), 11), verdict::drop, 0},
      {"empty", {}, verdict::drop, 0},
      {"an answer", with(plain(), 2, 0x80), verdict::drop, 0},
      {"a header alone", cut(plain(), 12), verdict::error, rcode::formerr},
      {"no question", with(cut(plain(), 12), 5, 0), verdict::error, rcode::formerr},
      {"two questions", with(plain(), 5, 2), verdict::error, rcode::formerr},
      {"a cut question", cut(plain(), 20), verdict::error, rcode::formerr},
      {"a pointer as its name", with(with(plain(), 12, 0xc0), 13, 0x0c), verdict::error,
       rcode::formerr},
      {"a label of 64", with(plain(), 12, 64), verdict::error, rcode::formerr},
      {"opcode IQUERY", with(plain(), 2, 1 << 3), verdict::error, rcode::notimp},
      {"opcode NOTIFY", with(plain(), 2, 4 << 3), verdict::error, rcode::notimp},
      {"opcode UPDATE", with(plain(), 2, 5 << 3), verdict::error, rcode::notimp},
      {"an answer record", with(plain(), 7, 1), verdict::error, rcode::formerr},
      {"an authority record", with(plain(), 9, 1), verdict::error, rcode::formerr},
      {"bytes behind the end", plus(plain(), {0}), verdict::error, rcode::formerr},
      {"a missing additional record", with(plain(), 11, 1), verdict::error, rcode::formerr},
      {"an OPT below a name",
       plus(with(plain(), 11, 1), {1, 'x', 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0}), verdict::error,
       rcode::formerr},
      {"two OPTs", plus(with(plain(1232), 11, 2), {0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0}),
       verdict::error, rcode::formerr},
      {"EDNS version 1", plus(with(plain(), 11, 1), {0, 0, 41, 4, 0, 0, 1, 0, 0, 0, 0}),
       verdict::error, rcode::badvers},
      {"an unknown EDNS option",
       plus(with(plain(), 11, 1), {0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 6, 0xff, 0xf0, 0, 2, 1, 2}),
       verdict::answer, 0},
      {"an EDNS option past its end",
       plus(with(plain(), 11, 1), {0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 4, 0xff, 0xf0, 0, 2}),
       verdict::error, rcode::formerr},
      {"another additional record before the OPT",
       plus(with(plain(), 11, 2),
            {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0}),
       verdict::answer, 0},
      {"a record whose owner points forwards",
       plus(with(plain(), 11, 1), {0xc0, 0x40, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}), verdict::error,
       rcode::formerr},
  };
  for (const auto& c : cases) {
    query q;
    EXPECT_EQ(read_query(c.packet, q), c.what) << c.claim;
    if (c.what == verdict::error) {
      EXPECT_EQ(q.error_code, c.code) << c.claim;
    }
  }
}

TEST(query, keeps_what_the_answer_needs) {
  query q;
  auto p =
      packet_of({.name = "WwW.Example.", .type = "AAAA", .flags = flag::rd, .edns = 4096}, 0xbeef);
  p[p.size() - 4] = 0x80;  // DO
  ASSERT_EQ(read_query(p, q), verdict::answer);
  EXPECT_EQ(q.id, 0xbeef);
  EXPECT_TRUE(q.recursion_desired());
  EXPECT_EQ(q.qtype, type::aaaa);
  EXPECT_EQ(q.udp_size, 4096);
  EXPECT_TRUE(q.dnssec_ok());
  EXPECT_EQ(name_text(q.name.view()), "www.example.");
}

TEST(query, of_an_earlier_packet_leaves_nothing_behind) {
  query q;
  auto first = packet_of({.name = "a.", .edns = 4096});
  ASSERT_EQ(read_query(first, q), verdict::answer);
  ASSERT_EQ(read_query(plain(), q), verdict::answer);
  EXPECT_FALSE(q.has_edns);
  EXPECT_EQ(q.udp_size, 512);
}

TEST(query, offering_less_than_512_bytes_gets_512) {
  query q;
  const auto p = plain(100);
  ASSERT_EQ(read_query(p, q), verdict::answer);
  EXPECT_EQ(q.udp_size, 512);
}

}  // namespace
}  // namespace stagedoor::dns
