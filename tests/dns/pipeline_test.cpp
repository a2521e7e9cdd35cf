// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/zone_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::dns {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::packet_of;
using testing::question;
using testing::read_message;
using testing::zone_fixture;

constexpr std::string_view zone =
    "$TTL 300\n@ SOA ns admin 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n";

TEST(pipeline, refuses_what_it_does_not_serve_without_pointing_elsewhere) {
  zone_fixture f;
  f.load("example.", zone);
  for (const auto* name : {"example.org.", ".", "notexample."}) {
    const auto m = f.ask({.name = name});
    EXPECT_EQ(m.rcode, 5U) << name;
    EXPECT_FALSE(m.aa);
    EXPECT_THAT(m.authority, IsEmpty());
  }
}

TEST(pipeline, treats_class_any_like_in_and_refuses_others) {
  zone_fixture f;
  f.load("example.", zone);
  EXPECT_EQ(f.ask({.name = "www.example.", .qclass = klass::any}).answer.size(), 1U);
  EXPECT_EQ(f.ask({.name = "www.example.", .qclass = klass::chaos}).rcode, 5U);
}

TEST(pipeline, refuses_transfers_and_does_not_implement_meta_types) {
  zone_fixture f;
  f.load("example.", zone);
  EXPECT_EQ(f.ask({.name = "example.", .type = "AXFR"}).rcode, 5U);
  EXPECT_EQ(f.ask({.name = "example.", .type = "IXFR"}).rcode, 5U);
  EXPECT_EQ(f.ask({.name = "example.", .type = "TKEY"}).rcode, 4U);
}

TEST(pipeline, echoes_the_question_byte_for_byte) {
  zone_fixture f;
  f.load("example.", zone);
  const auto p = packet_of({.name = "wWw.ExAmPlE."});
  const auto out = f.raw_answer(p, transport::udp);
  ASSERT_GT(out.size(), p.size());
  EXPECT_TRUE(std::equal(p.begin() + header_size, p.end(), out.begin() + header_size));
  EXPECT_EQ(out[p.size()], 0xc0) << "and the owner points at it";
  EXPECT_EQ(out[p.size() + 1], header_size);
}

TEST(pipeline, sets_the_header_from_the_query) {
  zone_fixture f;
  f.load("example.", zone);
  question q{.name = "www.example.",
             .flags = flag::rd | flag::cd | flag::ad | flag::aa | flag::ra | flag::tc | 0x40};
  const auto out = f.raw_answer(packet_of(q, 0x4242), transport::udp);
  EXPECT_EQ(load16(out.data()), 0x4242);
  EXPECT_EQ(load16(out.data() + 2), flag::qr | flag::aa | flag::rd);
}

TEST(pipeline, answers_edns_only_to_edns_and_badvers_to_the_future) {
  zone_fixture f;
  f.load("example.", zone);
  EXPECT_FALSE(f.ask({.name = "www.example."}).edns);
  EXPECT_TRUE(f.ask({.name = "www.example.", .edns = 4096}).edns);
  auto p = packet_of({.name = "www.example.", .edns = 4096});
  p[p.size() - 5] = 1;  // version
  const auto m = read_message(f.raw_answer(p, transport::udp));
  EXPECT_EQ(m.rcode, 16U);
  EXPECT_THAT(m.answer, IsEmpty());
}

TEST(pipeline, says_nothing_to_answers_and_scraps) {
  zone_fixture f;
  f.load("example.", zone);
  auto p = packet_of({.name = "www.example."});
  p[2] |= 0x80;
  EXPECT_THAT(f.raw_answer(p, transport::udp), IsEmpty());
  p.resize(11);
  EXPECT_THAT(f.raw_answer(p, transport::udp), IsEmpty());
  EXPECT_EQ(f.count.dropped, 2U);
}

TEST(pipeline, answers_a_malformed_query_with_its_id_and_no_question) {
  zone_fixture f;
  f.load("example.", zone);
  auto p = packet_of({.name = "www.example."}, 77);
  p.resize(15);
  const auto out = f.raw_answer(p, transport::udp);
  ASSERT_EQ(out.size(), header_size);
  EXPECT_EQ(load16(out.data()), 77);
  EXPECT_EQ(out[3] & 0xf, rcode::formerr);
}

class truncation : public ::testing::Test {
 protected:
  truncation() {
    std::string text(zone);
    for (int i = 0; i < 40; ++i) text += fmt::format("many A 192.0.2.{}\n", i + 1);
    text += "big TXT \"" + std::string(250, 'x') + "\" \"" + std::string(250, 'y') + "\"\n";
    text += "@ MX 5 big-mail\n";
    for (int i = 0; i < 40; ++i) text += fmt::format("big-mail A 198.51.100.{}\n", i + 1);
    text += "sub NS ns.sub\n";
    for (int i = 0; i < 40; ++i) text += fmt::format("ns.sub A 203.0.113.{}\n", i + 1);
    f.load("example.", text);
  }
  zone_fixture f;
};

TEST_F(truncation, never_cuts_inside_an_rrset) {
  const auto m = f.ask({.name = "many.example.", .via = transport::udp});
  EXPECT_TRUE(m.tc);
  EXPECT_THAT(m.answer, IsEmpty());
  EXPECT_LE(m.bytes, 512U);
  EXPECT_EQ(f.ask({.name = "many.example.", .edns = 1232, .via = transport::udp}).answer.size(),
            40U);
  const auto tcp = f.ask({.name = "many.example."});
  EXPECT_FALSE(tcp.tc);
  EXPECT_EQ(tcp.answer.size(), 40U);
}

TEST_F(truncation, sets_tc_only_for_what_is_required) {
  const auto mx = f.ask({.name = "example.", .type = "MX", .via = transport::udp});
  EXPECT_FALSE(mx.tc) << "addresses of a mail host are a courtesy";
  EXPECT_EQ(mx.answer.size(), 1U);
  const auto referral = f.ask({.name = "x.sub.example.", .via = transport::udp});
  EXPECT_TRUE(referral.tc) << "glue inside the child is required (RFC 9471)";
  EXPECT_EQ(referral.authority.size(), 1U);
}

TEST_F(truncation, keeps_udp_answers_below_the_limit_of_the_chain) {
  f.chain->udp_payload = 600;
  EXPECT_TRUE(f.ask({.name = "many.example.", .edns = 4096, .via = transport::udp}).tc);
  EXPECT_TRUE(f.ask({.name = "big.example.", .type = "TXT", .via = transport::udp}).tc);
}

TEST(pipeline, compresses_only_where_rfc_3597_allows_it) {
  zone_fixture f;
  f.load("example.", R"($TTL 300
@ SOA ns admin 1 2 3 4 60
@ NS a.ns.long-enough-label
@ NS b.ns.long-enough-label
@ MX 1 a.ns.long-enough-label
srv SRV 1 1 1 a.ns.long-enough-label
)");
  const auto ns = f.raw_answer(packet_of({.name = "example.", .type = "NS"}), transport::udp);
  // Header, question, two records: 12 + 13 + (12 + full name up to the apex + pointer) + (12 + "b"
  // + pointer).
  EXPECT_EQ(ns.size(), 12U + 13U + (12U + 2 + 3 + 18 + 2) + (12U + 2 + 2));
  const auto srv = f.raw_answer(packet_of({.name = "srv.example.", .type = "SRV"}), transport::udp);
  EXPECT_EQ(srv.size(), 12U + 17U + 12U + 6U + 2 + 3 + 18 + 9);
  EXPECT_EQ(read_message(ns).answer.size(), 2U);
}

TEST(pipeline, points_no_further_than_fourteen_bits) {
  zone_fixture f;
  std::string text = "$TTL 300\n@ SOA ns admin 1 2 3 4 60\n";
  for (int i = 0; i < 2000; ++i)
    text += fmt::format("@ MX {} host-number-{}.mail\nhost-number-{}.mail A 192.0.2.1\n", i, i, i);
  f.load("example.", text);
  const auto m = f.ask({.name = "example.", .type = "MX"});
  EXPECT_TRUE(m.parsed);
  EXPECT_EQ(m.answer_count, 2000U);
  EXPECT_GT(m.bytes, 0x4000U);
}

TEST(pipeline, logs_in_the_words_of_coredns) {
  zone_fixture f;
  f.chain->log.emplace_back();
  f.load("example.", zone);
  (void)f.ask({.name = "WWW.example.", .flags = flag::rd, .edns = 4096, .via = transport::udp});
  f.log.flush();
  EXPECT_THAT(
      f.logged,
      ::testing::MatchesRegex(
          R"(\[INFO\] 192\.0\.2\.53:5353 - 4660 "A IN www\.example\. udp 40 false 4096" NOERROR qr,aa,rd 56 0\.[0-9]+s.)"));
}

TEST(pipeline, logs_only_the_classes_and_names_of_its_rule) {
  zone_fixture f;
  f.chain->log.push_back({{testing::wire("quiet.example.")}, 0, log_format{}});
  f.chain->log.push_back({{root_name()},
                          static_cast<std::uint8_t>(answer_class::denial),
                          log_format{"{rcode} {name}"}});
  f.load("example.", zone);
  (void)f.ask({.name = "www.example."});
  (void)f.ask({.name = "x.quiet.example."});
  (void)f.ask({.name = "nope.example."});
  (void)f.ask({.name = "www.example.", .type = "MX"});
  f.log.flush();
  EXPECT_EQ(f.logged, "[INFO] NXDOMAIN nope.example.\n[INFO] NOERROR www.example.\n");
}

TEST(pipeline, names_cannot_forge_log_lines) {
  zone_fixture f;
  f.chain->log.push_back({{root_name()}, 7, log_format{"{name}"}});
  f.load("example.", zone);
  (void)f.ask({.name = "a\\010\\034b.example."});
  f.log.flush();
  EXPECT_EQ(f.logged, "[INFO] a\\010\\\"b.example.\n");
}

TEST(pipeline, counts_answers_by_rcode) {
  zone_fixture f;
  f.load("example.", zone);
  (void)f.ask({.name = "www.example."});
  (void)f.ask({.name = "nope.example."});
  (void)f.ask({.name = "example.org."});
  EXPECT_EQ(f.count.answers[rcode::noerror], 1U);
  EXPECT_EQ(f.count.answers[rcode::nxdomain], 1U);
  EXPECT_EQ(f.count.answers[rcode::refused], 1U);
  EXPECT_EQ(f.count.tcp_queries, 3U);
}

}  // namespace
}  // namespace stagedoor::dns
