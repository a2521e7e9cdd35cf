// SPDX-License-Identifier: Apache-2.0
#include "actors/dns/zone_directory.hpp"

#include "actors/dns/zone_messages.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>
#include <map>

namespace stagedoor::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct zone_directory_test : actor_fixture {
  std::map<std::string, probe> zones;
  probe supervisor = make_probe();
  caf::actor directory;

  zone_directory_test() {
    for (const char* id : {"kanban.domain.", "localhost.", "other."}) {
      auto& zone = zones.emplace(id, make_probe()).first->second;
      zone.answers<add_zone_records>(
          [](const add_zone_records&) { return messages::published{7}; });
      zone.answers<remove_zone_records>(
          [](const remove_zone_records&) { return messages::published{8}; });
      zone.answers<messages::report_zone>([id](const messages::report_zone&) {
        return messages::zone_report{id, 3, 3,
                                     2,  4, std::string(id) == "other." ? "db:1:1: bad" : ""};
      });
    }
    supervisor.answers<messages::locate_child>(
        [this](const messages::locate_child& m) -> result<messages::child_location> {
          if (!zones.contains(m.id))
            return fault{fault_kind::not_found, fault_side::client, retryable::no, m.id};
          return messages::child_location{m.id, zones.at(m.id).handle()};
        });
    publish_name(system(), "zones", supervisor.handle());
    start({"kanban.domain.", "localhost."});
  }

  void start(std::vector<std::string> team_zones) {
    zone_directory_options options;
    options.ids = {"kanban.domain.", "localhost.", "other."};
    options.team_zones = std::move(team_zones);
    options.addresses = {net::address::parse_ip("192.0.2.1", 0).value(),
                         net::address::parse_ip("2001:db8::1", 0).value()};
    options.ttl = 30;
    directory = spawn<zone_directory>(std::move(options));
  }
  result<messages::published> publish(std::vector<std::string> labels) {
    return ask<messages::published>(directory, messages::publish_host_names{std::move(labels)},
                                    seconds(20));
  }
  std::vector<std::string> added(const std::string& zone) {
    std::vector<std::string> out;
    for (const auto& order : zones.at(zone).received<add_zone_records>())
      for (const auto& r : order.records)
        out.push_back(dns::name_text(r.owner) + (r.type == 1 ? " A" : " AAAA"));
    return out;
  }
};

TEST_F(zone_directory_test, a_name_goes_into_each_team_zone_with_every_address) {
  ASSERT_TRUE(publish({"team-a", "team-b"}));
  EXPECT_THAT(added("kanban.domain."),
              ElementsAre("team-a.kanban.domain. A", "team-a.kanban.domain. AAAA",
                          "team-b.kanban.domain. A", "team-b.kanban.domain. AAAA"));
  EXPECT_THAT(added("localhost."), SizeIs(4));
  EXPECT_THAT(added("other."), IsEmpty());
  const auto first = zones.at("localhost.").received<add_zone_records>().at(0).records.at(0);
  EXPECT_EQ(first.ttl, 30U);
  EXPECT_EQ(first.rdata, std::string("\xC0\x00\x02\x01", 4));
}

TEST_F(zone_directory_test, answers_with_the_latest_version_whichever_zone_has_it) {
  for (const char* latest : {"kanban.domain.", "localhost."})
    for (const char* id : {"kanban.domain.", "localhost."}) {
      const std::uint64_t version = id == std::string(latest) ? 99 : 7;
      zones.at(id).answers<add_zone_records>(
          [version](const add_zone_records&) { return messages::published{version}; });
      if (id == std::string("localhost.")) {
        EXPECT_EQ(publish({"team-a"}).value().version, 99U) << latest;
      }
    }
}

TEST_F(zone_directory_test, withdraws_from_each_team_zone_whatever_was_there) {
  ASSERT_TRUE(ask<messages::published>(directory, messages::withdraw_host_names{{"team-a"}}));
  for (const char* id : {"kanban.domain.", "localhost."}) {
    const auto orders = zones.at(id).received<remove_zone_records>();
    ASSERT_THAT(orders, SizeIs(1));
    EXPECT_EQ(dns::name_text(orders[0].matches.at(0).owner), std::string("team-a.") + id);
    EXPECT_FALSE(orders[0].matches[0].type);
  }
  EXPECT_THAT(zones.at("other.").received<remove_zone_records>(), IsEmpty());
}

TEST_F(zone_directory_test, a_label_that_is_no_name_is_refused_before_any_zone_hears_of_it) {
  const auto r = publish({"team-a", std::string(64, 'x')});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().kind, fault_kind::too_large);
  for (auto& [id, zone] : zones) EXPECT_THAT(zone.received<add_zone_records>(), IsEmpty()) << id;
}

TEST_F(zone_directory_test, one_zone_that_fails_is_the_answer_and_the_others_are_told) {
  zones.at("kanban.domain.")
      .answers<add_zone_records>([](const add_zone_records&) -> result<messages::published> {
        return fault{fault_kind::too_large, fault_side::self, retryable::no, "full"};
      });
  const auto r = publish({"team-a"});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().detail, "full");
  EXPECT_THAT(zones.at("localhost.").received<add_zone_records>(), SizeIs(1));
}

TEST_F(zone_directory_test, a_zone_that_is_not_running_or_says_nothing_costs_a_deadline_at_most) {
  kill(zones.at("localhost.").handle());
  EXPECT_FALSE(publish({"team-a"}));
  zones.erase("localhost.");  // not even its supervisor knows it
  EXPECT_EQ(publish({"team-a"}).error().kind, fault_kind::not_found);
  zones.emplace("localhost.", make_probe());  // never answers
  const auto before = now();
  EXPECT_EQ(publish({"team-a"}).error().kind, fault_kind::timed_out);
  EXPECT_EQ(now() - before, seconds(5));
}

TEST_F(zone_directory_test, without_team_zones_there_is_nothing_to_wait_for) {
  start({});
  EXPECT_TRUE(publish({"team-a"}));
  EXPECT_TRUE(ask<messages::published>(directory, messages::withdraw_host_names{{"team-a"}}));
}

TEST_F(zone_directory_test, the_status_has_a_row_for_every_zone) {
  zones.erase("localhost.");
  const auto rows = ask<messages::status_rows>(directory, messages::report_status{}).value().rows;
  ASSERT_THAT(rows, SizeIs(3));
  std::map<std::string, std::string> by_zone;
  for (const auto& r : rows) {
    EXPECT_EQ(r.subsystem, "dns");
    by_zone[r.key] = r.value;
  }
  EXPECT_EQ(by_zone.at("kanban.domain."), "serial 3, 2 names, 4 records");
  EXPECT_EQ(by_zone.at("other."), "serial 3, 2 names, 4 records, last error: db:1:1: bad");
  EXPECT_THAT(by_zone.at("localhost."), HasSubstr("not found"));
}

TEST(host_records, are_made_for_any_zone_and_refuse_what_is_no_name) {
  const std::vector<net::address> one = {net::address::parse_ip("192.0.2.1", 0).value()};
  EXPECT_EQ(dns::name_text(host_records("a", ".", one, 1).value().at(0).owner), "a.");
  EXPECT_EQ(host_records("a..b", "test.", one, 1).error().kind, fault_kind::malformed);
  EXPECT_FALSE(host_records("a", "te..st", one, 1));
  EXPECT_THAT(host_records("a", "test.", {}, 1).value(), IsEmpty());
}

}  // namespace
}  // namespace stagedoor::actors
