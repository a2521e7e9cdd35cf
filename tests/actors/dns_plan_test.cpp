// SPDX-License-Identifier: Apache-2.0
#include "actors/dns/dns_plan.hpp"

#include "configs/corefile.hpp"
#include "runtime/dns/types.hpp"
#include "runtime/net/socket.hpp"
#include "tests/configs/reported.hpp"
#include "tests/support/redis_fixture.hpp"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

using configs::lines;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct dns_plan_test : ::testing::Test {
  configs::settings node;
  configs::diagnostics problems;

  dns_plan_test() {
    node.dns.root = "/root";
    node.platform.domain = "kanban.domain";
    node.platform.zones = {"localhost"};
  }

  dns_plan plan(std::string_view corefile) {
    problems = {};
    const configs::corefile_sources sources{
        configs::variables(),
        [](const std::string& path) -> result<std::string> {
          return fault{fault_kind::not_found, fault_side::operator_input, retryable::no, path};
        },
        [](const std::string&) { return std::vector<std::string>{}; }};
    const auto blocks = configs::parse_corefile("C", corefile, sources, problems);
    return plan_dns(configs::read_dns_config(blocks, sources, problems), node, problems);
  }
  static std::string key(const dns::server_block& block, std::size_t i = 0) {
    return dns::name_text(block.keys.at(i));
  }
  static dns::wire_name wire(const char* text) {
    return dns::parse_name(text, dns::root_name()).value();
  }
};

TEST_F(dns_plan_test, the_corefile_of_the_infrastructure_page_and_the_platforms_zone) {
  node.node.port_offset = 8000;
  const auto p = plan(
      ".:53 {\n  forward . 8.8.8.8 8.8.4.4\n  log\n  errors\n}\n"
      "localhost:53 {\n  file /zones/db.localhost\n  log\n  errors\n}\n");
  EXPECT_EQ(configs::reported(problems), lines{});
  ASSERT_THAT(p.listeners, SizeIs(1));
  EXPECT_EQ(p.listeners[0].at.port(), 8053);

  ASSERT_THAT(p.blocks, SizeIs(3));
  EXPECT_EQ(key(p.blocks[0]), ".");
  EXPECT_THAT(p.blocks[0].zones, IsEmpty());
  const auto& forward = *p.blocks[0].chain->forwards.at(0);
  ASSERT_THAT(forward.upstreams, SizeIs(2));
  EXPECT_EQ(forward.upstreams[1].to_string(), "8.8.4.4:53");
  EXPECT_EQ(key(p.blocks[1]), "localhost.");
  EXPECT_EQ(key(p.blocks[2]), "kanban.domain.");
  EXPECT_THAT(p.blocks[2].listeners, ElementsAre(p.listeners[0].id));
  EXPECT_TRUE(p.blocks[2].chain->errors) << "logged like the block in front of it";
  EXPECT_THAT(p.blocks[2].chain->log, SizeIs(1));

  ASSERT_THAT(p.zones, SizeIs(2));
  EXPECT_EQ(p.zones[0].name, "localhost.");
  EXPECT_EQ(p.zones[0].path, "/root/zones/db.localhost");
  EXPECT_EQ(p.zones[0].where, (configs::location{"C", 7, 8}));
  EXPECT_EQ(p.zones[0].reload, seconds(60));
  EXPECT_EQ(p.zones[1].path, "") << "made by us";
  EXPECT_EQ(p.zones[1].reload, milliseconds(0));
  EXPECT_THAT(p.team_zones, ElementsAre("kanban.domain.", "localhost."));
}

TEST_F(dns_plan_test, a_zone_is_the_same_zone_whatever_its_case_and_final_dot) {
  node.platform.domain = "Kanban.Domain";
  node.platform.zones = {"LOCALHOST", "localhost.", "kanban.domain."};
  const auto p = plan(
      "localhost Localhost.:54 {\n  file a LOCALHOST\n}\n"
      "KANBAN.domain {\n  file b\n}\n");
  EXPECT_EQ(configs::reported(problems), lines{});
  ASSERT_THAT(p.zones, SizeIs(2));
  EXPECT_EQ(p.zones[0].name, "localhost.");
  EXPECT_EQ(p.zones[1].name, "kanban.domain.") << "the platform's zone has a file";
  EXPECT_EQ(p.zones[1].path, "/root/b");
  EXPECT_EQ(p.zones[1].apex, wire("kanban.domain."));
  EXPECT_THAT(p.team_zones, ElementsAre("kanban.domain.", "localhost.")) << "each once";
}

// The loaders lower the names of a Corefile; nobody does it for a plan made by hand.
TEST_F(dns_plan_test, zones_are_compared_as_names_and_not_as_texts) {
  configs::dns_config written;
  for (const char* name : {"Example.ORG", "example.org."}) {
    auto& block = written.blocks.emplace_back();
    block.zones = {{name, static_cast<std::uint16_t>(53 + written.blocks.size()), {}}};
    configs::file_plugin file;
    file.path = "db";
    file.zones = {name};
    block.files = {file};
  }
  const auto p = plan_dns(written, node, problems);
  ASSERT_THAT(p.zones, SizeIs(2)) << "example.org. once, and the platform's";
  EXPECT_EQ(p.zones[0].name, "example.org.");
  EXPECT_EQ(p.blocks.at(0).zones.at(0).id, p.blocks.at(1).zones.at(0).id);
}

TEST_F(dns_plan_test, a_zone_without_a_file_of_its_own_is_no_team_zone) {
  node.platform.zones = {"localhost", "elsewhere"};
  EXPECT_THAT(plan("other {\n  file db\n}\n").team_zones, ElementsAre("kanban.domain."));
}

TEST_F(dns_plan_test, listeners_are_shared_by_address_and_bound_as_told) {
  const auto p = plan(
      "a:53 c:54 b:53 {\n  file db\n}\n"
      "d {\n  bind 127.0.0.1 ::1\n  file db\n}\n"
      "e:54 {\n  file db\n}\n");
  EXPECT_EQ(configs::reported(problems), lines{});
  std::vector<std::string> at;
  for (const auto& l : p.listeners) at.push_back(l.at.to_string());
  EXPECT_THAT(at, ElementsAre(net::wildcard(53).to_string(), net::wildcard(54).to_string(),
                              "127.0.0.1:53", "[::1]:53"));
  EXPECT_THAT(p.blocks[0].listeners, ElementsAre(p.listeners[0].id, p.listeners[1].id));
  EXPECT_THAT(p.blocks[1].listeners, ElementsAre(p.listeners[2].id, p.listeners[3].id));
  EXPECT_THAT(p.blocks[2].listeners, ElementsAre(p.listeners[1].id));
  EXPECT_THAT(p.blocks[3].listeners, SizeIs(4)) << "the platform's zone is served on all";
}

TEST_F(dns_plan_test, the_platforms_zone_leaves_out_listeners_where_a_block_claims_it) {
  const auto p =
      plan("kanban.domain:53 {\n  forward . 1.1.1.1\n}\n.:54 {\n  forward . 1.1.1.1\n}\n");
  ASSERT_THAT(p.blocks, SizeIs(3));
  EXPECT_THAT(p.blocks[2].listeners, ElementsAre(p.listeners[1].id));
  EXPECT_THAT(p.team_zones, ElementsAre("kanban.domain."));
  const auto claimed = plan("kanban.domain {\n  forward . 1.1.1.1\n}\n");
  EXPECT_THAT(claimed.blocks, SizeIs(1));
  EXPECT_THAT(claimed.team_zones, IsEmpty());
}

TEST_F(dns_plan_test, without_a_corefile_nothing_is_served) {
  const auto p = plan("");
  EXPECT_THAT(p.listeners, IsEmpty());
  EXPECT_THAT(p.blocks, IsEmpty());
  EXPECT_THAT(p.zones, IsEmpty());
}

TEST_F(dns_plan_test, every_option_of_forward_and_file_and_log_arrives) {
  const auto p = plan(R"(example.org {
  file db {
    reload 5s
    fallthrough a.example.org
  }
  file db2 other.org {
    fallthrough
  }
  forward example.org 192.0.2.1:5353 2001:db8::1 {
    except x.Example.org
    force_tcp
    expire 20s
    max_fails 7
    policy round_robin
    health_check 3s no_rec domain probe.example
    max_concurrent 9
  }
  log example.org {
    class denial error
  }
  log . "{remote}"
})");
  EXPECT_EQ(configs::reported(problems), lines{});
  EXPECT_EQ(p.zones.at(0).reload, seconds(5));
  EXPECT_EQ(p.zones.at(1).name, "other.org.");
  const auto& chain = *p.blocks.at(0).chain;
  EXPECT_FALSE(chain.errors);
  EXPECT_TRUE(chain.apex_ns);
  EXPECT_THAT(chain.fallthrough, ElementsAre(wire("a.example.org."), dns::root_name()));
  const auto& f = *chain.forwards.at(0);
  EXPECT_EQ(f.from, wire("example.org."));
  EXPECT_THAT(f.except, ElementsAre(wire("x.example.org.")));
  EXPECT_EQ(f.upstreams.at(0).to_string(), "192.0.2.1:5353");
  EXPECT_EQ(f.upstreams.at(1).to_string(), "[2001:db8::1]:53");
  EXPECT_TRUE(f.force_tcp);
  EXPECT_FALSE(f.prefer_udp);
  EXPECT_EQ(f.expire, seconds(20));
  EXPECT_EQ(f.max_fails, 7U);
  EXPECT_EQ(f.policy, dns::forward_policy::round_robin);
  EXPECT_EQ(f.health_check, seconds(3));
  EXPECT_FALSE(f.health_recursion);
  EXPECT_EQ(f.health_name, wire("probe.example."));
  EXPECT_EQ(f.max_concurrent, 9U);
  ASSERT_THAT(chain.log, SizeIs(2));
  EXPECT_EQ(chain.log[0].classes, 2 | 4);
  EXPECT_EQ(chain.log[1].classes, 7);
}

TEST_F(dns_plan_test, what_cannot_be_served_is_an_error_with_its_place) {
  const struct {
    const char* corefile;
    const char* said;
  } cases[] = {
      {". {\n  bind lo\n  forward . 1.1.1.1\n}\n", "C:1:1: error: bind: "},
      {"a {\n  file one\n}\nb {\n  file two a\n}\n",
       "C:5:8: error: zone a. is read from /root/one already"},
      {"a {\n  file one\n}\na:54 {\n  file two A\n}\n",
       "C:5:8: error: zone a. is read from /root/one already"},
      {".:60000 {\n  forward . 1.1.1.1\n}\n", "C:1:1: error: port 60000 with port_offset: "},
  };
  node.node.port_offset = 8000;
  for (const auto& c : cases) {
    (void)plan(c.corefile);
    ASSERT_THAT(configs::reported(problems), SizeIs(1)) << c.corefile;
    EXPECT_THAT(configs::reported(problems)[0], HasSubstr(c.said));
  }
}

// -- the zones themselves -----------------------------------------------------------

std::vector<std::string> described(const result<dns::zone_data>& zone) {
  std::vector<std::string> out;
  if (!zone) return {to_string(zone.error())};
  for (const auto& r : zone->records)
    out.push_back(fmt::format("{} {} {}", dns::name_text(r.owner), r.type, r.ttl));
  return out;
}

TEST_F(dns_plan_test, the_platforms_zone_has_its_addresses_at_the_apex_and_its_name_server) {
  const std::vector<std::string> expected = {"kanban.domain. 6 60",  "kanban.domain. 2 60",
                                             "kanban.domain. 1 60",  "ns.kanban.domain. 1 60",
                                             "kanban.domain. 28 60", "ns.kanban.domain. 28 60"};
  for (const char* name : {"kanban.domain", "Kanban.DOMAIN."})
    EXPECT_THAT(described(make_platform_zone(name, {"192.0.2.1", "2001:db8::1"}, 7)),
                ::testing::UnorderedElementsAreArray(expected))
        << name;
  const auto bad = make_platform_zone("kanban.domain", {"192.0.2"}, 7);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, fault_kind::invalid);
  EXPECT_FALSE(make_platform_zone("a..b", {}, 7));
}

TEST_F(dns_plan_test, a_zone_is_read_from_its_file_and_an_error_names_the_place) {
  const test::temporary_folder folder;
  const auto path = (folder.path() / "db").string();
  zone_plan zone;
  zone.apex = wire("a.test.");
  zone.path = path;
  const auto missing = read_zone(zone, node);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().retry, retryable::yes) << "it may come later";
  EXPECT_THAT(missing.error().detail, HasSubstr(path));
  std::ofstream(path) << "$TTL 5\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2\n";
  EXPECT_THAT(read_zone(zone, node).error().detail, HasSubstr(path + ":4:6"));
  std::ofstream(path) << "$TTL 5\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n";
  EXPECT_THAT(described(read_zone(zone, node)), SizeIs(3));
  zone.path.clear();
  zone.apex = wire("kanban.domain.");
  EXPECT_THAT(described(read_zone(zone, node)), SizeIs(4));
}

}  // namespace
}  // namespace stagedoor::actors
