// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/zone_file.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/dns/rdata_text.hpp"
#include "runtime/dns/types.hpp"
#include "runtime/dns/zone_generate.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

namespace stagedoor::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const wire_name apex = parse_name("example.", root_name()).value();
constexpr std::string_view soa = "@ 60 IN SOA ns admin 1 2 3 4 60\n@ 60 NS ns\n";

parsed_zone parse(std::string_view text, std::map<std::string, std::string> files = {},
                  zone_file_limits limits = {}) {
  return parse_zone(
      text, "zones/db.example", apex,
      [files](const std::string& path) -> result<std::string> {
        if (const auto it = files.find(path); it != files.end()) return it->second;
        return fault{fault_kind::not_found, fault_side::operator_input, retryable::no,
                     "cannot read " + path};
      },
      limits);
}

// "owner TTL TYPE hex", without the SOA and NS that every zone here has.
std::vector<std::string> records(const parsed_zone& z) {
  std::vector<std::string> out;
  for (std::size_t i = 2; i < z.data.records.size(); ++i) {
    const auto& r = z.data.records[i];
    std::string hex;
    for (const char c : r.rdata) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    out.push_back(fmt::format("{} {} {} {}", name_text(r.owner), r.ttl, type_name(r.type), hex));
  }
  return out;
}

parsed_zone with(std::string_view text) { return parse(std::string(soa) + std::string(text)); }

TEST(zone_file, reads_the_zone_of_the_reference_setup) {
  const auto z = parse_zone(R"(; coredns/zones/db.localhost
$ORIGIN localhost.
@       IN      SOA     ns.localhost. admin.localhost. (
                        2024010101 ; serial
                        3600       ; refresh
                        600        ; retry
                        86400      ; expire
                        60         ; minimum
                        )

@               IN      NS      ns.localhost.
@               IN      A       127.0.0.1
ns              IN      A       127.0.0.1

; Wildcard for all subdomains
*               IN      A       127.0.0.1

; Specific entries (added dynamically)
team-a          IN      A       127.0.0.1
team-b          IN      A       127.0.0.1
)",
                            "db.localhost", parse_name("localhost.", {}).value(), {});
  ASSERT_TRUE(z.good()) << z.errors[0].to_string();
  EXPECT_EQ(z.data.records.size(), 7U);
  for (const auto& r : z.data.records)
    EXPECT_EQ(r.ttl, 60U) << "the SOA minimum, as no TTL is given";
  ASSERT_EQ(z.warnings.size(), 1U);
  EXPECT_THAT(z.warnings[0].to_string(), HasSubstr("db.localhost:3:"));
}

TEST(zone_file, takes_ttl_and_class_in_either_order_or_not_at_all) {
  const auto z = with(
      "$TTL 5m\na A 1.2.3.4\nb IN A 1.2.3.4\nc 7 A 1.2.3.4\nd 7 IN A 1.2.3.4\ne IN 7 A 1.2.3.4\n"
      "f CLASS1 1h30m A 1.2.3.4\ng 4294967295 A 1.2.3.4\n");
  ASSERT_TRUE(z.good()) << z.errors[0].to_string();
  EXPECT_THAT(records(z), ElementsAre("a.example. 300 A 01020304", "b.example. 300 A 01020304",
                                      "c.example. 7 A 01020304", "d.example. 7 A 01020304",
                                      "e.example. 7 A 01020304", "f.example. 5400 A 01020304",
                                      "g.example. 0 A 01020304"));
}

TEST(zone_file, repeats_the_last_owner_and_the_last_ttl) {
  const auto z = with("a 9 A 1.2.3.4\n  A 1.2.3.5\n\t AAAA ::1\nb TXT x\n");
  ASSERT_TRUE(z.good());
  EXPECT_THAT(records(z), ElementsAre("a.example. 9 A 01020304", "a.example. 9 A 01020305",
                                      "a.example. 9 AAAA 00000000000000000000000000000001",
                                      "b.example. 9 TXT 0178"));
}

TEST(zone_file, obeys_origin_and_relative_names) {
  const auto z = with(
      "$ORIGIN sub\na 1 CNAME b\n$ORIGIN deep.sub.example.\nc 1 CNAME @\nd.example. 1 CNAME .\n");
  ASSERT_TRUE(z.good()) << z.errors[0].to_string();
  EXPECT_EQ(z.data.records[2].rdata, parse_name("b.sub.example.", {}).value());
  EXPECT_EQ(name_text(z.data.records[3].owner), "c.deep.sub.example.");
  EXPECT_EQ(z.data.records[3].rdata, parse_name("deep.sub.example.", {}).value());
}

TEST(zone_file, reads_parentheses_quotes_comments_and_escapes) {
  const auto z = with(
      "a 1 TXT ( \"one ; not a comment\" ; a comment (\n two )\nb 1 TXT \"a\\\"b\" c\\;d \\065\n"
      "c\\.d 1 A ( 1.2.3.4 )\r\n");
  ASSERT_TRUE(z.good()) << z.errors[0].to_string();
  EXPECT_EQ(z.data.records[2].rdata, std::string("\x13one ; not a comment\x03two"));
  EXPECT_EQ(z.data.records[3].rdata, std::string("\3a\"b\3c;d\1A"));
  EXPECT_EQ(name_text(z.data.records[4].owner), "c\\.d.example.");
}

TEST(zone_file, reads_every_type_that_people_use) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"MX 10 mail", "000a046d61696c076578616d706c6500"},
      {"SRV 1 2 443 .", "0001000201bb00"},
      {"CAA 0 issue \"letsencrypt.org\"",
       "00056973737565"
       "6c657473656e63727970742e6f7267"},
      {"TXT \"\"", "00"},
      {"PTR host", "04686f7374076578616d706c6500"},
      {"TLSA 3 1 1 0102", "0301010102"},
      {"SSHFP 1 1 0102", "01010102"},
      {"DS 1 13 2 0102", "00010d020102"},
      {"NAPTR 1 2 \"u\" \"s\" \"\" .", "00010002017501730000"},
      {"HTTPS 1 . alpn=\"h2,h3\"",
       "000100"
       "00010006"
       "026832026833"},
      {"SVCB 0 svc", "000003737663076578616d706c6500"},
      {"TYPE65280 \\# 3 010203", "010203"},
      {"A \\# 4 7f000001", "7f000001"},
      {"TYPE1 127.0.0.1", "7f000001"},
      {"HINFO \"cpu\" \"os\"", "03637075026f73"},
  };
  for (const auto& [text, hex] : cases) {
    const auto z = with(fmt::format("x 1 {}\n", text));
    ASSERT_TRUE(z.good()) << text << ": " << z.errors[0].to_string();
    EXPECT_THAT(records(z)[0], ::testing::EndsWith(fmt::format(" {}", hex))) << text;
  }
}

struct error_case {
  std::string_view text;
  std::string_view position;
  std::string_view message;
};

TEST(zone_file, names_file_line_column_and_what_it_expected) {
  const error_case cases[] = {
      {"a 1 A 1.2.3\n", "zones/db.example:3:7", "expected an IPv4 address, got '1.2.3'"},
      {"a 1 AAAA zz\n", "zones/db.example:3:10", "expected an IPv6 address, got 'zz'"},
      {"a 1 A\n", "zones/db.example:3:5", "expected the data of a A record"},
      {"a 1 MX mail\n", "zones/db.example:3:8", "expected 2 words of data for MX, got 1"},
      {"a 1 MX x mail\n", "zones/db.example:3:8", "expected a number from 0 to 65535, got 'x'"},
      {"a 1 NOTYPE x\n", "zones/db.example:3:5",
       "expected a TTL, a class or a record type, got 'NOTYPE'"},
      {"a 1 CH TXT x\n", "zones/db.example:3:5", "expected class IN, got 'CH'"},
      {"a 1\n", "zones/db.example:3:3", "expected a record type before the end of the line"},
      {"a..b 1 A 1.2.3.4\n", "zones/db.example:3:1", "empty label"},
      {"a 1 TXT \"open\n", "zones/db.example:3:9", "expected a closing quote on this line"},
      {"a 1 TXT ( x\n", "zones/db.example:3:9", "expected ')' before the end of the file"},
      {"a 1 TXT x )\n", "zones/db.example:3:11", "')' without '('"},
      {"$TTL x\n", "zones/db.example:3:6", "expected $TTL with one time"},
      {"$NONSENSE\n", "zones/db.example:3:1", "expected $ORIGIN, $TTL, $INCLUDE or $GENERATE"},
      {"$INCLUDE nowhere\n", "zones/db.example:3:10", "cannot read zones/nowhere"},
      {"$GENERATE 1-x a A 1.2.3.4\n", "zones/db.example:3:11", "expected a range first-last"},
      {"sub 1 SOA ns admin 1 2 3 4 5\n", "zones/db.example:3:1", "expected the SOA at example."},
      {"a 1 OPT x\n", "zones/db.example:3:5", "expected a TTL, a class or a record type"},
      {"a 1 A \\# 3 010203\n", "zones/db.example:3:7", "expected the data of a A record"},
  };
  for (const auto& c : cases) {
    const auto z = with(c.text);
    ASSERT_EQ(z.errors.size(), 1U)
        << c.text << (z.errors.size() > 1 ? z.errors[1].to_string() : "");
    EXPECT_THAT(z.errors[0].to_string(), ::testing::StartsWith(std::string(c.position) + ": "))
        << c.text;
    EXPECT_THAT(z.errors[0].message, HasSubstr(c.message)) << c.text;
    EXPECT_THAT(z.data.records, IsEmpty());
  }
}

TEST(zone_file, reports_all_errors_at_once_up_to_a_limit) {
  const auto z = with("a 1 A x\nb 1 A 1.2.3.4\nc 1 TXT \"y\nd 1 AAAA z\n");
  ASSERT_EQ(z.errors.size(), 3U);
  EXPECT_EQ(z.errors[2].line, 6U);
  std::string many(soa);
  for (int i = 0; i < 500; ++i) many += "a 1 A x\n";
  EXPECT_EQ(parse(many).errors.size(), zone_file_limits{}.diagnostics);
}

TEST(zone_file, needs_an_soa_and_says_so) {
  const auto z = parse("a 1 A 1.2.3.4\n");
  ASSERT_EQ(z.errors.size(), 1U);
  EXPECT_EQ(z.errors[0].to_string(), "zones/db.example: expected an SOA record for example.");
}

TEST(zone_file, leaves_out_names_of_other_zones_with_a_warning) {
  const auto z = with("www.other. 1 A 1.2.3.4\nb 1 A 1.2.3.4\n");
  ASSERT_TRUE(z.good());
  EXPECT_THAT(records(z), ElementsAre("b.example. 1 A 01020304"));
  ASSERT_EQ(z.warnings.size(), 1U);
  EXPECT_THAT(z.warnings[0].to_string(), HasSubstr("www.other. is outside the zone example."));
}

TEST(zone_file, includes_files_with_an_origin_of_their_own) {
  const auto z = parse(
      std::string(soa) + "a 1 A 1.2.3.4\n$INCLUDE more sub\n  A 1.2.3.5\n$INCLUDE /abs/more\n",
      {{"zones/more", "b 1 A 1.2.3.6\n$ORIGIN x.example.\nc 1 A 1.2.3.7\n"},
       {"/abs/more", "d 1 A 1.2.3.8\n"}});
  ASSERT_TRUE(z.good()) << z.errors[0].to_string();
  EXPECT_THAT(records(z), ElementsAre("a.example. 1 A 01020304", "b.sub.example. 1 A 01020306",
                                      "c.x.example. 1 A 01020307", "a.example. 1 A 01020305",
                                      "d.example. 1 A 01020308"));
}

TEST(zone_file, names_the_included_file_in_its_errors) {
  const auto z = parse(std::string(soa) + "$INCLUDE more\n", {{"zones/more", "\nb 1 A x\n"}});
  ASSERT_EQ(z.errors.size(), 1U);
  EXPECT_EQ(z.errors[0].to_string(), "zones/more:2:7: expected an IPv4 address, got 'x'");
}

TEST(zone_file, that_includes_itself_ends_in_an_error) {
  const auto z = parse(std::string(soa) + "$INCLUDE me\n", {{"zones/me", "$INCLUDE me\n"}});
  ASSERT_FALSE(z.good());
  EXPECT_THAT(z.errors[0].message, HasSubstr("included in each other"));
}

TEST(zone_file, generates_as_bind_does) {
  const auto z = with(
      "$GENERATE 1-3 host$ 5 A 10.0.0.$\n$GENERATE 0-4/2 h${10,3}.x IN CNAME c${0,2,x}\n"
      "$GENERATE 7-7 a\\$$ 5 TXT \"$$$\"\n");
  ASSERT_TRUE(z.good()) << z.errors[0].to_string();
  const auto got = records(z);
  ASSERT_EQ(got.size(), 7U);
  EXPECT_EQ(got[0], "host1.example. 5 A 0a000001");
  EXPECT_EQ(got[2], "host3.example. 5 A 0a000003");
  EXPECT_THAT(got[3], ::testing::StartsWith("h010.x.example. 5 CNAME 03633030"));
  EXPECT_THAT(got[5], ::testing::StartsWith("h014.x.example. 5 CNAME 03633034"));
  EXPECT_EQ(got[6], "a\\$7.example. 5 TXT 022437");
}

TEST(zone_file, bounds_what_one_generate_may_make) {
  EXPECT_THAT(with("$GENERATE 0-65536 h$ 5 A 10.0.0.1\n").errors[0].message,
              HasSubstr("more than 65536 steps"));
  EXPECT_TRUE(with("$GENERATE 1-65536 h$ 5 A 10.0.0.1\n").good());
  EXPECT_EQ(with("$GENERATE 0-2147483647/40000 h$ 5 A 10.0.0.1\n").data.records.size(), 53690U);
  EXPECT_FALSE(with("$GENERATE 1-2 h${0,9999} 5 A 10.0.0.1\n").good());
  EXPECT_FALSE(with("$GENERATE 1-2 h${-5} 5 A 10.0.0.1\n").good());
  EXPECT_FALSE(with("$GENERATE 1-2 h${0 5 A 10.0.0.1\n").good());
  zone_file_limits few;
  few.records = 10;
  EXPECT_FALSE(parse(std::string(soa) + "$GENERATE 1-100 h$ 5 A 10.0.0.1\n", {}, few).good());
}

TEST(zone_file, splits_no_long_string_silently) {
  EXPECT_FALSE(with("a 1 TXT \"" + std::string(256, 'x') + "\"\n").good());
  EXPECT_TRUE(with("a 1 TXT \"" + std::string(255, 'x') + "\"\n").good());
}

TEST(zone_file, may_begin_with_a_byte_order_mark) {
  EXPECT_TRUE(parse("\xef\xbb\xbf" + std::string(soa)).good());
}

TEST(parse_ttl, knows_the_units_of_bind) {
  EXPECT_EQ(parse_ttl("1w2d3h4m5s"), 604800U + 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
  EXPECT_EQ(parse_ttl("0"), 0U);
  EXPECT_EQ(parse_ttl("2147483647"), 2147483647U);
  EXPECT_EQ(parse_ttl("2147483648"), 0U) << "RFC 2181 section 8";
  for (const auto* bad : {"", "h", "1x", "1hh", "-1", "99999999999", "9999999w"})
    EXPECT_FALSE(parse_ttl(bad)) << bad;
}

TEST(disk_reader, refuses_what_is_missing_or_too_large) {
  EXPECT_FALSE(disk_reader(100)("/nonexistent/zone"));
  const auto z = read_zone_file("/nonexistent/zone", apex);
  ASSERT_EQ(z.errors.size(), 1U);
}

}  // namespace
}  // namespace stagedoor::dns
