// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/protocol.hpp"

#include "tests/link/protocol_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string frame_of(frame_type type, std::string_view payload) {
  std::string out;
  append_frame(out, type, payload);
  return out;
}

std::string stream_frame(frame_type type, std::uint32_t stream, std::string_view payload = {}) {
  std::string out;
  append_stream_frame(out, type, stream, payload);
  return out;
}

// -- hellos ----------------------------------------------------------------------------------------

TEST(link_hellos, two_nodes_that_want_each_other_are_up) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
    protocol_pair two;
    two.start();
    two.exchange(piece);
    EXPECT_THAT(two.dialer.out.events, ElementsAre("hello node-2", "up"));
    EXPECT_THAT(two.listener.out.events, ElementsAre("hello node-1", "up"));
    EXPECT_EQ(two.listener.protocol().other().run, two.dialer.me.run);
    EXPECT_EQ(two.dialer.protocol().other().protocol, 1);
  }
}

TEST(link_hellos, the_highest_common_protocol_is_spoken) {
  protocol_pair two;
  two.dialer.me.protocols = {1, 3};
  two.listener.me.protocols = {2, 5};
  two.connect();
  EXPECT_EQ(two.dialer.protocol().other().protocol, 3);
  EXPECT_EQ(two.listener.protocol().other().protocol, 3);
}

struct refusal_case {
  const char* what;
  std::function<void(protocol_pair&)> spoil;
  refusal why;
};

TEST(link_hellos, whoever_is_refused_is_told_why) {
  const refusal_case cases[] = {
      {"another version",
       [](auto& p) {
         p.dialer.me.protocols = {7, 9};
       },
       refusal::no_protocol},
      {"a certificate for another node", [](auto& p) { p.dialer_names = {"node-9"}; },
       refusal::wrong_name},
      {"a certificate without names", [](auto& p) { p.dialer_names.clear(); }, refusal::wrong_name},
      {"another node than was dialled",
       [](auto& p) {
         p.listener.me.node = "node-3";
         p.listener_names = {"node-3"};
       },
       refusal::wrong_name},
      {"itself", [](auto& p) { p.listener.me.run = p.dialer.me.run; }, refusal::myself},
      {"not wanted by the listener",
       [](auto& p) {
         p.listener.out.answer = refused{refusal::unknown_node, "never heard of it"};
       },
       refusal::unknown_node},
      {"not wanted by the dialer",
       [](auto& p) {
         p.dialer.out.answer = refused{refusal::not_now, "leaving"};
       },
       refusal::not_now},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    protocol_pair two;
    c.spoil(two);
    two.connect();
    for (auto* side : {&two.dialer, &two.listener}) {
      EXPECT_EQ(side->protocol().ended(), link_end::refused);
      EXPECT_EQ(side->protocol().refused_because(), c.why);
      EXPECT_FALSE(side->protocol().up());
    }
  }
}

TEST(link_hellos, a_hello_recorded_in_another_session_is_refused) {
  protocol_pair recorded_pair;
  recorded_pair.start();
  const std::string old_hello(recorded_pair.dialer.protocol().output());

  protocol_pair two;
  two.session = "another session";
  two.start();
  two.listener.protocol().receive(old_hello, two.now);
  EXPECT_EQ(two.listener.protocol().refused_because(), refusal::replayed);
  EXPECT_TRUE(two.listener.out.events.empty());
}

TEST(link_hellos, a_hello_sent_back_to_its_author_is_refused) {
  protocol_pair two;
  two.start();
  two.dialer.protocol().receive(std::string(two.dialer.protocol().output()), two.now);
  EXPECT_EQ(two.dialer.protocol().refused_because(), refusal::replayed);
}

TEST(link_hellos, a_changed_word_makes_the_proof_wrong) {
  protocol_pair two;
  two.start();
  std::string said(two.dialer.protocol().output());
  said.back() = '7';  // node-7
  two.dialer_names.emplace_back("node-7");
  two.listener.protocol().receive(said, two.now);
  EXPECT_EQ(two.listener.protocol().refused_because(), refusal::replayed);
}

TEST(link_hellos, nothing_but_a_hello_may_come_first) {
  for (const auto& first :
       {frame_of(frame_type::ping, ""), frame_of(frame_type::ready, ""),
        stream_frame(frame_type::open, 1), stream_frame(frame_type::data, 1, "x")}) {
    protocol_pair two;
    two.start();
    two.listener.protocol().receive(first, two.now);
    EXPECT_EQ(two.listener.protocol().ended(), link_end::protocol_error);
  }
}

// -- silence ---------------------------------------------------------------------------------------

TEST(link_silence, two_sides_that_have_nothing_to_say_stay_up) {
  protocol_pair two;
  two.connect();
  for (int i = 0; i < 100; ++i) {
    two.now = two.dialer.protocol().next_deadline();
    two.dialer.protocol().tick(two.now);
    two.listener.protocol().tick(two.now);
    two.exchange();
  }
  EXPECT_TRUE(two.dialer.protocol().up() && !two.dialer.protocol().ended());
  EXPECT_TRUE(two.listener.protocol().up() && !two.listener.protocol().ended());
}

TEST(link_silence, a_peer_that_says_nothing_for_the_deadline_is_silent_and_not_before) {
  protocol_pair two;
  two.connect();
  const auto since = two.now;
  while (!two.dialer.protocol().ended()) {
    two.now = two.dialer.protocol().next_deadline();
    two.dialer.protocol().tick(two.now);
    ASSERT_LE(two.now, since + seconds(5));
  }
  EXPECT_EQ(two.dialer.protocol().ended(), link_end::silence);
  EXPECT_EQ(two.now - since, milliseconds(4000));
}

TEST(link_silence, pings_do_not_pile_up_behind_a_connection_that_takes_nothing) {
  protocol_pair two;
  two.connect();
  for (int i = 0; i < 1000; ++i) {
    two.now += seconds(1);
    two.listener.protocol().receive(frame_of(frame_type::ping, ""), two.now);
    two.listener.protocol().tick(two.now);
  }
  EXPECT_LE(two.listener.protocol().output().size(), frame_header_bytes);
  EXPECT_FALSE(two.listener.protocol().ended());
}

// -- the stream ------------------------------------------------------------------------------------

TEST(link_stream, bytes_pass_both_ways_and_the_end_arrives_behind_them) {
  protocol_pair two;
  two.connect();
  two.dialer.protocol().open_stream();
  two.dialer.protocol().send(basp_message("there"));
  two.exchange(7);
  EXPECT_THAT(two.listener.out.events, ElementsAre("hello node-1", "up", "opened"));
  EXPECT_EQ(two.listener.out.bytes, basp_message("there"));
  two.listener.protocol().send(basp_message("and back"));
  two.listener.protocol().end_stream();
  two.exchange(7);
  EXPECT_EQ(two.dialer.out.bytes, basp_message("and back"));
  EXPECT_THAT(two.dialer.out.events, ElementsAre("hello node-2", "up", "closed"));
  EXPECT_FALSE(two.dialer.protocol().streaming());
  EXPECT_TRUE(two.dialer.protocol().up());
}

TEST(link_stream, without_credit_nothing_more_is_taken_and_credit_comes_with_consumption) {
  protocol_pair two;
  two.connect();
  two.dialer.protocol().open_stream();
  const std::string big = basp_message(std::string(1U << 20U, 'x'));
  std::size_t at = 0;
  const auto push = [&] {
    while (at < big.size() && two.dialer.protocol().sendable() > 0) {
      const auto n = std::min(two.dialer.protocol().sendable(), big.size() - at);
      two.dialer.protocol().send(std::string_view(big).substr(at, n));
      at += n;
      two.exchange();
    }
  };
  push();
  EXPECT_EQ(at, two.listener.limits.window_bytes);
  EXPECT_EQ(two.listener.out.bytes.size(), two.listener.limits.window_bytes);
  std::size_t consumed = 0;
  while (at < big.size()) {
    two.listener.protocol().consumed(two.listener.out.bytes.size() - consumed);
    consumed = two.listener.out.bytes.size();
    two.exchange();
    push();
    ASSERT_LE(two.listener.out.bytes.size() - consumed, two.listener.limits.window_bytes);
  }
  EXPECT_EQ(two.listener.out.bytes, big);
}

TEST(link_stream, what_waits_for_the_connection_is_bounded) {
  protocol_pair two;
  two.dialer.limits.window_bytes = two.listener.limits.window_bytes = 10U << 20U;
  two.connect();
  two.dialer.protocol().open_stream();
  two.dialer.protocol().send(basp_message(""));
  std::size_t sent = 0;
  while (const auto room = two.dialer.protocol().sendable()) {
    std::string piece;
    while (piece.size() + 32 <= room && piece.size() < 4096) piece += basp_message("");
    if (piece.empty()) break;
    two.dialer.protocol().send(piece);
    sent += piece.size();
    ASSERT_LT(sent, std::size_t{1} << 20U);
  }
  EXPECT_LE(two.dialer.protocol().output().size(), 2 * two.dialer.limits.out_bytes);
}

TEST(link_stream, bytes_that_cross_the_end_of_a_stream_do_not_reach_the_next_one) {
  protocol_pair two;
  two.connect();
  two.dialer.protocol().open_stream();
  two.exchange();
  two.listener.protocol().send(basp_message("late"));  // on its way ...
  two.dialer.protocol().end_stream();                  // ... while the dialer ends and begins anew
  two.dialer.protocol().open_stream();
  two.exchange();
  EXPECT_EQ(two.dialer.out.bytes, "");
  EXPECT_THAT(two.listener.out.events,
              ElementsAre("hello node-1", "up", "opened", "closed", "opened"));
  two.listener.protocol().send(basp_message("new"));
  two.exchange();
  EXPECT_EQ(two.dialer.out.bytes, basp_message("new"));
}

TEST(link_stream, a_basp_header_of_four_gigabytes_ends_the_link) {
  std::string header = basp_message("");
  header.replace(4, 4, "\xff\xff\xff\xff");
  protocol_pair two;
  two.connect();
  two.dialer.protocol().open_stream();
  two.exchange();
  two.listener.protocol().receive(stream_frame(frame_type::data, 1, header), two.now);
  EXPECT_EQ(two.listener.protocol().ended(), link_end::protocol_error);
  EXPECT_THAT(two.listener.protocol().detail(), HasSubstr("4294967295"));
  EXPECT_EQ(two.listener.out.bytes, "");
  two.exchange();
  EXPECT_EQ(two.dialer.protocol().ended(), link_end::protocol_error);
  EXPECT_THAT(two.dialer.protocol().detail(), HasSubstr("4294967295"));
}

TEST(link_stream, a_local_program_that_sends_such_a_header_ends_the_link_before_the_peer_sees_it) {
  std::string header = basp_message("");
  header.replace(4, 4, "\xff\xff\xff\xff");
  protocol_pair two;
  two.connect();
  two.dialer.protocol().open_stream();
  two.dialer.protocol().send(header);
  EXPECT_EQ(two.dialer.protocol().ended(), link_end::protocol_error);
  EXPECT_THAT(two.dialer.protocol().detail(), HasSubstr("from this node"));
  two.exchange();
  EXPECT_EQ(two.listener.out.bytes, "");
}

struct rule_case {
  const char* what;
  std::string bytes;
};

TEST(link_stream, whoever_breaks_the_rules_is_closed) {
  std::string huge;
  put(huge, std::uint32_t{0xffffffff});
  huge += '\x07';
  std::string too_much;
  put(too_much, std::uint32_t{1U << 30U});
  const rule_case cases[] = {
      {"a frame of 4 GiB", huge},
      {"an unknown type", std::string("\0\0\0\0\x63", 5)},
      {"a second hello", frame_of(frame_type::hello, "again")},
      {"a second ready", frame_of(frame_type::ready, "")},
      {"a stream frame without number", frame_of(frame_type::data, "abc")},
      {"data for a stream never opened", stream_frame(frame_type::data, 2, "x")},
      {"stream 0", stream_frame(frame_type::end, 0)},
      {"a second stream", stream_frame(frame_type::open, 2)},
      {"credit beyond the window", stream_frame(frame_type::credit, 1, too_much)},
      {"credit without number", stream_frame(frame_type::credit, 1, "x")},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    protocol_pair two;
    two.connect();
    two.dialer.protocol().open_stream();
    two.exchange();
    two.listener.protocol().receive(c.bytes, two.now);
    EXPECT_EQ(two.listener.protocol().ended(), link_end::protocol_error);
  }
}

TEST(link_stream, more_bytes_than_credit_end_the_link) {
  protocol_pair two;
  two.connect();
  two.dialer.protocol().open_stream();
  two.exchange();
  const auto header = basp_message("").replace(4, 4, std::string("\0\x0f\0\0", 4));
  two.listener.protocol().receive(stream_frame(frame_type::data, 1, header), two.now);
  for (int i = 0; i < 5 && !two.listener.protocol().ended(); ++i)
    two.listener.protocol().receive(stream_frame(frame_type::data, 1, std::string(60'000, 'x')),
                                    two.now);
  EXPECT_EQ(two.listener.protocol().ended(), link_end::protocol_error);
  EXPECT_LE(two.listener.out.bytes.size(), two.listener.limits.window_bytes);
}

TEST(link_stream, a_peer_that_makes_us_answer_and_never_reads_is_closed) {
  protocol_pair two;
  two.connect();
  std::uint32_t stream = 0;
  while (!two.listener.protocol().ended()) {
    ASSERT_LT(++stream, 1'000'000U);
    two.listener.protocol().receive(stream_frame(frame_type::open, stream), two.now);
    two.listener.protocol().end_stream();  // the local port does not answer
  }
  EXPECT_EQ(two.listener.protocol().ended(), link_end::protocol_error);
  EXPECT_LE(two.listener.protocol().output().size(), std::size_t{256} << 10U);
}

TEST(link_end, a_goodbye_is_told_apart_from_an_end_without_a_word) {
  protocol_pair two;
  two.connect();
  two.dialer.protocol().end(link_end::local, "the node stops");
  two.exchange();
  EXPECT_EQ(two.listener.protocol().ended(), link_end::goodbye);
  EXPECT_THAT(two.listener.protocol().detail(), HasSubstr("the node stops"));
}

}  // namespace
}  // namespace stagedoor::link
