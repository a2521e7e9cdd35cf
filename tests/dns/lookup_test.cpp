// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/zone_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using testing::question;
using ::testing::UnorderedElementsAre;
using testing::zone_fixture;

constexpr std::string_view soa = "example. 60 in soa ns.example. admin.example. 1 2 3 4 60";

// The zone of RFC 4592 section 2.2.1, with addresses.
constexpr std::string_view rfc4592 = R"($ORIGIN example.
$TTL 3600
@            SOA ns admin 1 2 3 4 60
@            NS  ns.example.com.
@            NS  ns.example.net.
*            TXT "this is a wildcard"
*            MX  10 host1
sub.*        TXT "this is not a wildcard"
host1        A   192.0.2.1
_ssh._tcp.host1  SRV 0 0 22 host1
_ssh._tcp.host2  SRV 0 0 22 host2
subdel       NS  ns.example.com.
subdel       NS  ns.example.net.
)";

struct lookup_case {
  std::string name;
  std::string type;
  unsigned rcode;
  std::set<std::string> answer;
};

TEST(lookup, synthesizes_as_the_table_of_rfc_4592_section_2_2_1_says) {
  zone_fixture f;
  f.load("example.", rfc4592);
  const lookup_case cases[] = {
      // Synthesized from the wildcard.
      {"host3.example.", "MX", 0, {"host3.example. 3600 in mx 10 host1.example."}},
      {"foo.bar.example.", "TXT", 0, {"foo.bar.example. 3600 in txt \"this is a wildcard\""}},
      // The wildcard has no such type: no data.
      {"host3.example.", "A", 0, {}},
      // Exists, so nothing is synthesized.
      {"host1.example.", "MX", 0, {}},
      // The wildcard itself, asked for by name.
      {"*.example.", "TXT", 0, {"*.example. 3600 in txt \"this is a wildcard\""}},
      {"sub.*.example.", "MX", 0, {}},
      // The closest encloser is an empty non-terminal without a wildcard.
      {"_telnet._tcp.host1.example.", "SRV", 3, {}},
      // host2 exists as an empty non-terminal.
      {"host2.example.", "MX", 0, {}},
      {"x.host2.example.", "MX", 3, {}},
      // Below "*" nothing is synthesized from "*" itself.
      {"ghost.*.example.", "MX", 3, {}},
  };
  for (const auto& c : cases) {
    const auto m = f.ask({.name = c.name, .type = c.type});
    EXPECT_EQ(m.rcode, c.rcode) << c.name << " " << c.type;
    EXPECT_EQ(m.answer, c.answer) << c.name << " " << c.type;
    EXPECT_TRUE(m.aa) << c.name;
    if (c.answer.empty()) {
      EXPECT_THAT(m.authority, ElementsAre(soa)) << c.name;
    }
  }
}

TEST(lookup, does_not_synthesize_below_a_cut) {
  zone_fixture f;
  f.load("example.", rfc4592);
  const auto m = f.ask({.name = "host.subdel.example.", .type = "A"});
  EXPECT_EQ(m.rcode, 0U);
  EXPECT_FALSE(m.aa);
  EXPECT_THAT(m.authority, UnorderedElementsAre("subdel.example. 3600 in ns ns.example.com.",
                                                "subdel.example. 3600 in ns ns.example.net."));
}

TEST(lookup, answers_no_data_where_the_wildcard_is_an_empty_non_terminal) {
  zone_fixture f;
  f.load("example.", "@ 60 SOA ns admin 1 2 3 4 60\nf.*.e 60 A 192.0.2.1\n");
  EXPECT_EQ(f.ask({.name = "x.e.example."}).rcode, 0U);
  EXPECT_EQ(f.ask({.name = "f.x.e.example."}).rcode, 0U);
  EXPECT_EQ(f.ask({.name = "g.*.e.example."}).rcode, 3U);
  EXPECT_EQ(f.ask({.name = "f.*.e.example."}).answer.size(), 1U);
}

TEST(lookup, uses_only_the_wildcard_of_the_closest_encloser) {
  zone_fixture f;
  f.load("example.",
         "@ 60 SOA ns admin 1 2 3 4 60\n* 60 A 192.0.2.1\nx.sub 60 A 192.0.2.2\n*.deep.sub 60 A "
         "192.0.2.3\n");
  EXPECT_EQ(f.ask({.name = "a.b.c.example."}).answer.size(), 1U);
  EXPECT_EQ(f.ask({.name = "y.sub.example."}).rcode, 3U)
      << "sub exists, its parent's wildcard stops there";
  EXPECT_THAT(f.ask({.name = "q.r.deep.sub.example."}).answer,
              ElementsAre("q.r.deep.sub.example. 60 in a 192.0.2.3"));
}

constexpr std::string_view aliases = R"($ORIGIN example.
$TTL 300
@     SOA ns admin 1 2 3 4 60
@     NS ns
ns    A 192.0.2.53
www   CNAME web
web   A 192.0.2.80
long  CNAME www
out   CNAME host.elsewhere.test.
gone  CNAME nothing
none  CNAME ns
loop  CNAME pool
pool  CNAME loop
self  CNAME self
*.w   CNAME web
sub   NS ns.sub
ns.sub A 192.0.2.99
into  CNAME x.sub
over  CNAME www.other.
)";

TEST(lookup, follows_a_cname_chain_to_its_end) {
  zone_fixture f;
  f.load("example.", aliases);
  EXPECT_THAT(f.ask({.name = "long.example."}).answer,
              UnorderedElementsAre("long.example. 300 in cname www.example.",
                                   "www.example. 300 in cname web.example.",
                                   "web.example. 300 in a 192.0.2.80"));
  const auto gone = f.ask({.name = "gone.example."});
  EXPECT_EQ(gone.rcode, 3U) << "the code is that of the last name";
  EXPECT_TRUE(gone.aa) << "the AA bit is that of the first";
  EXPECT_THAT(gone.authority, ElementsAre(soa));
  EXPECT_EQ(gone.answer.size(), 1U);
  const auto none = f.ask({.name = "none.example.", .type = "TXT"});
  EXPECT_EQ(none.rcode, 0U);
  EXPECT_THAT(none.authority, ElementsAre(soa));
  const auto out = f.ask({.name = "out.example."});
  EXPECT_EQ(out.rcode, 0U);
  EXPECT_EQ(out.answer.size(), 1U);
  EXPECT_THAT(out.authority, IsEmpty());
  EXPECT_THAT(f.ask({.name = "any.w.example."}).answer,
              UnorderedElementsAre("any.w.example. 300 in cname web.example.",
                                   "web.example. 300 in a 192.0.2.80"));
}

TEST(lookup, does_not_follow_a_cname_that_was_asked_for) {
  zone_fixture f;
  f.load("example.", aliases);
  EXPECT_EQ(f.ask({.name = "www.example.", .type = "CNAME"}).answer.size(), 1U);
  EXPECT_EQ(f.ask({.name = "www.example.", .type = "ANY"}).answer.size(), 1U);
}

TEST(lookup, ends_a_cname_loop_with_what_it_has) {
  zone_fixture f;
  f.load("example.", aliases);
  const auto loop = f.ask({.name = "loop.example."});
  EXPECT_EQ(loop.rcode, 0U);
  EXPECT_EQ(loop.answer_count, 2U);
  EXPECT_EQ(f.ask({.name = "self.example."}).answer_count, 1U);
}

TEST(lookup, follows_a_cname_into_another_zone_of_this_server) {
  zone_fixture f;
  f.load("example.", aliases);
  f.load("other.", "@ 60 SOA ns admin 1 2 3 4 60\nwww 60 A 203.0.113.1\n");
  const auto m = f.ask({.name = "over.example."});
  EXPECT_TRUE(m.aa);
  EXPECT_THAT(m.answer, UnorderedElementsAre("over.example. 300 in cname www.other.",
                                             "www.other. 60 in a 203.0.113.1"));
}

TEST(lookup, limits_the_length_of_a_chain) {
  zone_fixture f;
  std::string text = "@ 60 SOA ns admin 1 2 3 4 60\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("c{} 60 CNAME c{}\n", i, i + 1);
  f.load("example.", text);
  const auto m = f.ask({.name = "c0.example."});
  EXPECT_EQ(m.rcode, 0U);
  EXPECT_EQ(m.answer_count, lookup_limits{}.chain);
}

TEST(lookup, refers_to_the_child_with_glue) {
  zone_fixture f;
  f.load("example.", R"($TTL 300
@      SOA ns admin 1 2 3 4 60
@      NS ns
ns     A 192.0.2.53
sub    NS ns.sub
sub    NS ns.sibling
sub    NS ns
sub    NS ns.elsewhere.test.
sub    DS 1 13 2 00
ns.sub A 192.0.2.1
ns.sub AAAA 2001:db8::1
x.sub  A 192.0.2.7
sibling NS ns.sibling
ns.sibling A 192.0.2.2
)");
  const auto m = f.ask({.name = "x.y.sub.example."});
  EXPECT_FALSE(m.aa);
  EXPECT_EQ(m.rcode, 0U);
  EXPECT_THAT(m.answer, IsEmpty());
  EXPECT_EQ(m.authority.size(), 4U);
  EXPECT_THAT(m.additional, UnorderedElementsAre("ns.sub.example. 300 in a 192.0.2.1",
                                                 "ns.sub.example. 300 in aaaa 2001:db8::1",
                                                 "ns.sibling.example. 300 in a 192.0.2.2",
                                                 "ns.example. 300 in a 192.0.2.53"));
  EXPECT_FALSE(f.ask({.name = "x.sub.example."}).aa) << "data below the cut is hidden";
  EXPECT_THAT(f.ask({.name = "x.sub.example."}).answer, IsEmpty());
  EXPECT_FALSE(f.ask({.name = "sub.example.", .type = "NS"}).aa);
  const auto ds = f.ask({.name = "sub.example.", .type = "DS"});
  EXPECT_TRUE(ds.aa) << "DS is the parent's";
  EXPECT_EQ(ds.answer.size(), 1U);
  const auto no_ds = f.ask({.name = "sibling.example.", .type = "DS"});
  EXPECT_TRUE(no_ds.aa);
  EXPECT_THAT(no_ds.authority, ElementsAre(soa));
}

TEST(lookup, asks_the_parent_for_ds_when_both_sides_of_a_cut_are_here) {
  zone_fixture f;
  f.load("example.", "$TTL 300\n@ SOA ns admin 1 2 3 4 60\nsub NS ns.sub\nsub DS 1 13 2 00\n");
  f.load("sub.example.", "$TTL 300\n@ SOA ns admin 7 2 3 4 60\n@ NS ns\n");
  const auto ds = f.ask({.name = "sub.example.", .type = "DS"});
  EXPECT_EQ(ds.answer.size(), 1U);
  EXPECT_TRUE(ds.aa);
  EXPECT_TRUE(f.ask({.name = "sub.example.", .type = "NS"}).aa) << "the rest is the child's";
  const auto apex = f.ask({.name = "example.", .type = "DS"});
  EXPECT_EQ(apex.rcode, 0U);
  EXPECT_THAT(apex.authority, ElementsAre(soa)) << "no parent here: no data";
}

TEST(lookup, redirects_below_a_dname) {
  zone_fixture f;
  f.load("example.", R"($TTL 300
@      SOA ns admin 1 2 3 4 60
d      DNAME target
d      TXT "beside"
x.d    A 192.0.2.66
www.target A 192.0.2.1
away   DNAME elsewhere.test.
up     DNAME up
)");
  const auto m = f.ask({.name = "www.d.example."});
  EXPECT_TRUE(m.aa);
  EXPECT_THAT(m.answer, UnorderedElementsAre("d.example. 300 in dname target.example.",
                                             "www.d.example. 300 in cname www.target.example.",
                                             "www.target.example. 300 in a 192.0.2.1"));
  EXPECT_EQ(f.ask({.name = "x.d.example."}).rcode, 3U)
      << "data below the DNAME is hidden; the target has no x";
  EXPECT_EQ(f.ask({.name = "d.example.", .type = "TXT"}).answer.size(), 1U)
      << "the owner itself is not redirected";
  EXPECT_EQ(f.ask({.name = "d.example."}).rcode, 0U);
  EXPECT_EQ(f.ask({.name = "a.away.example."}).answer.size(), 2U);
  EXPECT_EQ(f.ask({.name = "a.away.example.", .type = "CNAME"}).answer.size(), 2U);
  EXPECT_EQ(f.ask({.name = "x.up.example."}).rcode, 0U) << "a DNAME to itself ends by the limit";
}

TEST(lookup, says_yxdomain_when_a_dname_makes_the_name_too_long) {
  zone_fixture f;
  const std::string label(60, 'x');
  f.load("example.", "$TTL 300\n@ SOA ns admin 1 2 3 4 60\nd DNAME " + label + "." + label + "." +
                         label + ".test.\n");
  const auto m = f.ask({.name = label + "." + label + ".d.example."});
  EXPECT_EQ(m.rcode, 6U);
  EXPECT_EQ(m.answer_count, 1U);
}

TEST(lookup, adds_the_addresses_of_mail_service_and_name_servers) {
  zone_fixture f;
  f.load("example.", R"($TTL 300
@      SOA ns admin 1 2 3 4 60
@      NS ns
ns     A 192.0.2.53
@      MX 10 mail
mail   A 192.0.2.25
mail   AAAA 2001:db8::25
_sip._udp SRV 0 0 5060 mail
svc    HTTPS 1 . alpn="h2"
svc    A 192.0.2.44
ali    HTTPS 0 svc
)");
  EXPECT_EQ(f.ask({.name = "example.", .type = "MX"}).additional.size(), 2U);
  EXPECT_EQ(f.ask({.name = "_sip._udp.example.", .type = "SRV"}).additional.size(), 2U);
  EXPECT_EQ(f.ask({.name = "example.", .type = "NS"}).additional.size(), 1U);
  EXPECT_THAT(f.ask({.name = "svc.example.", .type = "HTTPS"}).additional,
              ElementsAre("svc.example. 300 in a 192.0.2.44"));
  EXPECT_EQ(f.ask({.name = "ali.example.", .type = "HTTPS"}).additional.size(), 2U);
}

TEST(lookup, gives_one_rrset_to_any) {
  zone_fixture f;
  f.load("example.",
         "$TTL 300\n@ SOA ns admin 1 2 3 4 60\nm A 192.0.2.1\nm A 192.0.2.2\nm TXT \"x\"\n");
  EXPECT_EQ(f.ask({.name = "m.example.", .type = "ANY"}).answer.size(), 2U);
  EXPECT_EQ(f.ask({.name = "q.example.", .type = "ANY"}).rcode, 3U);
}

TEST(lookup, clamps_negative_answers_to_the_soa_minimum) {
  zone_fixture f;
  f.load("example.", "@ 3600 SOA ns admin 1 2 3 4 60\n");
  f.load("other.", "@ 30 SOA ns admin 1 2 3 4 60\n");
  EXPECT_THAT(f.ask({.name = "x.example."}).authority, ElementsAre(soa));
  EXPECT_THAT(f.ask({.name = "x.other."}).authority,
              ElementsAre("other. 30 in soa ns.other. admin.other. 1 2 3 4 60"));
  EXPECT_THAT(f.ask({.name = "example.", .type = "SOA"}).answer,
              ElementsAre("example. 3600 in soa ns.example. admin.example. 1 2 3 4 60"));
}

TEST(lookup, serves_the_root_zone) {
  zone_fixture f;
  f.load(".",
         "$TTL 300\n@ SOA ns. admin. 1 2 3 4 60\n@ NS ns.\nns A 192.0.2.1\norg NS ns.org.\nns.org "
         "A 192.0.2.2\n");
  EXPECT_EQ(f.ask({.name = ".", .type = "NS"}).answer.size(), 1U);
  EXPECT_EQ(f.ask({.name = "nope."}).rcode, 3U);
  const auto m = f.ask({.name = "a.b.org."});
  EXPECT_EQ(m.authority.size(), 1U);
  EXPECT_EQ(m.additional.size(), 1U);
}

TEST(lookup, answers_servfail_for_a_zone_that_is_not_loaded) {
  zone_fixture f;
  auto& state = f.load("example.", "@ 60 SOA ns admin 1 2 3 4 60\n");
  f.apply(state.unload());
  EXPECT_EQ(f.ask({.name = "example."}).rcode, 2U);
}

TEST(lookup, adds_the_apex_ns_where_the_chain_wants_it) {
  zone_fixture f;
  f.chain->apex_ns = true;
  f.load("example.", "$TTL 300\n@ SOA ns admin 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n");
  const auto m = f.ask({.name = "ns.example."});
  EXPECT_THAT(m.authority, ElementsAre("example. 300 in ns ns.example."));
}

}  // namespace
}  // namespace stagedoor::dns
