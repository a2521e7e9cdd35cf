// SPDX-License-Identifier: Apache-2.0
// Real sockets and real TLS on loopback, both nodes in one loop.
#include "runtime/link/link.hpp"

#include "tests/link/two_nodes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace stagedoor::link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string many_messages(std::size_t bytes, unsigned seed) {
  std::minstd_rand random(seed);
  std::string out;
  while (out.size() < bytes) {
    std::string payload(random() % 20'000, '\0');
    for (auto& c : payload) c = static_cast<char>(random());
    out += basp_message(payload);
  }
  return out;
}

TEST(link, two_nodes_find_each_other_and_say_goodbye) {
  two_nodes two;
  two.start();
  ASSERT_TRUE(two.are_up());
  two.dialer->stop();
  ASSERT_TRUE(two.until([&] { return two.listener->links() == 0; }));
  EXPECT_THAT(two.at_listener, ElementsAre("up node-1", "down node-1: goodbye"));
  EXPECT_THAT(two.at_dialer, ElementsAre("up node-2", "down node-2: local"));
}

TEST(link, carries_a_connection_both_ways) {
  two_nodes two;
  two.start();
  ASSERT_TRUE(two.are_up());
  const auto local = two.connect_local();
  std::string there, back;
  local->on_bytes = [&](std::string_view b) { back.append(b); };
  const auto question = many_messages(3'000'000, 1);
  const auto answer = many_messages(3'000'000, 2);
  ASSERT_TRUE(two.until([&] { return two.at_basp.size() == 1; }));
  two.at_basp[0]->on_bytes = [&](std::string_view b) { there.append(b); };
  local->send(question);
  two.at_basp[0]->send(answer);
  ASSERT_TRUE(
      two.until([&] { return there.size() >= question.size() && back.size() >= answer.size(); }));
  EXPECT_TRUE(there == question);
  EXPECT_TRUE(back == answer);
}

TEST(link, what_was_sent_before_the_end_arrives_and_the_link_stands_for_the_next) {
  two_nodes two;
  two.start();
  ASSERT_TRUE(two.are_up());
  for (int round = 1; round <= 3; ++round) {
    SCOPED_TRACE(round);
    auto local = two.connect_local();
    ASSERT_TRUE(two.until([&] { return two.at_basp.size() == 1; }));
    std::string there;
    bool ended = false;
    two.at_basp[0]->on_bytes = [&](std::string_view b) { there.append(b); };
    two.at_basp[0]->on_end = [&] { ended = true; };
    const auto said = many_messages(500'000, static_cast<unsigned>(round));
    local->send(said);
    local->close();
    ASSERT_TRUE(two.until([&] { return ended; }));
    EXPECT_TRUE(there == said);
    two.at_basp.clear();
  }
  EXPECT_THAT(two.at_dialer, ElementsAre("up node-2"));
}

TEST(link, the_end_of_the_far_side_reaches_the_local_program) {
  two_nodes two;
  two.start();
  ASSERT_TRUE(two.are_up());
  const auto local = two.connect_local();
  bool ended = false;
  local->on_end = [&] { ended = true; };
  ASSERT_TRUE(two.until([&] { return two.at_basp.size() == 1; }));
  two.at_basp[0]->close();
  EXPECT_TRUE(two.until([&] { return ended; }));
  EXPECT_TRUE(two.dialer->up());
}

TEST(link, a_far_port_that_nobody_listens_on_ends_the_local_connection_only) {
  two_nodes two;
  two.basp.shut();
  two.start();
  ASSERT_TRUE(two.are_up());
  const auto local = two.connect_local();
  bool ended = false;
  local->on_end = [&] { ended = true; };
  EXPECT_TRUE(two.until([&] { return ended; }));
  EXPECT_TRUE(two.dialer->up());
}

TEST(link, a_second_local_connection_is_let_go) {
  two_nodes two;
  two.start();
  ASSERT_TRUE(two.are_up());
  const auto first = two.connect_local();
  ASSERT_TRUE(two.until([&] { return two.at_basp.size() == 1; }));
  const auto second = two.connect_local();
  bool ended = false;
  second->on_end = [&] { ended = true; };
  EXPECT_TRUE(two.until([&] { return ended; }));
  EXPECT_TRUE(first->open());
  EXPECT_EQ(two.at_basp.size(), 1U);
}

TEST(link, a_local_program_that_does_not_read_stops_the_far_one_and_not_the_link) {
  two_nodes two;
  const auto port = net::listen_tcp(loopback(0));
  ASSERT_TRUE(port);
  two.listening.setup.local = *net::local_address(port->get());
  two.listening.setup.limits.silence_deadline = two.dialling.setup.limits.silence_deadline =
      milliseconds(300);
  two.listening.setup.limits.ping_interval = two.dialling.setup.limits.ping_interval =
      milliseconds(50);
  two.start();
  ASSERT_TRUE(two.are_up());
  const auto deaf = net::connect_tcp(two.dialer->local());  // a bare socket: nobody reads it
  ASSERT_TRUE(deaf);
  unique_fd far;
  ASSERT_TRUE(two.until([&] {
    far.reset(::accept4(port->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    return static_cast<bool>(far);
  }));
  const auto message = basp_message(std::string(65536 - 32, 'x'));
  std::size_t sent = 0;
  const auto send_more = [&] {
    const auto from = std::string_view(message).substr(sent % message.size());
    const auto n = ::send(far.get(), from.data(), from.size(), MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<std::size_t>(n);
    return n > 0;
  };
  const auto push_for = [&](milliseconds span) {
    (void)test::turn_until(
        two.l,
        [&] {
          while (send_more()) continue;
          return false;
        },
        span);
  };
  push_for(milliseconds(300));
  const auto soon = sent;
  push_for(milliseconds(600));  // twice the silence deadline
  EXPECT_EQ(sent, soon) << "something keeps what nobody reads";
  EXPECT_TRUE(two.dialer->up());
  EXPECT_EQ(two.listener->links(), 1U);

  std::string got;
  std::string piece(65536, '\0');
  ASSERT_TRUE(two.until([&] {
    const auto n = ::recv(deaf->get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (n > 0) got.append(piece, 0, static_cast<std::size_t>(n));
    return got.size() >= sent;
  }));
  EXPECT_EQ(got.size(), sent);
}

TEST(link, a_peer_whose_process_ended_is_told_apart_from_one_that_is_silent) {
  two_nodes two;
  two.start();
  ASSERT_TRUE(two.are_up());
  two.listener->stop();  // no socket listens any more: what the kernel does when a process ends
  ASSERT_TRUE(two.until([&] { return two.at_dialer.size() >= 3; }));
  EXPECT_THAT(two.at_dialer, ElementsAre("up node-2", "down node-2: goodbye", "failed: gone"));
}

TEST(link, a_connection_cut_without_a_word_is_dialled_again_at_once) {
  two_nodes two;
  two.dialling.settled_after = milliseconds(0);
  two.start_listener(two.files.node("node-2"));
  test::relay between(two.l, two.listener->address().port());
  two.start_dialer(two.files.node("node-1"), between.port());
  ASSERT_TRUE(two.are_up());
  between.cut();
  ASSERT_TRUE(two.until([&] { return two.at_dialer.size() >= 3; }));
  EXPECT_THAT(two.at_dialer, ElementsAre("up node-2", "down node-2: reset", "up node-2"));
}

TEST(link, a_peer_that_falls_silent_is_noticed_while_the_connection_stands) {
  two_nodes two;
  for (auto* limits : {&two.listening.setup.limits, &two.dialling.setup.limits}) {
    limits->ping_interval = milliseconds(50);
    limits->silence_deadline = milliseconds(300);
  }
  two.start_listener(two.files.node("node-2"));
  test::relay between(two.l, two.listener->address().port());
  two.start_dialer(two.files.node("node-1"), between.port());
  ASSERT_TRUE(two.are_up());
  test::turn_for(two.l, milliseconds(500));
  ASSERT_TRUE(two.dialer->up());
  between.lose_replies = true;
  ASSERT_TRUE(two.until([&] { return two.at_dialer.size() >= 2; }));
  EXPECT_EQ(two.at_dialer[1], "down node-2: silence");
}

TEST(link, a_node_that_dials_again_replaces_its_old_link) {
  two_nodes two;
  two.start_listener(two.files.node("node-2"));
  test::relay between(two.l, two.listener->address().port());
  two.start_dialer(two.files.node("node-1"), between.port());
  ASSERT_TRUE(two.are_up());
  between.cut(test::relay::ends::client_only);  // node-2 does not see the end
  ASSERT_TRUE(two.until([&] { return two.at_dialer.size() >= 3 && two.at_listener.size() >= 3; }));
  EXPECT_THAT(two.at_listener, ElementsAre("up node-1", "down node-1: local", "up node-1"));
  EXPECT_EQ(two.listener->links(), 1U);
}

TEST(link, a_refused_node_learns_why) {
  two_nodes two;
  two.answer = refused{refusal::not_now, "node-2 is leaving"};
  two.start();
  ASSERT_TRUE(two.until([&] { return !two.at_dialer.empty(); }));
  EXPECT_EQ(two.at_dialer[0], "failed: refused");
  EXPECT_THAT(two.failure, HasSubstr("not now: node-2 is leaving"));
  // However often it tries: a node that is known is not made to wait like a stranger.
  test::turn_for(two.l, milliseconds(800));
  two.answer.reset();
  EXPECT_TRUE(two.are_up());
  EXPECT_THAT(two.at_dialer, ElementsAre("failed: refused", "up node-2"));
}

TEST(link, a_silent_host_is_given_up_at_the_deadline) {
  two_nodes two;
  two.dialling.setup.limits.handshake_deadline = milliseconds(100);
  std::vector<std::unique_ptr<test::stream>> kept;
  test::acceptor silent(two.l, [&](auto s) { kept.push_back(std::move(s)); });
  two.start_dialer(two.files.node("node-1"), silent.port());
  ASSERT_TRUE(two.until([&] { return !two.at_dialer.empty(); }));
  EXPECT_EQ(two.at_dialer[0], "failed: timed out");
}

TEST(link, a_peer_that_moved_is_dialled_at_its_new_address) {
  two_nodes two;
  std::uint16_t nobody = 0;
  {
    const auto fd = net::listen_tcp(loopback(0));
    nobody = net::local_address(fd->get())->port();
  }
  two.dialling.first_pause = two.dialling.longest_pause = seconds(3600);
  two.start_listener(two.files.node("node-2"));
  two.start_dialer(two.files.node("node-1"), nobody);
  ASSERT_TRUE(two.until([&] { return !two.at_dialer.empty(); }));
  EXPECT_EQ(two.at_dialer[0], "failed: gone");
  two.dialer->dial_at(two.listener->address());
  EXPECT_TRUE(two.are_up());
}

}  // namespace
}  // namespace stagedoor::link
