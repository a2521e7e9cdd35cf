// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/membership_state.hpp"

#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

using to = membership_changed::to;

class membership_state_test : public testing::Test {
 protected:
  /// The last question of that sort among |wanted|.
  template <class Request>
  static const ask_store* asked(const effects& wanted) {
    const ask_store* found = nullptr;
    for (const auto& e : wanted)
      if (const auto* ask = std::get_if<ask_store>(&e))
        if (std::holds_alternative<Request>(ask->what)) found = ask;
    return found;
  }
  template <class Request>
  static Request request(const effects& wanted) {
    const auto* ask = asked<Request>(wanted);
    return ask == nullptr ? Request{} : std::get<Request>(ask->what);
  }
  static bool became(const effects& wanted, to what) {
    return std::any_of(wanted.begin(), wanted.end(), [&](const effect& e) {
      const auto* change = std::get_if<membership_changed>(&e);
      return change != nullptr && change->state == what;
    });
  }
  template <class Effect>
  static bool has(const effects& wanted) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [](const effect& e) { return std::holds_alternative<Effect>(e); });
  }

  static membership_options options() {
    membership_options out;
    out.self = {{"a", {}}, "10.0.0.1:7443", 1, 1, "0.1.0", 100, false};
    return out;
  }
  lease_standing stands(standing is, std::string epoch = "e1", std::uint64_t version = 1) {
    return {is, version, std::move(epoch), 10, milliseconds(0), milliseconds(0)};
  }
  mono_time at(std::int64_t ms) const { return mono_time(milliseconds(1'000'000 + ms)); }

  /// A member, asked for at 0 ms, with the list of members read.
  void join() {
    const auto first = state.start(at(0));
    const auto joined =
        state.answered(asked<join_cluster>(first)->number, {stands(standing::member)}, at(0));
    ASSERT_TRUE(became(joined, to::joined));
    const auto read = asked<read_members>(joined);
    ASSERT_NE(read, nullptr);
    const member_list list{1, true, {{state.self(), "10.0.0.1:7443", 1, 1, "0.1.0", 100, false}}};
    EXPECT_TRUE(has<view_changed>(state.answered(read->number, {list}, at(0))));
  }
  const fault silence{fault_kind::timed_out, fault_side::store, retryable::yes, ""};

  std::uint64_t runs = 0;
  membership_state state{options(), [this] { return incarnation{1, ++runs}; }};
};

TEST_F(membership_state_test, joins_reads_the_members_and_renews) {
  join();
  EXPECT_TRUE(state.is_member());
  EXPECT_EQ(state.next_tick(), at(1'000));
  EXPECT_TRUE(state.tick(at(999)).empty());
  const auto wanted = state.tick(at(1'000));
  EXPECT_EQ(request<renew_lease>(wanted).self, state.self());
  EXPECT_FALSE(asked<renew_lease>(state.tick(at(2'000)))) << "one at a time";
}

TEST_F(membership_state_test, fences_itself_counting_from_when_the_renewal_was_sent) {
  join();
  const auto renewal = state.tick(at(1'000));
  // The answer takes long: what counts is 1,000 ms, not 1,900.
  (void)state.answered(asked<renew_lease>(renewal)->number, {stands(standing::member)}, at(1'900));
  EXPECT_EQ(state.last_renewed(), at(1'000));
  EXPECT_FALSE(became(state.tick(at(3'999)), to::fenced));
  EXPECT_TRUE(became(state.tick(at(4'000)), to::fenced));
  EXPECT_FALSE(state.is_member());
}

TEST_F(membership_state_test, three_tries_fit_before_the_fence) {
  join();
  int tries = 0;
  for (std::int64_t ms = 250; state.is_member(); ms += 250) {
    ASSERT_LE(ms, 3'000);
    const auto wanted = state.tick(at(ms));
    if (const auto* renewal = asked<renew_lease>(wanted)) {
      ++tries;
      (void)state.answered(renewal->number, {silence}, at(ms + 100));
    }
  }
  EXPECT_EQ(tries, 2) << "and the third is due with the fence";
}

TEST_F(membership_state_test, the_first_thing_after_a_pause_is_the_fence) {
  join();
  const auto renewal = state.tick(at(1'000));
  const auto before = state.self();
  // The answer was waiting for a process that slept for ten seconds.
  const auto wanted =
      state.answered(asked<renew_lease>(renewal)->number, {stands(standing::member)}, at(11'000));
  EXPECT_TRUE(became(wanted, to::fenced));
  EXPECT_NE(state.self(), before);
  EXPECT_EQ(request<join_cluster>(wanted).previous, before.run);
}

TEST_F(membership_state_test, an_old_answer_to_a_join_does_not_make_a_member) {
  const auto first = state.start(at(0));
  const auto wanted =
      state.answered(asked<join_cluster>(first)->number, {stands(standing::member)}, at(3'000));
  EXPECT_FALSE(became(wanted, to::joined));
  EXPECT_TRUE(asked<join_cluster>(state.tick(at(3'000))));
}

TEST_F(membership_state_test, whoever_is_no_member_any_more_joins_as_another_run) {
  for (const auto is : {standing::evicted, standing::unknown, standing::superseded}) {
    membership_state s{options(), [this] { return incarnation{1, ++runs}; }};
    const auto first = s.start(at(0));
    (void)s.answered(asked<join_cluster>(first)->number, {stands(standing::member)}, at(0));
    const auto before = s.self();
    const auto renewal = s.tick(at(1'000));
    const auto wanted = s.answered(asked<renew_lease>(renewal)->number, {stands(is)}, at(1'010));
    EXPECT_TRUE(became(wanted, to::fenced));
    EXPECT_EQ(request<join_cluster>(wanted).previous, before.run);
    EXPECT_NE(request<join_cluster>(wanted).self.who.run, before.run);
    // An answer to the old run changes nothing for the new one.
    EXPECT_FALSE(s.is_member());
  }
}

TEST_F(membership_state_test, a_name_that_is_taken_is_reported_once_and_tried_again) {
  auto wanted = state.start(at(0));
  auto busy = stands(standing::superseded);
  busy.taken_for = milliseconds(400);
  wanted = state.answered(asked<join_cluster>(wanted)->number, {busy}, at(10));
  EXPECT_TRUE(became(wanted, to::refused));
  EXPECT_EQ(state.next_tick(), at(411)) << "when the other's lease can end";
  wanted = state.tick(at(411));
  wanted = state.answered(asked<join_cluster>(wanted)->number, {busy}, at(420));
  EXPECT_FALSE(became(wanted, to::refused));
}

TEST_F(membership_state_test, another_epoch_is_told_and_pauses) {
  join();
  const auto renewal = state.tick(at(1'000));
  auto moved = stands(standing::member, "e2");
  moved.paused = milliseconds(4'000);
  const auto wanted = state.answered(asked<renew_lease>(renewal)->number, {moved}, at(1'010));
  EXPECT_TRUE(has<store_changed>(wanted));
  EXPECT_EQ(state.paused_until(), at(5'010));
  EXPECT_EQ(request<read_members>(wanted).known_version, 0U) << "versions may have gone back";
}

TEST_F(membership_state_test, the_members_are_read_when_a_hint_or_a_renewal_says_so) {
  join();
  const auto hinted = state.members_changed(at(100));
  ASSERT_TRUE(asked<read_members>(hinted));
  EXPECT_FALSE(asked<read_members>(state.members_changed(at(110)))) << "one at a time";
  const auto again =
      state.answered(asked<read_members>(hinted)->number, {member_list{2, true, {}}}, at(120));
  EXPECT_TRUE(has<view_changed>(again));
  EXPECT_TRUE(asked<read_members>(again)) << "the second hint came while it was on its way";
  (void)state.answered(asked<read_members>(again)->number, {member_list{2, false, {}}}, at(130));
  const auto renewal = state.tick(at(1'000));
  EXPECT_TRUE(asked<read_members>(state.answered(asked<renew_lease>(renewal)->number,
                                                 {stands(standing::member, "e1", 3)}, at(1'010))));
}

TEST_F(membership_state_test, only_a_listed_peer_of_that_run_is_evicted) {
  join();
  const node_run b{"b", {1, 77}};
  EXPECT_FALSE(asked<evict_member>(state.peer_gone(b, at(50))));
  const auto hinted = state.members_changed(at(100));
  const member_list list{2, true, {{b, "10.0.0.2:7443", 1, 1, "0.1.0", 100, false}}};
  (void)state.answered(asked<read_members>(hinted)->number, {list}, at(110));
  EXPECT_FALSE(asked<evict_member>(state.peer_gone({"b", {1, 78}}, at(120))));
  EXPECT_FALSE(asked<evict_member>(state.peer_gone(state.self(), at(120))));
  EXPECT_EQ(request<evict_member>(state.peer_gone(b, at(120))).victim, b);
}

TEST_F(membership_state_test, the_store_is_told_of_draining_until_it_knows) {
  join();
  auto wanted = state.drain(at(100));
  EXPECT_TRUE(request<join_cluster>(wanted).self.draining);
  (void)state.answered(asked<join_cluster>(wanted)->number, {silence}, at(1'100));
  wanted = state.tick(at(1'100));
  ASSERT_TRUE(asked<join_cluster>(wanted));
  (void)state.answered(asked<join_cluster>(wanted)->number, {stands(standing::member)}, at(1'110));
  EXPECT_TRUE(state.is_member());
  EXPECT_EQ(state.last_renewed(), at(1'100)) << "saying so renewed the lease";
  EXPECT_TRUE(asked<renew_lease>(state.tick(at(2'100))));
}

TEST_F(membership_state_test, who_left_wants_nothing_more) {
  join();
  const auto wanted = state.leave(at(100));
  EXPECT_TRUE(asked<leave_cluster>(wanted));
  EXPECT_TRUE(became(wanted, to::left));
  EXPECT_EQ(state.next_tick(), mono_time::max());
  EXPECT_TRUE(state.tick(at(10'000)).empty());
  EXPECT_TRUE(state.leave(at(10'000)).empty());
}

TEST_F(membership_state_test, remembers_the_highest_fence_and_hands_it_to_the_store) {
  join();
  state.saw_fence(500);
  EXPECT_EQ(request<renew_lease>(state.tick(at(1'000))).floor, 500U);
}

}  // namespace
}  // namespace stagedoor::cluster
