// SPDX-License-Identifier: Apache-2.0
// The coordinator as an actor, on a lease store in memory, in virtual time.
#include "cluster/coordinator.hpp"

#include "actors/support/actor_names.hpp"
#include "messages/support.hpp"
#include "tests/sim/memory_lease_store.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::cluster {
namespace {

using actors::publish_name;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// One store for several nodes; can be away.
struct shared_store : lease_store {
  test::memory_lease_store memory{defaults::lease};
  std::function<mono_time()> clock;
  std::string epoch = "one";
  bool away = false;
  std::vector<std::function<void(std::string)>> ears;

  void ask(lease_request what, mono_time, done answer) override {
    if (away)
      return answer(
          fault{fault_kind::unreachable, fault_side::store, retryable::yes, "not connected"});
    const auto wall = std::chrono::duration_cast<milliseconds>(clock().time_since_epoch()).count();
    answer(memory.apply(what, wall, epoch));
    for (const auto& hint : memory.take_published())
      for (const auto& hear : ears) hear(hint.text);
  }
};

struct coordinator_test : actors::actor_fixture {
  std::shared_ptr<shared_store> store = std::make_shared<shared_store>();
  actors::probe owned = make_probe();
  actors::probe agent = make_probe();
  actors::probe janitor = make_probe();
  unsigned left = 0;

  coordinator_test() {
    store->clock = [this] { return now(); };
    publish_name(system(), "owned", owned.handle());
    publish_name(system(), "agent", agent.handle());
    publish_name(system(), "janitor", janitor.handle());
    owned.answers<messages::disown_work>([](const auto&) { return messages::done{}; });
  }

  coordinator_options options(const std::string& node) {
    coordinator_options o;
    o.membership.self.who.node = node;
    o.membership.self.address = node + ":7443";
    o.membership.self.build = "test";
    o.membership.self.process = "process-of-" + node;
    o.reconciler.kinds = {{"janitor", 1}};
    o.fixed_ids = {{"janitor", {"queues"}}};
    o.store = store;
    o.subscribe = [this](std::function<void(std::string)> heard) {
      store->ears.push_back(std::move(heard));
      return std::function<void()>([] {});
    };
    o.on_left = [this] { ++left; };
    return o;
  }
  /// Another node, of which only the lease is played.
  node_run peer_joins(const std::string& node) {
    member m;
    m.who = {node, random_incarnation()};
    m.address = node + ":7443";
    m.build = "test";
    m.process = "process-of-" + node;
    m.capacity = 0;
    store->ask(join_cluster{m, {}, 0}, {}, [](const auto&) {});
    run();
    return m.who;
  }
  caf::actor start(coordinator_options o) {
    auto made = spawn<coordinator>(std::move(o));
    advance(seconds(5));  // a store that was never used pauses ownership for one lease
    return made;
  }
};

TEST_F(coordinator_test, joins_and_owns_what_is_to_be_owned) {
  start(options("node-1"));
  const auto work = owned.received<messages::own_work>();
  ASSERT_THAT(work, SizeIs(1));
  EXPECT_EQ(work[0].proof.work, (messages::work_key{"janitor", "queues", 0}));
  EXPECT_EQ(work[0].proof.node, "node-1");
  EXPECT_GT(work[0].proof.fence, 0U);
  EXPECT_THAT(agent.received<members_are>().back().members, SizeIs(1));
}

TEST_F(coordinator_test, what_is_owned_is_told_again_to_an_owned_work_that_starts_anew) {
  const auto it = start(options("node-1"));
  owned.forget();
  tell(it, messages::work_ready{});
  EXPECT_THAT(owned.received<messages::own_work>(), SizeIs(1));
}

TEST_F(coordinator_test, an_owned_write_is_done_with_the_newest_proof_and_refused_with_another) {
  const auto it = start(options("node-1"));
  auto proof = owned.received<messages::own_work>().back().proof;
  EXPECT_TRUE(ask<messages::done>(it, messages::write_owned{proof, {{"SET", "k", "v"}}}));
  EXPECT_EQ(store->memory.now().values.at("k"), "v");
  proof.fence += 1;
  const auto refused =
      ask<messages::done>(it, messages::write_owned{proof, {{"SET", "k", "late"}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::stale);
  EXPECT_EQ(store->memory.now().values.at("k"), "v");
}

TEST_F(coordinator_test, without_the_store_it_owns_nothing_after_the_fence_time_and_comes_back) {
  start(options("node-1"));
  const auto first = owned.received<messages::own_work>().back().proof;
  store->away = true;
  advance(defaults::self_fence + defaults::lease_renew + milliseconds(100));
  EXPECT_THAT(owned.received<messages::disown_work>(), SizeIs(1));
  store->away = false;
  owned.forget();
  advance(seconds(6));
  const auto again = owned.received<messages::own_work>();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_NE(again[0].proof.run, first.run) << "a new incarnation";
  EXPECT_GT(again[0].proof.fence, first.fence);
}

TEST_F(coordinator_test, a_peer_whose_process_is_gone_is_evicted_and_the_janitor_told) {
  const auto it = start(options("node-1"));
  peer_joins("node-2");
  advance(milliseconds(100));
  ASSERT_THAT(agent.received<members_are>().back().members, SizeIs(2));
  tell(it, peer_is_gone{"node-2", "process-of-another"});
  advance(milliseconds(100));
  EXPECT_THAT(agent.received<members_are>().back().members, SizeIs(2)) << "an older process";
  tell(it, peer_is_gone{"node-2", "process-of-node-2"});
  advance(milliseconds(100));
  EXPECT_THAT(agent.received<members_are>().back().members, SizeIs(1));
  const auto told = janitor.received<messages::node_gone>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].node, "node-2");
  EXPECT_EQ(told[0].process, "process-of-node-2");
  janitor.forget();
  tell(it, messages::janitor_ready{});
  advance(milliseconds(1));
  EXPECT_THAT(janitor.received<messages::node_gone>(), SizeIs(1)) << "one that started later";
  advance(seconds(15));
  tell(it, messages::janitor_ready{});
  advance(milliseconds(1));
  EXPECT_THAT(janitor.received<messages::node_gone>(), SizeIs(1)) << "not for ever";
}

TEST_F(coordinator_test, a_flow_is_in_one_nodes_hands) {
  const auto one = start(options("node-1"));
  const auto two = start(options("node-2"));
  const messages::claim_work claim{{"flow", "team-a", 0}, milliseconds(500)};
  const auto first = ask<messages::owner_proof>(one, claim);
  ASSERT_TRUE(first);
  const auto second = ask<messages::owner_proof>(two, claim);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, fault_kind::conflict);
  EXPECT_THAT(second.error().detail, HasSubstr("node-1"));
  tell(one, messages::release_work{*first});
  EXPECT_TRUE(ask<messages::owner_proof>(two, claim));
}

TEST_F(coordinator_test, a_drained_node_gives_away_leaves_and_says_so) {
  const auto it = start(options("node-1"));
  EXPECT_TRUE(ask<messages::done>(it, messages::drain_node{}));
  advance(seconds(10));
  EXPECT_EQ(left, 1U);
  EXPECT_THAT(owned.received<messages::disown_work>(), SizeIs(1));
  EXPECT_THAT(store->memory.now().members, IsEmpty());
  EXPECT_THAT(store->memory.now().owners, IsEmpty());
  EXPECT_TRUE(alive(it)) << "its supervisor stops it, with the node";
}

TEST_F(coordinator_test, one_that_is_stopped_leaves_first) {
  const auto it = start(options("node-1"));
  stop(it);
  advance(seconds(1));
  EXPECT_FALSE(alive(it));
  EXPECT_THAT(store->memory.now().members, IsEmpty());
}

TEST_F(coordinator_test, one_that_is_stopped_does_not_wait_for_a_store_that_is_away) {
  const auto it = start(options("node-1"));
  store->away = true;
  stop(it);
  advance(defaults::leave_patience);
  EXPECT_FALSE(alive(it));
}

TEST_F(coordinator_test, alone_proofs_carry_no_fence_and_flows_are_granted_at_once) {
  auto o = options("node-1");
  o.alone = true;
  const auto it = start(std::move(o));
  EXPECT_EQ(owned.received<messages::own_work>().back().proof.fence, 0U);
  const auto flow = ask<messages::owner_proof>(it, messages::claim_work{{"flow", "a", 0}});
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->fence, 0U);
  const auto spread = ask<messages::change_spread>(it, messages::spread_change{3});
  ASSERT_TRUE(spread);
  EXPECT_EQ(spread->nodes, 0U);
}

TEST_F(coordinator_test, the_set_of_a_kind_is_asked_of_who_lists_it) {
  auto teams = make_probe();
  publish_name(system(), "teamdir", teams.handle());
  messages::owned_ids set{"team", 1, {"team-a", "team-b"}};
  teams.answers<messages::list_owned_ids>([&](const messages::list_owned_ids& m) {
    return m.known_version == set.version ? messages::owned_ids{"team", set.version, {}} : set;
  });
  auto o = options("node-1");
  o.reconciler.kinds = {{"team", 1}};
  o.listed_by = {{"team", "teamdir"}};
  const auto it = start(std::move(o));
  EXPECT_THAT(owned.received<messages::own_work>(), SizeIs(2));
  set = {"team", 2, {"team-b", "team-c"}};
  tell(it, messages::owned_ids_changed{"team", 2, {"team-c"}, {"team-a"}});
  advance(seconds(1));
  EXPECT_THAT(owned.received<messages::own_work>(), SizeIs(3));
  ASSERT_THAT(owned.received<messages::disown_work>(), SizeIs(1));
  EXPECT_EQ(owned.received<messages::disown_work>()[0].work.id, "team-a");
}

}  // namespace
}  // namespace stagedoor::cluster
