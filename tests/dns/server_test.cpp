// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/server_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::dns {
namespace {

using testing::bytes;
using ::testing::IsEmpty;
using testing::packet_of;
using testing::read_message;
using testing::server_fixture;
using ::testing::SizeIs;

class dns_server : public server_fixture {};

TEST_F(dns_server, answers_by_udp) {
  start();
  const auto m = exchange_udp({.name = "www.example."});
  EXPECT_THAT(m.answer, ::testing::ElementsAre("www.example. 300 in a 192.0.2.2"));
  EXPECT_EQ(dns->count().udp_queries, 1U);
  EXPECT_THAT(logged, ::testing::HasSubstr("www.example. udp"))
      << "the log is flushed with the turn";
}

TEST_F(dns_server, answers_more_datagrams_than_a_batch_holds) {
  start({.udp = {.batch = 8, .batches_per_turn = 2}});
  const auto fd = client(transport::udp);
  for (std::uint16_t i = 0; i < 100; ++i) write(fd, packet_of({.name = "www.example."}, i));
  std::set<unsigned> ids;
  for (int i = 0; i < 100; ++i) ids.insert(read_message(receive(fd)).id);
  EXPECT_THAT(ids, SizeIs(100));
}

TEST_F(dns_server, answers_from_the_address_that_was_asked) {
  start({}, nullptr, "0.0.0.0:0");
  for (const auto* ip : {"127.0.0.1", "127.0.0.2", "127.9.9.9"}) {
    at = net::address::parse(ip, at.port()).value();
    EXPECT_EQ(exchange_udp({.name = "www.example."}).answer.size(), 1U)
        << ip << ": a connected socket takes answers from that address only";
  }
}

TEST_F(dns_server, listens_on_ipv6_with_ipv4_beside_it) {
  start({}, nullptr, "[::]:0");
  for (const auto* ip : {"::1", "127.0.0.3"}) {
    at = net::address::parse_ip(ip, at.port()).value();
    EXPECT_EQ(exchange_udp({.name = "www.example."}).answer.size(), 1U) << ip;
  }
}

TEST_F(dns_server, survives_malformed_datagrams_in_a_batch_with_good_ones) {
  start();
  const auto fd = client(transport::udp);
  auto answer_packet = packet_of({.name = "www.example."}, 1);
  answer_packet[2] |= 0x80;
  write(fd, answer_packet);
  write(fd, bytes(5, 0xff));
  write(fd, bytes(3000, 0x01));
  auto cut = packet_of({.name = "www.example."}, 2);
  cut.resize(20);
  write(fd, cut);
  write(fd, packet_of({.name = "www.example."}, 3));
  std::map<unsigned, unsigned> codes;
  for (int i = 0; i < 3; ++i) {
    const auto got = receive(fd);
    ASSERT_GE(got.size(), header_size);
    codes[load16(got.data())] = got[3] & 0xfU;
  }
  EXPECT_EQ(codes[2], rcode::formerr);
  EXPECT_EQ(codes[3], rcode::noerror);
  EXPECT_EQ(dns->count().dropped, 2U);
}

TEST_F(dns_server, answers_pipelined_queries_of_one_connection) {
  start();
  const auto fd = client(transport::tcp);
  bytes all;
  for (std::uint16_t i = 0; i < 50; ++i) {
    const auto f = framed(packet_of({.name = "www.example."}, i));
    all.insert(all.end(), f.begin(), f.end());
  }
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  write(fd, all);
  const auto got = receive_stream(fd, 50);
  ASSERT_THAT(got, SizeIs(50));
  for (std::uint16_t i = 0; i < 50; ++i) EXPECT_EQ(load16(got[i].data()), i);
}

TEST_F(dns_server, puts_split_reads_together) {
  start();
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  auto two = framed(packet_of({.name = "www.example."}, 1));
  const auto next = framed(packet_of({.name = "ns.example."}, 2));
  two.insert(two.end(), next.begin(), next.end());
  for (const auto byte : two) {
    write(fd, {byte});
    l.turn(milliseconds(1));
  }
  const auto got = receive_stream(fd, 2);
  ASSERT_THAT(got, SizeIs(2));
  EXPECT_EQ(read_message(got[1]).answer.size(), 1U);
}

TEST_F(dns_server, answers_what_came_before_the_client_closed_its_side) {
  start();
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  write(fd, framed(packet_of({.name = "www.example."}, 1)));
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_THAT(receive_stream(fd, 1), SizeIs(1));
  EXPECT_TRUE(closed(fd));
  EXPECT_TRUE(run_until([&] { return dns->count().tcp_open == 0; }));
}

TEST_F(dns_server, sends_whole_by_tcp_what_udp_truncates) {
  for (int i = 0; i < 4000; ++i) zone += fmt::format("many A 10.1.{}.{}\n", i / 250, i % 250);
  start();
  EXPECT_TRUE(exchange_udp({.name = "many.example.", .edns = 1232}).tc);
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  write(fd, framed(packet_of({.name = "many.example."})));
  const auto got = receive_stream(fd, 1);
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(read_message(got[0]).answer_count, 4000U);
}

TEST_F(dns_server, reads_no_more_while_a_client_does_not_take_its_answers) {
  for (int i = 0; i < 4000; ++i) zone += fmt::format("many A 10.1.{}.{}\n", i / 250, i % 250);
  start();
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  bytes burst;
  for (std::uint16_t i = 0; i < 1000; ++i) {
    const auto f = framed(packet_of({.name = "many.example."}, i));
    burst.insert(burst.end(), f.begin(), f.end());
  }
  write(fd, burst);
  std::uint64_t before = 1;
  while (before != dns->count().tcp_queries) {
    before = dns->count().tcp_queries;
    for (int i = 0; i < 20; ++i) l.turn(milliseconds(1));
  }
  EXPECT_LT(before, 1000U) << "64 MB of answers may not pile up";
  EXPECT_EQ(receive_stream(fd, 1000).size(), 1000U) << "and all come when they are read";
}

TEST_F(dns_server, closes_idle_connections) {
  start({.tcp = {.idle_timeout = milliseconds(20)}});
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  write(fd, {0, 40, 1, 2, 3});  // never completed
  EXPECT_TRUE(closed(fd));
  EXPECT_EQ(dns->count().tcp_open, 0U);
}

TEST_F(dns_server, rejects_connections_over_its_limits) {
  start({.tcp = {.connections = 10, .connections_per_client = 2}});
  const auto one = client(transport::tcp);
  const auto two = client(transport::tcp);
  const auto three = client(transport::tcp);
  EXPECT_TRUE(closed(three));
  EXPECT_EQ(dns->count().tcp_open, 2U);
  EXPECT_EQ(dns->count().tcp_rejected, 1U);
}

TEST_F(dns_server, opens_and_closes_listeners_as_told) {
  start();
  const listener_options other{listener_id{2}, net::address::parse("127.0.0.1:0").value()};
  ASSERT_TRUE(dns->listen({&other, 1}));
  EXPECT_FALSE(dns->address_of(listener_id{1}));
  at = dns->address_of(listener_id{2}).value();
  EXPECT_EQ(exchange_udp({.name = "www.example."}).rcode, 5U) << "no zone on that listener";
  const listener_options taken{listener_id{3}, net::address::parse("192.0.2.1:53").value()};
  EXPECT_FALSE(dns->listen({&taken, 1})) << "not an address of this machine";
  EXPECT_TRUE(dns->address_of(listener_id{2})) << "what was open stays open";
}

TEST_F(dns_server, goes_on_with_sockets_that_are_given_and_leaves_them_open) {
  start();
  std::vector<net::open_socket> given;
  dns->copy_sockets(given);
  ASSERT_THAT(given, SizeIs(2));
  server next(l, {});
  next.apply(names.whole());
  next.apply(route_writer.whole());
  const listener_options where{listener_id{1}, at};
  ASSERT_TRUE(next.listen({&where, 1}, given));
  EXPECT_TRUE(given.empty());
  const auto kept = client(transport::tcp);
  write(kept, framed(packet_of({.name = "www.example."}, 1)));
  EXPECT_THAT(receive_stream(kept, 1), SizeIs(1));
  const bool by_old = dns->count().tcp_open == 1;
  bool drained = false;
  dns->hand_over(milliseconds(30), [&] { drained = true; });
  for (std::uint16_t i = 0; i < 20; ++i)
    EXPECT_EQ(exchange_udp({.name = "www.example."}, i).answer.size(), 1U);
  EXPECT_EQ(dns->count().udp_queries, 0U);
  EXPECT_EQ(next.count().udp_queries, 20U);
  EXPECT_TRUE(run_until([&] { return drained; }));
  EXPECT_EQ(dns->count().tcp_open, 0U);
  if (by_old) {
    EXPECT_TRUE(closed(kept)) << "it stayed silent for the grace";
  }
  dns->stop();
  EXPECT_EQ(exchange_udp({.name = "www.example."}).answer.size(), 1U);
  next.stop();
}

TEST_F(dns_server, shows_a_change_with_the_delta) {
  start();
  EXPECT_EQ(exchange_udp({.name = "new.example."}).rcode, 3U);
  zone_node node;
  const std::string_view value("\xc0\0\2\7", 4);
  node.sets.add(type::a, 60, {&value, 1});
  names.put(name_key(testing::wire("new.example."), 1), std::move(node));
  dns->apply(names.freeze());
  EXPECT_EQ(exchange_udp({.name = "new.example."}).answer.size(), 1U);
}

}  // namespace
}  // namespace stagedoor::dns
