// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/zone_fixture.hpp"

#include "runtime/dns/rdata_text.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace stagedoor::dns {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::wire;
using testing::zone_fixture;

record rr(std::string_view owner, std::string_view type, std::string_view data,
          std::uint32_t ttl = 60) {
  const auto t = parse_type(type).value();
  return {wire(owner), t, ttl, parse_rdata(t, data, root_name()).value()};
}

constexpr std::string_view base =
    "$TTL 300\n@ SOA ns admin 10 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n* A 192.0.2.9\n";

zone_data parsed(std::string_view text) {
  return parse_zone(text, "f", wire("example."), zone_fixture::no_includes()).data;
}

class zone_changes : public ::testing::Test {
 protected:
  zone_changes() : zone(f.load("example.", base)) {}
  change_set add(std::vector<record> records) {
    auto changes = zone.add_records(records);
    EXPECT_TRUE(changes) << (changes ? "" : changes.error().detail);
    return std::move(changes).value();
  }
  change_set remove(std::vector<record_match> matches) {
    return zone.remove_records(matches).value();
  }
  std::size_t answers(const std::string& name, const std::string& type = "A") {
    return f.ask({.name = name, .type = type}).answer.size();
  }
  unsigned code(const std::string& name, const std::string& type = "A") {
    return f.ask({.name = name, .type = type}).rcode;
  }
  zone_fixture f;
  zone_state& zone;
};

TEST_F(zone_changes, are_answered_after_the_delta_and_not_before) {
  auto changes = add({rr("team-a.example.", "TXT", "hello")});
  EXPECT_EQ(answers("team-a.example.", "TXT"), 0U);
  f.apply(std::move(changes));
  EXPECT_EQ(answers("team-a.example.", "TXT"), 1U);
  EXPECT_EQ(answers("team-a.example."), 0U) << "the wildcard stops at an existing name";
  EXPECT_EQ(answers("team-b.example."), 1U);
}

TEST_F(zone_changes, touch_only_the_names_involved) {
  std::string big(base);
  for (int i = 0; i < 5000; ++i) big += fmt::format("h{} A 192.0.2.1\n", i);
  ASSERT_TRUE(zone.load(parsed(big)));
  EXPECT_THAT(add({rr("new.example.", "A", "192.0.2.7")}).items, SizeIs(2))
      << "the name and the apex";
  EXPECT_THAT(add({rr("a.b.c.example.", "A", "192.0.2.7")}).items, SizeIs(4))
      << "and two empty non-terminals";
  EXPECT_THAT(add({rr("*.h7.example.", "A", "192.0.2.7")}).items, SizeIs(3))
      << "and the wildcard's parent";
  EXPECT_THAT(remove({{wire("a.b.c.example."), {}, {}}}).items, SizeIs(4));
}

TEST(given_serial, is_raised_by_who_gives_it_and_by_nothing_else) {
  zone_state zone(zone_id{1}, wire("example."), {}, serial_source::given);
  EXPECT_THAT(zone.set_serial(5).items, IsEmpty()) << "not loaded";
  ASSERT_TRUE(zone.load(parsed(base)));
  EXPECT_EQ(zone.serial(), 10U);
  const std::vector added{rr("team-a.example.", "A", "192.0.2.7")};
  EXPECT_EQ(zone.add_records(added).value().serial, 10U);
  std::string newer(base);
  newer.replace(newer.find("10 2"), 2, "12");
  ASSERT_TRUE(zone.load(parsed(newer)));
  EXPECT_EQ(zone.serial(), 10U) << "the owner has not said so";
  EXPECT_EQ(zone.file_serial(), 12U);
  const auto change = zone.set_serial(12);
  EXPECT_EQ(change.serial, 12U);
  EXPECT_THAT(change.items, SizeIs(1)) << "the apex";
  EXPECT_THAT(zone.set_serial(11).items, IsEmpty()) << "never back";
}

TEST_F(zone_changes, make_and_unmake_empty_non_terminals) {
  f.apply(add({rr("_acme-challenge.team.example.", "TXT", "token")}));
  EXPECT_EQ(code("team.example."), 0U);
  EXPECT_EQ(answers("team.example."), 0U);
  f.apply(remove({{wire("_acme-challenge.team.example."), type::txt, {}}}));
  EXPECT_EQ(answers("team.example."), 1U) << "the wildcard answers again";
}

TEST_F(zone_changes, switch_wildcards_on_and_off) {
  f.apply(
      add({rr("*.team.example.", "A", "192.0.2.7"), rr("www.other.example.", "A", "192.0.2.8")}));
  EXPECT_EQ(answers("x.team.example."), 1U);
  EXPECT_EQ(code("x.other.example."), 3U);
  f.apply(remove({{wire("*.team.example."), {}, {}}}));
  EXPECT_THAT(f.ask({.name = "x.team.example."}).answer,
              ::testing::ElementsAre("x.team.example. 300 in a 192.0.2.9"));
}

TEST_F(zone_changes, switch_delegations_and_dnames_on_and_off) {
  f.apply(add(
      {rr("sub.example.", "NS", "ns.elsewhere."), rr("old.example.", "DNAME", "new.example.")}));
  EXPECT_FALSE(f.ask({.name = "x.sub.example."}).aa);
  EXPECT_EQ(f.ask({.name = "x.old.example."}).answer_count, 3U);
  f.apply(remove({{wire("sub.example."), {}, {}}, {wire("old.example."), type::dname, {}}}));
  EXPECT_TRUE(f.ask({.name = "x.sub.example."}).aa);
  EXPECT_EQ(f.ask({.name = "x.old.example."}).answer_count, 1U);
}

TEST_F(zone_changes, of_several_names_become_visible_together) {
  auto changes = add(
      {rr("a.example.", "TXT", "1"), rr("b.example.", "TXT", "2"), rr("c.d.example.", "TXT", "3")});
  stage(std::move(changes), f.names);
  const auto delta = f.names.freeze();
  EXPECT_EQ(delta.version, f.tables.names.version() + 1) << "one delta";
  f.tables.names.apply(delta);
  for (const auto* name : {"a.example.", "b.example.", "c.d.example."})
    EXPECT_EQ(answers(name, "TXT"), 1U);
}

TEST_F(zone_changes, bump_the_serial_once_each) {
  EXPECT_EQ(zone.serial(), 10U);
  auto changes = add({rr("a.example.", "A", "192.0.2.1"), rr("b.example.", "A", "192.0.2.1")});
  EXPECT_EQ(changes.serial, 11U);
  f.apply(std::move(changes));
  EXPECT_THAT(*f.ask({.name = "example.", .type = "SOA"}).answer.begin(),
              ::testing::HasSubstr(" 11 2 3 4 60"));
  EXPECT_THAT(add({rr("a.example.", "A", "192.0.2.1")}).items, IsEmpty())
      << "nothing new, nothing published";
  EXPECT_EQ(zone.serial(), 11U);
  EXPECT_THAT(remove({{wire("nope.example."), {}, {}}}).items, IsEmpty());
  EXPECT_EQ(zone.serial(), 11U);
}

TEST(zone_serial, goes_around_the_circle) {
  zone_fixture f;
  auto& zone = f.load("example.", "@ 60 SOA ns admin 4294967295 2 3 4 60\n");
  const record added[] = {rr("a.example.", "A", "192.0.2.1")};
  EXPECT_EQ(zone.add_records(added).value().serial, 0U);
  EXPECT_TRUE(serial_before(4294967295U, 0));
  EXPECT_FALSE(serial_before(0, 4294967295U));
  EXPECT_FALSE(serial_before(5, 5));
  EXPECT_FALSE(serial_before(0, 0x80000000U)) << "undefined by RFC 1982, so neither";
}

TEST_F(zone_changes, keep_several_values_at_one_name) {
  f.apply(add({rr("_acme-challenge.example.", "TXT", "one")}));
  f.apply(add({rr("_ACME-challenge.example.", "TXT", "two")}));
  EXPECT_EQ(answers("_acme-challenge.example.", "TXT"), 2U);
  f.apply(remove({{wire("_acme-challenge.example."), type::txt, rr(".", "TXT", "one").rdata}}));
  EXPECT_THAT(f.ask({.name = "_acme-challenge.example.", .type = "TXT"}).answer,
              ::testing::ElementsAre("_acme-challenge.example. 60 in txt \"two\""));
}

TEST_F(zone_changes, give_the_whole_rrset_the_newest_ttl) {
  f.apply(add({rr("a.example.", "A", "192.0.2.1", 60)}));
  f.apply(add({rr("a.example.", "A", "192.0.2.2", 5)}));
  for (const auto& line : f.ask({.name = "a.example."}).answer)
    EXPECT_THAT(line, ::testing::HasSubstr(" 5 in a"));
}

TEST_F(zone_changes, survive_a_reload_and_the_file_wins) {
  f.apply(add({rr("team-a.example.", "A", "192.0.2.50"), rr("alias.example.", "A", "192.0.2.51"),
               rr("both.example.", "A", "192.0.2.52")}));
  const auto reloaded =
      std::string(base) + "alias CNAME ns\nboth A 192.0.2.52\nfresh A 192.0.2.53\n";
  auto changes = zone.load(parsed(reloaded));
  ASSERT_TRUE(changes);
  EXPECT_EQ(changes->overruled, 1U);
  f.apply(std::move(*changes));
  EXPECT_EQ(answers("team-a.example."), 1U);
  EXPECT_EQ(answers("alias.example.", "CNAME"), 1U);
  EXPECT_EQ(answers("fresh.example."), 1U);
  f.apply(remove({{wire("both.example."), {}, {}}}));
  EXPECT_EQ(answers("both.example.", "A"), 1U) << "the file has it too";
  f.apply(zone.load(parsed(base)).value());
  EXPECT_EQ(answers("team-a.example."), 1U);
  EXPECT_THAT(f.ask({.name = "fresh.example."}).answer,
              ::testing::ElementsAre("fresh.example. 300 in a 192.0.2.9"));
}

TEST_F(zone_changes, never_take_the_serial_backwards) {
  for (int i = 0; i < 5; ++i) f.apply(add({rr(fmt::format("t{}.example.", i), "A", "192.0.2.1")}));
  EXPECT_EQ(zone.serial(), 15U);
  std::string text(base);
  text.replace(text.find(" 10 2"), 3, " 12");
  EXPECT_EQ(zone.load(parsed(text)).value().serial, 16U)
      << "the file is behind, but something changed";
  EXPECT_EQ(zone.load(parsed(text)).value().serial, 16U) << "nothing changed";
  text.replace(text.find(" 12 2"), 3, " 99");
  EXPECT_EQ(zone.load(parsed(text)).value().serial, 99U);
}

TEST_F(zone_changes, publish_only_the_differences_of_a_reload) {
  EXPECT_THAT(zone.load(parsed(base)).value().items, IsEmpty());
  EXPECT_THAT(zone.load(parsed(std::string(base) + "x A 192.0.2.3\n")).value().items, SizeIs(2));
}

TEST_F(zone_changes, are_refused_whole_when_one_is_wrong) {
  const std::pair<record, std::string_view> cases[] = {
      {rr("a.other.", "A", "192.0.2.1"), "outside the zone"},
      {rr("example.", "SOA", ". . 1 2 3 4 5"), "belongs to the server"},
      {rr("ns.example.", "CNAME", "x.example."), "CNAME"},
      {record{wire("x.example."), type::a, 60, "12"}, "malformed"},
      {record{wire("x.example."), type::opt, 60, ""}, "not a type of zone data"},
      {record{"\3www", type::a, 60, "1234"}, "not a name"},
  };
  for (const auto& [bad, why] : cases) {
    const record both[] = {rr("good.example.", "TXT", "x"), bad};
    const auto changes = zone.add_records(both);
    ASSERT_FALSE(changes) << why;
    EXPECT_THAT(changes.error().detail, ::testing::HasSubstr(why));
    EXPECT_EQ(answers("good.example.", "TXT"), 0U);
    EXPECT_THAT(zone.added(), IsEmpty());
  }
  EXPECT_EQ(zone.serial(), 10U);
}

TEST_F(zone_changes, respect_the_limits) {
  zone_state small(zone_id{99}, wire("example."), {.records = 100, .records_per_name = 3});
  ASSERT_TRUE(small.load(parsed(base)));
  const record four[] = {rr("a.example.", "TXT", "1"), rr("a.example.", "TXT", "2"),
                         rr("a.example.", "TXT", "3"), rr("a.example.", "TXT", "4")};
  const auto full = small.add_records(four);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, fault_kind::too_large);
}

TEST_F(zone_changes, leave_nothing_when_the_zone_goes) {
  f.apply(add({rr("a.b.example.", "A", "192.0.2.1")}));
  f.apply(zone.unload());
  EXPECT_EQ(f.names.size(), 0U);
  EXPECT_EQ(code("ns.example."), 2U);
  const record one[] = {rr("a.example.", "A", "192.0.2.1")};
  EXPECT_EQ(zone.add_records(one).error().kind, fault_kind::not_found);
}

TEST(zone_load, refuses_what_cannot_be_a_zone) {
  zone_state zone(zone_id{1}, wire("example."));
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"@ 60 SOA a b 1 2 3 4 5\n@ 60 SOA a b 2 2 3 4 5\n", "twice"},
      {"@ 60 SOA a b 1 2 3 4 5\nx 60 CNAME y\nx 60 A 192.0.2.1\n", "CNAME"},
      {"@ 60 SOA a b 1 2 3 4 5\nx 60 CNAME y\nx 60 CNAME z\n", "CNAME"},
      {"@ 60 SOA a b 1 2 3 4 5\nx 60 DNAME y\nx 60 DNAME z\n", "twice"},
  };
  for (const auto& [text, why] : cases) {
    const auto loaded = zone.load(parsed(text));
    ASSERT_FALSE(loaded) << text;
    EXPECT_THAT(loaded.error().detail, ::testing::HasSubstr(why));
    EXPECT_FALSE(zone.loaded());
  }
  EXPECT_FALSE(zone.load({wire("example."), {}}));
}

TEST(zone_load, collapses_duplicates_and_evens_out_ttls) {
  zone_fixture f;
  f.load("example.",
         "@ 60 SOA ns admin 1 2 3 4 60\na 60 A 192.0.2.1\nA 99 A 192.0.2.1\na 99 A 192.0.2.2\n"
         "m 60 MX 1 Host\nm 60 MX 1 hOST\n");
  const auto m = f.ask({.name = "a.example."});
  EXPECT_EQ(m.answer_count, 2U);
  for (const auto& line : m.answer) EXPECT_THAT(line, ::testing::HasSubstr(" 60 in a"));
  EXPECT_EQ(f.ask({.name = "m.example.", .type = "MX"}).answer_count, 1U)
      << "names compare without case";
}

// A long random history must leave the same zone as loading its outcome at once.
TEST(zone_history, leaves_the_same_answers_as_its_outcome) {
  std::minstd_rand random(7);
  zone_fixture grown;
  auto& zone = grown.load("example.", base);
  const std::vector<std::string> names = {"a",     "b.a", "c.b.a", "*",     "*.a",
                                          "x.*.a", "d",   "e.d",   "f.e.d", "*.e.d"};
  for (int i = 0; i < 2000; ++i) {
    const auto owner = names[random() % names.size()] + ".example.";
    const auto value = fmt::format("192.0.2.{}", random() % 3);
    const std::vector<record> kinds = {rr(owner, "A", value), rr(owner, "TXT", value),
                                       rr(owner, "NS", "ns.out."),
                                       rr(owner, "CNAME", "ns.example.")};
    const auto& r = kinds[random() % 20 < 14 ? random() % 2 : random() % 4];
    if (random() % 2 == 0) {
      if (auto changes = zone.add_records({&r, 1})) grown.apply(std::move(*changes));
    } else {
      const record_match m{r.owner, random() % 2 ? std::optional(r.type) : std::nullopt, {}};
      grown.apply(zone.remove_records({&m, 1}).value());
    }
  }
  zone_fixture fresh;
  auto& other = fresh.load("example.", base);
  fresh.apply(other.add_records(zone.added()).value());
  ASSERT_FALSE(zone.added().empty());
  EXPECT_EQ(grown.names.size(), fresh.names.size());
  EXPECT_EQ(zone.names(), other.names());
  EXPECT_EQ(zone.records(), other.records());
  for (const auto& name : names)
    for (const auto* prefix : {"", "q.", "r.q.", "*.", "x."})
      for (const auto* type : {"A", "TXT", "NS", "MX"}) {
        const auto one = grown.ask({.name = prefix + name + ".example.", .type = type});
        const auto two = fresh.ask({.name = prefix + name + ".example.", .type = type});
        EXPECT_EQ(one.rcode, two.rcode) << prefix << name << " " << type;
        EXPECT_EQ(one.answer, two.answer) << prefix << name << " " << type;
        EXPECT_EQ(one.aa, two.aa) << prefix << name << " " << type;
      }
}

}  // namespace
}  // namespace stagedoor::dns
