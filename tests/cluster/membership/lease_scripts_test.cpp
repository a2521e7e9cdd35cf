// SPDX-License-Identifier: Apache-2.0
// Each script in a real redis-server. That they decide alike in long random sequences is shown by
// tests/sim/lease_model_test.
#include "tests/sim/redis_lease_server.hpp"

#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

constexpr milliseconds lease{4'000};
constexpr std::int64_t start = 1'700'000'000'000;

const owned_key zone{"zone", "kanban.domain", 0};
const owned_key team{"team", "team-a", 0};

node_run run(std::string node, std::uint64_t number = 1) { return {std::move(node), {7, number}}; }

member said_by(const node_run& who) { return {who, "10.0.0.1:7443", 1, 2, "0.1.0", 100, false}; }

class lease_scripts_test : public testing::Test {
 protected:
  void SetUp() override { redis.set_wall(wall); }

  void pass(std::int64_t ms) {
    // The store's clock counts what goes by between two scripts, up to |longest_step|.
    redis.get<member_list>(read_members{run("observer"), 0});
    for (; ms > 0; ms -= 1'000) {
      redis.set_wall(wall += std::min<std::int64_t>(ms, 1'000));
      redis.get<member_list>(read_members{run("observer"), 0});
    }
  }
  lease_standing join(const node_run& who, incarnation previous = {}) {
    return redis.get<lease_standing>(join_cluster{said_by(who), previous, 0});
  }
  standing renew(const node_run& who) { return redis.get<lease_standing>(renew_lease{who, 0}).is; }
  claim_outcome acquire(const node_run& who, const owned_key& what, fence held = 0) {
    return redis.get<acquire_outcome>(acquire_owners{who, 0, {{what, held, false}}}).claims.at(0);
  }
  write_result write(const ownership& proof, std::string value) {
    return redis.get<write_outcome>(fenced_write{proof, {{"SET", "value", std::move(value)}}}).is;
  }
  std::string value() { return redis.cli()({"GET", "value"}).text; }

  test::redis_lease_server redis{lease};
  std::int64_t wall = start;
  node_run a = run("a"), b = run("b");
};

// -- members -------------------------------------------------------------------------------------------

TEST_F(lease_scripts_test, a_member_that_renews_stays_one) {
  EXPECT_EQ(join(a).is, standing::member);
  for (int i = 0; i < 5; ++i) {
    pass(3'999);
    EXPECT_EQ(renew(a), standing::member);
  }
  const auto list = redis.get<member_list>(read_members{a, 0});
  ASSERT_EQ(list.members.size(), 1U);
  EXPECT_EQ(list.members[0], said_by(a));
  EXPECT_FALSE(redis.get<member_list>(read_members{a, list.version}).changed);
}

TEST_F(lease_scripts_test, a_lease_that_ended_is_not_renewed) {
  join(a);
  pass(4'000);
  EXPECT_EQ(renew(a), standing::unknown);
}

TEST_F(lease_scripts_test, a_name_belongs_to_one_run_at_a_time) {
  join(a);
  const auto refused = join(run("a", 2));
  EXPECT_EQ(refused.is, standing::superseded);
  EXPECT_EQ(refused.taken_for, lease);
  EXPECT_EQ(join(run("a", 2), a.run).is, standing::member) << "the earlier run is over for certain";
  EXPECT_EQ(renew(a), standing::superseded);
}

TEST_F(lease_scripts_test, an_evicted_run_is_told_so_and_never_comes_back) {
  join(a);
  join(b);
  EXPECT_FALSE(redis.get<evict_outcome>(evict_member{b, run("a", 9)}).evicted) << "another run";
  EXPECT_FALSE(redis.get<evict_outcome>(evict_member{run("c"), a}).evicted) << "asked by nobody";
  EXPECT_TRUE(redis.get<evict_outcome>(evict_member{b, a}).evicted);
  EXPECT_EQ(renew(a), standing::evicted);
  EXPECT_EQ(join(a).is, standing::evicted) << "a join that was on its way for long";
  EXPECT_EQ(join(run("a", 2), a.run).is, standing::member);
}

TEST_F(lease_scripts_test, a_clock_that_is_set_neither_ends_nor_prolongs_a_lease) {
  join(a);
  redis.set_wall(wall += 3'600'000);
  EXPECT_EQ(renew(a), standing::member);
  redis.set_wall(wall -= 7'200'000);
  pass(3'999);
  EXPECT_EQ(renew(a), standing::member);
  redis.set_wall(wall -= 3'600'000);
  pass(4'000);
  EXPECT_EQ(renew(a), standing::unknown);
}

TEST_F(lease_scripts_test, no_key_has_a_time_to_live_that_redis_may_evict_by) {
  join(a);
  acquire(a, zone);
  for (const auto& key : redis.cli()({"KEYS", "stagedoor:*"}).items)
    EXPECT_EQ(redis.cli()({"TTL", key.text}).integer, -1) << key.text;
}

TEST_F(lease_scripts_test, tenants_who_fill_redis_end_no_lease) {
  join(a);
  acquire(a, zone);
  redis.cli()({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_TRUE(redis.cli()({"SET", "x", "y"}).is_error());
  redis.cli()({"CONFIG", "SET", "maxmemory", "0"});
  redis.set_wall(wall += 1'000);
  redis.cli()({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(renew(a), standing::member);
  EXPECT_EQ(acquire(a, team).is, claim_result::granted);
}

// -- owners --------------------------------------------------------------------------------------------

TEST_F(lease_scripts_test, a_living_owner_is_not_replaced_and_a_gone_one_is) {
  join(a);
  join(b);
  const auto first = acquire(a, zone);
  EXPECT_EQ(first.is, claim_result::granted);
  const auto refused = acquire(b, zone);
  EXPECT_EQ(refused.is, claim_result::held);
  EXPECT_EQ(refused.holder, "a");
  for (int i = 0; i < 4; ++i) {
    pass(1'000);
    renew(b);
  }
  const auto second = acquire(b, zone);
  EXPECT_EQ(second.is, claim_result::granted);
  EXPECT_GT(second.number, first.number);
}

TEST_F(lease_scripts_test, the_owners_of_an_evicted_run_are_free_at_once) {
  join(a);
  join(b);
  const auto before = acquire(a, zone).number;
  redis.get<evict_outcome>(evict_member{b, a});
  EXPECT_EQ(acquire(b, zone).is, claim_result::granted);
  EXPECT_EQ(write({zone, a, before}, "late"), write_result::stale);
}

TEST_F(lease_scripts_test, who_is_no_member_acquires_nothing) {
  const auto out = redis.get<acquire_outcome>(acquire_owners{a, 0, {{zone, 0, false}}});
  EXPECT_FALSE(out.is_member);
  EXPECT_EQ(redis.cli()({"EXISTS", "stagedoor:owner:zone:kanban.domain:0"}).integer, 0);
}

TEST_F(lease_scripts_test, a_fence_is_given_out_once_even_after_a_release) {
  join(a);
  const auto first = acquire(a, zone).number;
  EXPECT_EQ(redis.get<release_outcome>(release_owners{a, {{zone, first}}}).released, 1U);
  EXPECT_GT(acquire(a, zone).number, first);
}

TEST_F(lease_scripts_test, a_release_that_comes_late_ends_nothing_newer) {
  join(a);
  const auto first = acquire(a, zone).number;
  const auto second = acquire(a, zone).number;
  EXPECT_EQ(redis.get<release_outcome>(release_owners{a, {{zone, first}}}).released, 0U);
  EXPECT_EQ(write({zone, a, second}, "mine"), write_result::written);
  EXPECT_EQ(redis.get<release_outcome>(release_owners{b, {{zone, second}}}).released, 0U);
}

TEST_F(lease_scripts_test, a_paused_owner_cannot_write_after_takeover) {
  join(a);
  join(b);
  const auto old = acquire(a, zone).number;
  EXPECT_EQ(write({zone, a, old}, "before"), write_result::written);
  for (int i = 0; i < 4; ++i) {
    pass(1'000);
    renew(b);
  }
  const auto mine = acquire(b, zone).number;
  EXPECT_EQ(write({zone, b, mine}, "after"), write_result::written);
  EXPECT_EQ(write({zone, a, old}, "late"), write_result::stale);
  EXPECT_EQ(write({zone, a, mine}, "late"), write_result::stale) << "another's fence";
  EXPECT_EQ(write({zone, b, mine + 1}, "late"), write_result::stale) << "a fence nobody has";
  EXPECT_EQ(value(), "after");
}

TEST_F(lease_scripts_test, an_owner_whose_lease_ended_cannot_write_though_nobody_took_over) {
  join(a);
  const auto mine = acquire(a, zone).number;
  pass(4'000);
  EXPECT_EQ(write({zone, a, mine}, "late"), write_result::stale);
}

TEST_F(lease_scripts_test, all_commands_of_a_write_are_done_or_none) {
  join(a);
  const auto mine = acquire(a, zone).number;
  const std::vector<std::vector<std::string>> commands{
      {"HSET", "h", "a field", ""}, {"RPUSH", "l", "1", "2", "3"}, {"INCR", "n"}};
  EXPECT_EQ(redis.get<write_outcome>(fenced_write{{zone, a, mine - 1}, commands}).is,
            write_result::stale);
  EXPECT_EQ(redis.cli()({"EXISTS", "h", "l", "n"}).integer, 0);
  EXPECT_EQ(redis.get<write_outcome>(fenced_write{{zone, a, mine}, commands}).is,
            write_result::written);
  EXPECT_EQ(redis.cli()({"EXISTS", "h", "l", "n"}).integer, 3);
  EXPECT_EQ(redis.cli()({"LLEN", "l"}).integer, 3);
}

TEST_F(lease_scripts_test, a_write_that_cannot_be_done_is_a_fault) {
  join(a);
  const auto mine = acquire(a, zone).number;
  redis.cli()({"SET", "text", "x"});
  const auto r = redis.ask(fenced_write{{zone, a, mine}, {{"RPUSH", "text", "1"}}});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().side, fault_side::store);
}

TEST_F(lease_scripts_test, hints_name_what_changed) {
  join(a);
  join(b);
  const auto mine = acquire(a, zone).number;
  redis.take_published();
  redis.get<acquire_outcome>(acquire_owners{b, 0, {{zone, 0, true}}});
  redis.get<release_outcome>(release_owners{a, {{zone, mine}}});
  redis.get<lease_standing>(leave_cluster{b});
  const auto heard = redis.take_published();
  ASSERT_EQ(heard.size(), 3U);
  EXPECT_EQ(heard[0].channel, hint_channel("a"));
  EXPECT_EQ(*parse_hint(heard[0].text), (hint{hint::about::wanted, {zone}}));
  EXPECT_EQ(heard[1].channel, hint_channel());
  EXPECT_EQ(*parse_hint(heard[1].text), (hint{hint::about::released, {zone}}));
  EXPECT_EQ(*parse_hint(heard[2].text), (hint{hint::about::members, {}}));
}

// -- failover ------------------------------------------------------------------------------------------

TEST_F(lease_scripts_test, after_a_failover_nothing_changes_hands_for_one_lease) {
  join(a);
  join(b);
  acquire(a, zone);
  redis.fail_over();
  const auto told = redis.get<lease_standing>(renew_lease{b, 0});
  EXPECT_EQ(told.is, standing::member);
  EXPECT_EQ(told.paused, lease);
  EXPECT_EQ(acquire(b, team).is, claim_result::paused);
  EXPECT_EQ(acquire(a, zone).is, claim_result::granted) << "what was ours stays ours";
  for (int i = 0; i < 4; ++i) {
    pass(1'000);
    renew(a);
    renew(b);
  }
  EXPECT_EQ(acquire(b, team).is, claim_result::granted);
}

TEST_F(lease_scripts_test, counters_that_went_back_are_lifted_by_who_remembers) {
  join(a);
  const auto before = redis.snapshot();
  fence last = 0;
  for (int i = 0; i < 100; ++i) last = acquire(a, zone).number;
  redis.restore(before);
  redis.set_wall(wall);
  // The same server with older data: nothing but the fence that |a| remembers tells.
  EXPECT_GT(acquire(a, zone, last).number, last);
  const auto told = redis.get<lease_standing>(renew_lease{a, last + 500});
  EXPECT_EQ(told.highest, last + 500);
  EXPECT_EQ(told.paused, lease);
}

TEST_F(lease_scripts_test, a_promoted_replica_that_lost_writes_gives_no_fence_twice) {
  join(a);
  join(b);
  const auto kept = acquire(a, zone).number;
  redis.cli()({"CONFIG", "SET", "repl-diskless-sync-delay", "0"});
  test::redis_process replica({"--replicaof", "127.0.0.1", std::to_string(redis.port())});
  test::redis_cli to_replica(replica.port());
  redis.cli()({"SET", "test:marker", "1"});
  for (int i = 0; i < 50 && to_replica({"GET", "test:marker"}).is_nil(); ++i)
    redis.cli()({"WAIT", "1", "1000"});
  // A server takes another id when its first replica comes: one pause more, before the test begins.
  for (int i = 0; i < 5; ++i) {
    pass(1'000);
    renew(a);
    renew(b);
  }
  ASSERT_EQ(redis.cli()({"WAIT", "1", "10000"}).integer, 1);
  to_replica({"REPLICAOF", "NO", "ONE"});  // what is written from now on is lost
  const auto lost = acquire(a, team).number;
  const auto lost_too = acquire(b, {"team", "team-b", 0}).number;
  redis.move_to(replica.port());

  EXPECT_EQ(acquire(b, team).is, claim_result::paused) << "free here, and yet a has it";
  const auto again = acquire(a, team, lost);
  EXPECT_EQ(again.is, claim_result::granted);
  EXPECT_GT(again.number, lost_too);
  EXPECT_EQ(write({team, a, lost}, "old proof"), write_result::stale);
  EXPECT_EQ(write({team, a, again.number}, "new proof"), write_result::written);
  EXPECT_EQ(write({zone, a, kept}, "kept"), write_result::written);
  for (int i = 0; i < 4; ++i) {
    pass(1'000);
    renew(a);
    renew(b);
  }
  EXPECT_EQ(acquire(b, team).is, claim_result::held);
}

TEST(lease_scripts_restart_test, a_restart_of_the_server_counts_as_a_failover) {
  test::redis_lease_server redis(lease, {"--appendonly", "yes"});
  const auto a = run("a");
  redis.set_wall(start);
  const auto before = redis.epoch();
  redis.get<lease_standing>(join_cluster{said_by(a), {}, 0});
  redis.get<acquire_outcome>(acquire_owners{a, 0, {{zone, 0, false}}});
  redis.restart();
  EXPECT_NE(redis.epoch(), before);
  redis.set_wall(start + 60'000);
  const auto told = redis.get<lease_standing>(renew_lease{a, 0});
  EXPECT_EQ(told.is, standing::member) << "while the server was away nobody's lease went on";
  EXPECT_EQ(told.paused, lease);
  EXPECT_GT(told.highest, failover_jump);
}

TEST_F(lease_scripts_test, of_two_who_claim_one_record_after_lost_writes_the_later_owner_wins) {
  join(a);
  join(b);
  const auto earlier = acquire(b, zone).number;
  const auto before = redis.snapshot();
  redis.get<release_outcome>(release_owners{b, {{zone, earlier}}});
  const auto later = acquire(a, zone).number;
  redis.restore(before);
  redis.set_wall(wall);
  redis.fail_over();
  const auto again = acquire(a, zone, later);
  EXPECT_EQ(again.is, claim_result::granted);
  EXPECT_EQ(acquire(b, zone, earlier).is, claim_result::held);
  EXPECT_EQ(write({zone, b, earlier}, "late"), write_result::stale);
}

}  // namespace
}  // namespace stagedoor::cluster
