// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/reconciler_state.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

class reconciler_state_test : public testing::Test {
 protected:
  static reconciler_options options() {
    reconciler_options out;
    out.kinds = {{"team", 1}, {"check", 2}};
    return out;
  }
  static member node(const std::string& name, bool draining = false) {
    return {{name, {1, 1}}, "10.0.0.1:7443", 1, 1, "0.1.0", 100, draining};
  }
  static std::vector<std::string> ids(std::size_t n) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < n; ++i) out.push_back("id-" + std::to_string(i));
    return out;
  }
  mono_time at(std::int64_t ms) const { return mono_time(milliseconds(1'000'000 + ms)); }

  template <class Effect>
  static std::vector<Effect> of(const effects& wanted) {
    std::vector<Effect> out;
    for (const auto& e : wanted)
      if (const auto* one = std::get_if<Effect>(&e)) out.push_back(*one);
    return out;
  }
  static effects& operator_append(effects& to, effects more) {
    for (auto& e : more) to.push_back(std::move(e));
    return to;
  }

  /// A store that says yes to everything and tells what was asked.
  effects yes(const effects& wanted, mono_time now) {
    effects out;
    for (const auto& ask : of<ask_store>(wanted)) {
      if (const auto* claims = std::get_if<acquire_owners>(&ask.what)) {
        acquire_outcome answer;
        for (const auto& c : claims->claims) {
          claimed.push_back(c);
          answer.claims.push_back({claim_result::granted, ++fences, {}, {}});
        }
        operator_append(out, state.answered(ask.number, {answer}, now));
      } else if (const auto* releases = std::get_if<release_owners>(&ask.what)) {
        for (const auto& r : releases->items) released.push_back(r);
        operator_append(out, state.answered(ask.number, {release_outcome{1}}, now));
      }
    }
    return out;
  }
  /// Ticks and says yes until nothing is asked any more; all effects on the way.
  effects settle(std::int64_t& ms, std::int64_t for_ms) {
    effects all;
    for (const auto end = ms + for_ms; ms < end; ms += 50) {
      auto wanted = state.tick(at(ms));
      while (!wanted.empty()) {
        auto next = yes(wanted, at(ms));
        for (const auto& stop : of<stop_owned>(wanted))
          operator_append(next, state.stopped(stop.what, at(ms)));
        operator_append(all, std::move(wanted));
        wanted = std::move(next);
      }
    }
    return all;
  }
  void start(std::vector<member> members, std::size_t teams) {
    state.joined({"a", {1, 1}}, at(0));
    state.view(members, at(0));
    state.desired("team", 1, ids(teams), at(0));
  }

  reconciler_state state{options()};
  fence fences = 0;
  std::vector<claim> claimed;
  std::vector<release_item> released;
  const fault silence{fault_kind::timed_out, fault_side::store, retryable::yes, ""};
};

TEST_F(reconciler_state_test, one_node_owns_all_of_it) {
  start({node("a")}, 100);
  std::int64_t ms = 0;
  const auto started = of<start_owned>(settle(ms, 500));
  EXPECT_EQ(started.size(), 100U);
  EXPECT_EQ(state.owned(), 100U);
  EXPECT_EQ(started[0].proof.holder, (node_run{"a", {1, 1}}));
  EXPECT_NE(started[0].proof.number, 0U);
}

TEST_F(reconciler_state_test, claims_go_out_in_batches) {
  start({node("a")}, 200);
  const auto asks = of<ask_store>(state.tick(at(0)));
  ASSERT_EQ(asks.size(), 4U);
  for (const auto& ask : asks)
    EXPECT_LE(std::get<acquire_owners>(ask.what).claims.size(), options().batch);
}

TEST_F(reconciler_state_test, what_is_placed_elsewhere_is_not_claimed) {
  start({node("a"), node("b"), node("c"), node("d")}, 1'000);
  std::int64_t ms = 0;
  settle(ms, 500);
  EXPECT_NEAR(static_cast<double>(state.owned()), 250.0, 60.0);
}

TEST_F(reconciler_state_test, hot_add_and_removal_take_one_round) {
  start({node("a")}, 10);
  std::int64_t ms = 0;
  settle(ms, 500);
  EXPECT_TRUE(state.desired_changed("team", 2, {"new"}, {"id-3"}, at(ms)).empty());
  const auto wanted = settle(ms, 100);
  ASSERT_EQ(of<start_owned>(wanted).size(), 1U);
  EXPECT_EQ(of<start_owned>(wanted)[0].proof.what, (owned_key{"team", "new", 0}));
  ASSERT_EQ(of<stop_owned>(wanted).size(), 1U);
  EXPECT_EQ(of<stop_owned>(wanted)[0].why, stop_reason::unwanted);
  EXPECT_EQ(released.at(0).what, (owned_key{"team", "id-3", 0}));
  EXPECT_EQ(state.known_ids(), 10U);
}

TEST_F(reconciler_state_test, a_change_that_was_missed_makes_it_read_the_whole_set) {
  start({node("a")}, 10);
  EXPECT_TRUE(state.desired_changed("team", 1, {"old news"}, {}, at(0)).empty());
  EXPECT_EQ(state.known_ids(), 10U);
  const auto reads = of<read_desired>(state.desired_changed("team", 3, {"x"}, {}, at(0)));
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].known_version, 1U);
}

TEST_F(reconciler_state_test, the_desired_set_is_compared_again_and_again) {
  start({node("a")}, 10);
  std::int64_t ms = 0;
  EXPECT_GE(of<read_desired>(settle(ms, 10'000)).size(), 2U * 4U) << "two kinds, every 2 s";
}

TEST_F(reconciler_state_test, a_join_moves_a_tenth_in_each_interval) {
  start({node("a")}, 1'000);
  std::int64_t ms = 0;
  settle(ms, 500);
  state.view({node("a"), node("b")}, at(ms));
  const auto begin = ms;
  std::size_t owned = 1'000;
  while (state.owned() > 600 && ms < begin + 20'000) {
    const auto moved = of<stop_owned>(settle(ms, 1'000)).size();
    EXPECT_LE(moved, owned / 10);
    owned = state.owned();
  }
  EXPECT_LE(state.owned(), 600U);
  settle(ms, 30'000);
  EXPECT_NEAR(static_cast<double>(state.owned()), 500.0, 80.0);
  EXPECT_EQ(released.size(), 1'000 - state.owned());
}

TEST_F(reconciler_state_test, what_a_dead_node_had_is_claimed_at_once) {
  start({node("a"), node("b")}, 1'000);
  std::int64_t ms = 0;
  settle(ms, 500);
  const auto before = state.owned();
  ASSERT_LT(before, 600U);
  state.view({node("a")}, at(ms));
  settle(ms, 100);
  EXPECT_EQ(state.owned(), 1'000U);
}

TEST_F(reconciler_state_test, a_refused_claim_waits_longer_each_time_and_then_insists) {
  start({node("a")}, 1);
  std::vector<std::int64_t> tries;
  bool insisted = false;
  for (std::int64_t ms = 0; ms < 10'000; ms += 50)
    for (const auto& ask : of<ask_store>(state.tick(at(ms)))) {
      tries.push_back(ms);
      insisted = std::get<acquire_owners>(ask.what).claims[0].insist;
      (void)state.answered(ask.number, {acquire_outcome{true, {{claim_result::held, 0, "b", {}}}}},
                           at(ms));
    }
  EXPECT_EQ(tries, (std::vector<std::int64_t>{0, 250, 750, 1'750, 3'750, 7'750}));
  EXPECT_TRUE(insisted);
}

TEST_F(reconciler_state_test, a_release_elsewhere_ends_the_wait) {
  start({node("a")}, 1);
  const auto ask = of<ask_store>(state.tick(at(0))).at(0);
  (void)state.answered(ask.number, {acquire_outcome{true, {{claim_result::held, 0, "b", {}}}}},
                       at(0));
  (void)state.hinted({hint::about::released, {{"team", "id-0", 0}}}, at(60));
  EXPECT_EQ(of<ask_store>(state.tick(at(60))).size(), 1U);
}

TEST_F(reconciler_state_test, a_claim_without_an_answer_is_made_again_or_released) {
  start({node("a")}, 2);
  const auto ask = of<ask_store>(state.tick(at(0))).at(0);
  (void)state.answered(ask.number, {silence}, at(100));
  (void)state.desired_changed("team", 2, {}, {"id-1"}, at(100));
  std::int64_t ms = 400;
  settle(ms, 500);
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].what.id, "id-0");
  ASSERT_EQ(released.size(), 1U) << "it may have been granted";
  EXPECT_EQ(released[0].what.id, "id-1");
}

TEST_F(reconciler_state_test, fenced_means_everything_stops_and_nothing_is_asked) {
  start({node("a")}, 50);
  std::int64_t ms = 0;
  settle(ms, 500);
  const auto stops = of<stop_owned>(state.fenced(at(ms)));
  EXPECT_EQ(stops.size(), 50U);
  EXPECT_EQ(stops[0].why, stop_reason::fenced);
  EXPECT_EQ(state.owned(), 0U);
  for (const auto& stop : stops) (void)state.stopped(stop.what, at(ms));
  EXPECT_TRUE(of<ask_store>(settle(ms, 5'000)).empty());
  state.joined({"a", {1, 2}}, at(ms));
  settle(ms, 500);
  EXPECT_EQ(state.owned(), 50U);
  EXPECT_TRUE(released.empty()) << "the old records are void: there is nothing to release";
}

TEST_F(reconciler_state_test, an_answer_from_before_the_fence_starts_nothing) {
  start({node("a")}, 1);
  const auto ask = of<ask_store>(state.tick(at(0))).at(0);
  (void)state.fenced(at(10));
  EXPECT_TRUE(state
                  .answered(ask.number,
                            {acquire_outcome{true, {{claim_result::granted, 9, "", {}}}}}, at(20))
                  .empty());
  EXPECT_EQ(state.owned(), 0U);
}

TEST_F(reconciler_state_test, after_a_failover_everything_owned_is_claimed_with_its_fence) {
  start({node("a")}, 3);
  std::int64_t ms = 0;
  settle(ms, 500);
  claimed.clear();
  const auto before = state.list_owned();
  state.store_changed(at(ms));
  const auto proofs = of<renew_proof>(settle(ms, 200));
  ASSERT_EQ(claimed.size(), 3U);
  EXPECT_EQ(proofs.size(), 3U);
  for (const auto& c : claimed)
    EXPECT_TRUE(std::any_of(before.begin(), before.end(), [&](const ownership& o) {
      return o.what == c.what && o.number == c.held;
    }));
}

TEST_F(reconciler_state_test, a_refused_write_is_cleared_up_with_the_store) {
  start({node("a")}, 1);
  std::int64_t ms = 0;
  settle(ms, 500);
  state.write_refused({"team", "id-0", 0}, at(ms));
  const auto ask = of<ask_store>(state.tick(at(ms))).at(0);
  const auto wanted = state.answered(
      ask.number, {acquire_outcome{true, {{claim_result::held, 0, "b", {}}}}}, at(ms));
  ASSERT_EQ(of<stop_owned>(wanted).size(), 1U);
  EXPECT_EQ(of<stop_owned>(wanted)[0].why, stop_reason::lost);
  EXPECT_EQ(state.counters().lost, 1U);
}

TEST_F(reconciler_state_test, what_the_store_wrongly_believes_to_be_ours_is_released) {
  start({node("a"), node("b")}, 0);
  const auto wanted = state.hinted({hint::about::wanted, {{"team", "not ours", 0}}}, at(0));
  ASSERT_EQ(of<ask_store>(wanted).size(), 1U);
  EXPECT_TRUE(std::holds_alternative<release_owners>(of<ask_store>(wanted)[0].what));
}

TEST_F(reconciler_state_test, a_pause_is_kept) {
  start({node("a")}, 1);
  state.pause_until(at(4'000));
  for (std::int64_t ms = 0; ms < 4'000; ms += 50)
    EXPECT_TRUE(of<ask_store>(state.tick(at(ms))).empty());
  EXPECT_EQ(of<ask_store>(state.tick(at(4'000))).size(), 1U);
}

TEST_F(reconciler_state_test, draining_ends_with_nothing_owned) {
  start({node("a"), node("b")}, 400);
  std::int64_t ms = 0;
  settle(ms, 500);
  const auto had = state.owned();
  state.drain(at(ms));
  const auto wanted = settle(ms, 15'000);
  EXPECT_EQ(of<drained>(wanted).size(), 1U);
  EXPECT_EQ(state.owned(), 0U);
  EXPECT_EQ(released.size(), had);
}

TEST_F(reconciler_state_test, what_does_not_stop_is_released_all_the_same) {
  start({node("a")}, 1);
  std::int64_t ms = 0;
  settle(ms, 500);
  (void)state.desired_changed("team", 2, {}, {"id-0"}, at(ms));
  EXPECT_EQ(of<stop_owned>(state.tick(at(ms))).size(), 1U);
  EXPECT_TRUE(of<ask_store>(state.tick(at(ms + 4'900))).empty());
  EXPECT_EQ(of<ask_store>(state.tick(at(ms + 6'000))).size(), 1U);
}

TEST_F(reconciler_state_test, two_owners_of_one_id_take_different_slots) {
  start({node("a"), node("b")}, 0);
  state.desired("check", 1, {"x"}, at(0));
  const auto first = of<ask_store>(state.tick(at(0))).at(0);
  EXPECT_EQ(std::get<acquire_owners>(first.what).claims.at(0).what.slot, 0U);
  (void)state.answered(first.number, {acquire_outcome{true, {{claim_result::held, 0, "b", {}}}}},
                       at(0));
  const auto second = of<ask_store>(state.tick(at(50))).at(0);
  EXPECT_EQ(std::get<acquire_owners>(second.what).claims.at(0).what.slot, 1U);
}

TEST_F(reconciler_state_test, a_round_over_a_hundred_thousand_ids_is_quick) {
  std::vector<member> members;
  for (int i = 0; i < 5; ++i) members.push_back(node(std::string(1, static_cast<char>('a' + i))));
  start(members, 100'000);
  std::int64_t ms = 0;
  settle(ms, 3'000);
  const auto measure = [](auto what) {
    const auto begin = mono_clock::now();
    what();
    return std::chrono::duration<double, std::milli>(mono_clock::now() - begin).count();
  };
  members.push_back(node("f"));
  const double joins = measure([&] { state.view(members, at(ms)); });
  const double round = measure([&] { (void)state.tick(at(ms + 1'000)); });
  members.erase(members.begin() + 1);
  const double leaves = measure([&] { state.view(members, at(ms + 1'000)); });
  const double idle = measure([&] { (void)state.tick(at(ms + 1'100)); });
  RecordProperty("join_ms", std::to_string(joins));
  RecordProperty("round_ms", std::to_string(round));
  RecordProperty("leave_ms", std::to_string(leaves));
  std::printf("100,000 ids: join %.1f ms, round %.1f ms, leave %.1f ms, next round %.1f ms\n",
              joins, round, leaves, idle);
  // A sum of squares would take minutes; a loaded machine takes some of this.
  EXPECT_LT(joins + round + leaves + idle, 5'000);
}

}  // namespace
}  // namespace stagedoor::cluster
