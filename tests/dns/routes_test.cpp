// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/zone_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace stagedoor::dns {
namespace {

using testing::wire;

constexpr listener_id first{1};
constexpr listener_id second{2};

class routing : public ::testing::Test {
 protected:
  server_block block(std::vector<std::string> keys,
                     std::vector<std::pair<std::string, unsigned>> zones,
                     std::vector<listener_id> on = {first}) {
    server_block b{std::move(on), {}, {}, std::make_shared<plugin_chain>()};
    for (const auto& key : keys) b.keys.push_back(wire(key));
    for (const auto& [apex, id] : zones) b.zones.push_back({wire(apex), zone_id{id}});
    return b;
  }
  void set(std::vector<server_block> blocks) {
    ASSERT_TRUE(routes.set_blocks(std::move(blocks)));
    table.apply(writer.freeze());
  }
  const zone_route* find(std::string_view name, listener_id on = first) {
    query_name q;
    EXPECT_TRUE(q.assign(lower_cased(wire(name))));
    return find_route(table, q, on, q.labels());
  }
  // 0 = a route without a zone, -1 = no route.
  int zone_of(std::string_view name, listener_id on = first) {
    const auto* route = find(name, on);
    return route == nullptr ? -1 : route->zone ? static_cast<int>(raw(*route->zone)) : 0;
  }
  route_table_writer writer{route_shard_bits};
  zone_routes routes{writer};
  route_table table{route_shard_bits};
};

TEST_F(routing, takes_the_longest_suffix_on_the_listener) {
  set({block({"."}, {}), block({"example."}, {{"example.", 1}}),
       block({"sub.example."}, {{"sub.example.", 2}}),
       block({"example."}, {{"example.", 3}}, {second})});
  EXPECT_EQ(zone_of("www.example."), 1);
  EXPECT_EQ(zone_of("example."), 1);
  EXPECT_EQ(zone_of("a.b.sub.example."), 2);
  EXPECT_EQ(zone_of("xsub.example."), 1);
  EXPECT_EQ(zone_of("example.org."), 0);
  EXPECT_EQ(zone_of("."), 0);
  EXPECT_EQ(zone_of("www.example.", second), 3);
  EXPECT_EQ(zone_of("sub.example.", second), 3);
  EXPECT_EQ(zone_of("example.org.", second), -1);
}

TEST_F(routing, finds_zones_below_and_above_the_key_of_their_block) {
  set({block({"."}, {{"a.test.", 1}, {"b.test.", 2}}), block({"x.b.test."}, {}),
       block({"www.up.test."}, {{"up.test.", 3}})});
  EXPECT_EQ(zone_of("q.a.test."), 1);
  EXPECT_EQ(zone_of("q.b.test."), 2);
  EXPECT_EQ(zone_of("x.b.test."), 0) << "another block has the longer key";
  EXPECT_EQ(zone_of("y.www.up.test."), 3) << "the zone lies above the key";
  EXPECT_EQ(find("y.www.up.test.")->apex_labels, 2);
  EXPECT_EQ(zone_of("up.test."), 0);
}

TEST_F(routing, refuses_the_same_zone_twice_on_one_listener_and_keeps_what_was) {
  set({block({"example."}, {{"example.", 1}})});
  EXPECT_FALSE(routes.set_blocks({block({"a."}, {}), block({"a."}, {})}));
  EXPECT_FALSE(writer.dirty());
  EXPECT_EQ(zone_of("example."), 1);
  EXPECT_TRUE(routes.set_blocks({block({"a."}, {}), block({"a."}, {}, {second})}));
}

TEST_F(routing, takes_away_what_a_new_configuration_does_not_have) {
  set({block({"a.", "b."}, {{"a.", 1}, {"b.", 2}})});
  set({block({"b."}, {{"b.", 2}})});
  EXPECT_EQ(zone_of("a."), -1);
  EXPECT_EQ(zone_of("b."), 2);
  set({});
  EXPECT_EQ(zone_of("b."), -1);
}

TEST_F(routing, adds_and_removes_zones_at_run_time) {
  set({block({"."}, {}), block({"deep.org."}, {})});
  routes.add_zone(0, {wire("example."), zone_id{5}});
  routes.add_zone(1, {wire("org."), zone_id{6}});
  table.apply(writer.freeze());
  EXPECT_EQ(zone_of("www.example."), 5);
  EXPECT_EQ(zone_of("x.deep.org."), 6);
  EXPECT_EQ(zone_of("org."), 0);
  routes.remove_zone(0, wire("example."));
  routes.remove_zone(1, wire("org."));
  routes.remove_zone(0, wire("never.there."));
  table.apply(writer.freeze());
  EXPECT_EQ(zone_of("www.example."), 0);
  EXPECT_EQ(zone_of("x.deep.org."), 0);
}

TEST_F(routing, costs_one_delta_of_a_few_shards_among_thousands_of_zones) {
  std::vector<std::pair<std::string, unsigned>> zones;
  for (unsigned i = 0; i < 5000; ++i) zones.emplace_back(fmt::format("z{}.test.", i), i + 1);
  set({block({"."}, zones)});
  EXPECT_EQ(zone_of("www.z4999.test."), 5000);
  routes.add_zone(0, {wire("new.test."), zone_id{9999}});
  EXPECT_LE(writer.freeze().changed.size(), 2U);
}

}  // namespace
}  // namespace stagedoor::dns
