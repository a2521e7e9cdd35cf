// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/table.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

namespace stagedoor::snapshot {
namespace {

TEST(table, a_view_sees_a_change_only_when_it_applies_the_delta) {
  table_writer<int> writer(4);
  table_view<int> view(4);
  writer.put("a", 1);
  EXPECT_EQ(*writer.find("a"), 1);
  const auto d = writer.freeze();
  EXPECT_EQ(view.find("a"), nullptr);
  view.apply(d);
  ASSERT_NE(view.find("a"), nullptr);
  EXPECT_EQ(*view.find("a"), 1);
  EXPECT_EQ(view.version(), 1U);
}

TEST(table, a_published_shard_never_changes) {
  table_writer<int> writer(0);  // everything in one shard
  table_view<int> old_view(0);
  writer.put("a", 1);
  old_view.apply(writer.freeze());
  writer.put("a", 2);
  writer.put("b", 3);
  (void)writer.freeze();
  EXPECT_EQ(*old_view.find("a"), 1);
  EXPECT_EQ(old_view.find("b"), nullptr);
}

TEST(table, retires_exactly_the_nodes_that_left) {
  table_writer<int> writer(0);
  table_view<int> view(0);
  for (const char* key : {"kept", "replaced", "erased"}) writer.put(key, 1);
  view.apply(writer.freeze());
  writer.put("replaced", 2);
  EXPECT_TRUE(writer.erase("erased"));
  EXPECT_FALSE(writer.erase("erased"));
  writer.put("new", 1);
  std::multiset<std::string> retired;
  view.apply(writer.freeze(), [&](const node_ptr<int>& n) { retired.insert(n->key); });
  EXPECT_EQ(retired, (std::multiset<std::string>{"erased", "replaced"}));
}

TEST(table, an_update_touches_one_small_shard_however_large_the_table_is) {
  table_writer<int> writer;
  for (int i = 0; i < 100'000; ++i) writer.put("team-" + std::to_string(i) + ".example.org", i);
  (void)writer.freeze();
  writer.put("one-more.example.org", 1);
  const auto d = writer.freeze();
  ASSERT_EQ(d.changed.size(), 1U);
  EXPECT_LT(d.changed[0].second->entries().size(), 40U);
}

TEST(table, behaves_as_a_map_does_and_a_late_view_catches_up) {
  std::mt19937 random(7);
  table_writer<int> writer(3);
  table_view<int> view(3);
  std::map<std::string, int> expected;
  for (int step = 0; step < 5000; ++step) {
    const std::string key = "k" + std::to_string(random() % 300);
    if (random() % 3 != 0) {
      writer.put(key, step);
      expected[key] = step;
    } else {
      EXPECT_EQ(writer.erase(key), expected.erase(key) == 1);
    }
    if (random() % 10 == 0) view.apply(writer.freeze());
  }
  view.apply(writer.freeze());
  table_view<int> late(3);
  late.apply(writer.whole());
  ASSERT_EQ(writer.size(), expected.size());
  for (int i = 0; i < 300; ++i) {
    const std::string key = "k" + std::to_string(i);
    const auto it = expected.find(key);
    for (const auto* seen : {view.find(key), late.find(key)}) {
      ASSERT_EQ(seen != nullptr, it != expected.end()) << key;
      if (seen != nullptr) {
        EXPECT_EQ(*seen, it->second);
      }
    }
  }
}

}  // namespace
}  // namespace stagedoor::snapshot
