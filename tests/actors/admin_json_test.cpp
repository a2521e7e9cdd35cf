// SPDX-License-Identifier: Apache-2.0
#include "actors/admin/admin_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace stagedoor::actors {
namespace {

using nlohmann::json;

template <class Message>
json written(const Message& m) {
  return json::parse(to_json(m));
}

TEST(admin_json, a_tree_has_a_row_for_each_actor_in_order) {
  messages::tree_listing tree;
  messages::tree_entry root;
  root.child.id = "root";
  root.child.kind = messages::child_kind::supervisor;
  root.child.state = messages::child_state::running;
  root.actor = "supervisor";
  root.mailbox_depth = 3;
  root.children = 1;
  messages::tree_entry silent;
  silent.depth = 1;
  silent.child.id = "redis";
  silent.child.state = messages::child_state::stuck;
  silent.child.restarts = 4;
  silent.child.in_state = std::chrono::milliseconds(1500);
  silent.child.last_end = "crashed: out of luck";
  tree.entries = {root, silent};
  const auto rows = written(tree).at("tree");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], (json{{"depth", 0},
                           {"id", "root"},
                           {"actor", "supervisor"},
                           {"state", "running"},
                           {"restarts", 0},
                           {"in_state_ms", 0},
                           {"last_end", ""},
                           {"children", 1},
                           {"mailbox", 3}}));
  EXPECT_EQ(rows[1].at("state"), "stuck");
  EXPECT_EQ(rows[1].at("restarts"), 4);
  EXPECT_EQ(rows[1].at("in_state_ms"), 1500);
  EXPECT_EQ(rows[1].at("last_end"), "crashed: out of luck");
  EXPECT_TRUE(rows[1].at("mailbox").is_null()) << "it did not answer";
}

TEST(admin_json, every_state_of_a_child_has_its_own_word) {
  using state = messages::child_state;
  const std::pair<state, const char*> words[] = {
      {state::idle, "idle"},       {state::waiting, "waiting"},   {state::starting, "starting"},
      {state::running, "running"}, {state::stopping, "stopping"}, {state::killing, "killing"},
      {state::stuck, "stuck"}};
  for (const auto& [value, word] : words) {
    messages::tree_listing tree;
    tree.entries.emplace_back().child.state = value;
    EXPECT_EQ(written(tree).at("tree").at(0).at("state"), word);
  }
}

TEST(admin_json, status_rows_are_grouped_by_subsystem) {
  const messages::status_rows rows{
      {{"redis", "connected", "yes"}, {"dns", "a.", "1"}, {"redis", "in flight", "0"}}};
  EXPECT_EQ(written(rows),
            (json{{"redis", {{"connected", "yes"}, {"in flight", "0"}}}, {"dns", {{"a.", "1"}}}}));
  EXPECT_EQ(written(messages::status_rows{}), json::object());
}

TEST(admin_json, a_certificate_says_what_is_planned_for_it) {
  const messages::certificate_listing all{
      {{"a.test", "pending: rate limit", "le", "429", "2027-01-31T00:00:00Z", 3}}, 9};
  EXPECT_EQ(written(all), (json{{"certificates",
                                 {{{"host", "a.test"},
                                   {"state", "pending: rate limit"},
                                   {"source", "le"},
                                   {"last_error", "429"},
                                   {"next_try", "2027-01-31T00:00:00Z"},
                                   {"attempts", 3}}}},
                                {"total", 9}}));
}

TEST(admin_json, a_flow_names_the_servers_that_did_not_answer) {
  const messages::team_flow_finished done{"f", "a", "a.test", "default", {"http://a: refused"}};
  EXPECT_EQ(written(done), (json{{"team", "a"},
                                 {"host", "a.test"},
                                 {"certificate", "default"},
                                 {"unhealthy", {"http://a: refused"}}}));
}

// A file name, a header, an error text: none of it is known to be UTF-8.
TEST(admin_json, bytes_that_are_no_utf8_are_replaced_and_never_thrown_at) {
  const std::string bytes = "x\xFF\xC3";
  const std::string shown = "x\xEF\xBF\xBD\xEF\xBF\xBD";
  EXPECT_EQ(written(fault{fault_kind::internal, fault_side::self, retryable::no, bytes}),
            (json{{"message", shown}, {"kind", "internal"}}));
  EXPECT_EQ(written(messages::status_rows{{{bytes, bytes, bytes}}}),
            (json{{shown, {{shown, shown}}}}));
  messages::team_description team;
  team.spec.slug = "a";
  team.state = bytes;
  team.servers = {bytes};
  EXPECT_EQ(written(team).at("state"), shown);
  messages::tree_listing tree;
  tree.entries.emplace_back().child.last_end = bytes;
  EXPECT_EQ(written(tree).at("tree").at(0).at("last_end"), shown);
  EXPECT_EQ(written(messages::team_listing{{bytes}, 1}).at("teams").at(0), shown);
}

}  // namespace
}  // namespace stagedoor::actors
