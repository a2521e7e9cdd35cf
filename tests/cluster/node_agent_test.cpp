// SPDX-License-Identifier: Apache-2.0
// The agent without links: what it says to peers that have met it, and what it answers them.
#include "cluster/node_agent.hpp"

#include "actors/support/actor_names.hpp"
#include "cluster/owner_scan.hpp"
#include "messages/team.hpp"
#include "tests/support/actor_fixture.hpp"

#include <caf/actor_cast.hpp>
#include <gmock/gmock.h>

namespace stagedoor::cluster {
namespace {

using actors::publish_name;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

member a_member(const std::string& node) {
  member m;
  m.who = {node, random_incarnation()};
  m.address = node + ":7443";
  m.build = "test";
  m.process = "process-of-" + node;
  return m;
}

/// Plays a peer: says meet_node to |agent| as itself, so that the agent can answer it later.
class peer_actor final : public actors::shell {
 public:
  peer_actor(caf::actor_config& cfg, caf::actor agent, std::string node, std::string process,
             caf::actor ear)
      : shell(cfg, "peer"), ear_(std::move(ear)) {
    actors::ask<messages::node_met>(
        this, agent, messages::meet_node{std::move(node), std::move(process)}, seconds(1),
        [this](messages::node_met& m) { actors::tell(ear_, std::move(m)); }, [](const fault&) {});
  }
  caf::behavior make_behavior() override {
    return {
        [this](const messages::tell_health& m) { actors::tell(ear_, m); },
        [this](const messages::catch_up_node& m) {
          actors::tell(ear_, m);
          return messages::caught_up{m.version};
        },
        [](const messages::report_member&) {
          return messages::member_report{12, 3, {{"team", 4}}};
        },
    };
  }

 private:
  caf::actor ear_;
};

struct node_agent_test : actors::actor_fixture {
  actors::probe cluster = make_probe();
  actors::probe board = make_probe();
  actors::probe heard = make_probe();
  caf::actor agent;
  member self = a_member("node-1");
  member peer = a_member("node-2");

  node_agent_test() {
    publish_name(system(), "cluster", cluster.handle());
    publish_name(system(), "health", board.handle());
    cluster.answers<messages::report_member>([](const auto&) {
      return messages::member_report{5, 1, {}};
    });
    agent = spawn<node_agent>(node_agent_options{"node-1", self.process, "test", {1, 2}, nullptr});
    tell(agent, members_are{self.who, {self, peer}});
  }
  caf::actor meet(const std::string& process) {
    return spawn<peer_actor>(agent, "node-2", process, heard.handle());
  }
};

TEST_F(node_agent_test, a_peer_is_met_as_the_process_in_the_list_and_as_no_other) {
  EXPECT_THAT(cluster.received<agent_ready>(), SizeIs(1));
  meet("an-older-process");
  EXPECT_THAT(heard.received<messages::node_met>(), SizeIs(0));
  meet(peer.process);
  const auto met = heard.received<messages::node_met>();
  ASSERT_THAT(met, SizeIs(1));
  EXPECT_EQ(met[0].node, "node-1");
  EXPECT_EQ(met[0].run, self.process);
}

TEST_F(node_agent_test, a_change_is_live_on_who_answers_and_missing_on_who_does_not) {
  auto silent = a_member("node-3");
  tell(agent, members_are{self.who, {self, peer, silent}});
  meet(peer.process);
  const auto told = ask<messages::change_spread>(agent, messages::spread_change{17});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->nodes, 1U);
  EXPECT_THAT(told->missing, ElementsAre("node-3"));
  const auto asked = heard.received<messages::catch_up_node>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].version, 17U);
  EXPECT_EQ(asked[0].to_run, peer.process);
}

TEST_F(node_agent_test, what_is_down_is_told_at_once_and_to_peers_that_come_later) {
  const actors::health_found found{"team-a", {{"team-a-web@stagedoor", "http://b"}}};
  tell(agent, found);
  meet(peer.process);
  ASSERT_THAT(heard.received<messages::tell_health>(), SizeIs(1));
  EXPECT_EQ(heard.received<messages::tell_health>()[0].down, found.down);
  tell(agent, actors::health_found{"team-a", {}});
  ASSERT_THAT(heard.received<messages::tell_health>(), SizeIs(2));
  EXPECT_THAT(heard.received<messages::tell_health>()[1].down, SizeIs(0));
}

TEST_F(node_agent_test, what_was_meant_for_an_earlier_process_is_not_acted_on) {
  tell(agent, messages::tell_health{"an-older-process", "team-a", {}});
  EXPECT_THAT(board.received<messages::tell_health>(), SizeIs(0));
  tell(agent, messages::tell_health{self.process, "team-a", {}});
  EXPECT_THAT(board.received<messages::tell_health>(), SizeIs(1));
  const auto refused =
      ask<messages::caught_up>(agent, messages::catch_up_node{"an-older-process", 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::stale);
}

TEST_F(node_agent_test, catching_up_is_the_team_directorys_business) {
  auto directory = make_probe();
  publish_name(system(), "teamdir", directory.handle());
  directory.answers<messages::catch_up_to>(
      [](const messages::catch_up_to& m) { return messages::caught_up{m.version + 1}; });
  const auto done = ask<messages::caught_up>(agent, messages::catch_up_node{self.process, 41});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->version, 42U);
}

TEST_F(node_agent_test, each_pair_agrees_on_the_highest_version_that_both_speak) {
  peer.protocol_min = 2;
  peer.protocol_max = 5;
  peer.process = "its-successor";
  tell(agent, members_are{self.who, {self, peer}});
  meet(peer.process);
  ASSERT_THAT(heard.received<messages::node_met>(), SizeIs(1));
  EXPECT_EQ(heard.received<messages::node_met>()[0].protocol, 2U);
  const auto listed = ask<messages::node_listing>(agent, messages::list_nodes{});
  EXPECT_EQ(listed->nodes[0].protocol, 0U) << "with itself";
  EXPECT_EQ(listed->nodes[1].protocol, 2U);
  EXPECT_EQ(listed->nodes[1].protocol_max, 5U);
}

TEST_F(node_agent_test, a_member_with_no_version_in_common_is_shown_with_the_reason) {
  auto far = a_member("node-3");
  far.protocol_min = 3;
  far.protocol_max = 4;
  tell(agent, members_are{self.who, {self, peer, far}});
  const auto listed = ask<messages::node_listing>(agent, messages::list_nodes{});
  ASSERT_THAT(listed->nodes, SizeIs(3));
  EXPECT_EQ(listed->nodes[2].link, "down");
  EXPECT_EQ(listed->nodes[2].protocol, 0U);
  EXPECT_THAT(listed->nodes[2].link_detail, HasSubstr("it speaks 3 to 4, this node 1 to 2"));
  const auto told = ask<messages::change_spread>(agent, messages::spread_change{17});
  EXPECT_THAT(told->missing, ElementsAre("node-2", "node-3")) << "it is not waited for";
}

TEST_F(node_agent_test, nodes_are_listed_with_what_they_say_of_themselves) {
  meet(peer.process);
  const auto listed = ask<messages::node_listing>(agent, messages::list_nodes{});
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->member);
  ASSERT_THAT(listed->nodes, SizeIs(2));
  EXPECT_EQ(listed->nodes[0].link, "self");
  EXPECT_EQ(listed->nodes[1].link, "up");
  EXPECT_EQ(listed->nodes[1].owned.at(0).owned, 4U);
  tell(agent, link_changed{"node-2", "", false, 0, "silence"});
  const auto later = ask<messages::node_listing>(agent, messages::list_nodes{});
  EXPECT_EQ(later->nodes[1].link, "down");
  EXPECT_EQ(later->nodes[1].link_detail, "silence");
  EXPECT_FALSE(later->nodes[1].lease_age_ms);
}

TEST_F(node_agent_test, a_link_that_is_gone_is_not_tried_again) {
  tell(agent, link_changed{"node-2", peer.process, true, 0, ""});
  const auto over_it = meet_again{"node-2", 1};
  tell(agent, link_changed{"node-2", "", false, 0, "silence"});
  tell(agent, over_it);  // there is no BASP here: to try would end the agent
  EXPECT_TRUE(alive(agent));
  const auto listed = ask<messages::node_listing>(agent, messages::list_nodes{});
  EXPECT_EQ(listed->nodes.at(1).link_detail, "silence");
}

TEST_F(node_agent_test, the_tree_of_a_node_that_is_not_there_is_a_clear_error) {
  const auto unknown = ask<messages::tree_listing>(agent, messages::describe_member{"node-9"});
  EXPECT_EQ(unknown.error().kind, fault_kind::not_found);
  const auto down = ask<messages::tree_listing>(agent, messages::describe_member{"node-2"});
  EXPECT_EQ(down.error().kind, fault_kind::unreachable);
  EXPECT_THAT(down.error().detail, HasSubstr("node-2"));
}

TEST(owner_scan, pages_are_read_and_keys_that_are_not_ours_passed_over) {
  const auto text = [](std::string t) {
    return messages::redis_value{messages::redis_type::text, 0, std::move(t), {}};
  };
  messages::redis_value page;
  page.items = {text("17"), text("stagedoor:owner:zone:a:b:2"), text("node-1"), text("run"),
                text("9"),  text("stagedoor:owner:broken"),     text("node-1"), text("run"),
                text("9")};
  const auto read = parse_owner_page(page);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->next, "17");
  ASSERT_THAT(read->owners, SizeIs(1));
  EXPECT_EQ(read->owners[0].work, (messages::work_key{"zone", "a:b", 2}));
  page.items.pop_back();
  EXPECT_FALSE(parse_owner_page(page));
}

}  // namespace
}  // namespace stagedoor::cluster
