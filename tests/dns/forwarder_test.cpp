// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/server_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::dns {
namespace {

using testing::bytes;
using testing::fake_upstream;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::packet_of;
using testing::read_message;
using testing::server_fixture;
using ::testing::SizeIs;

class forwarding : public server_fixture {
 protected:
  std::shared_ptr<forward_options> rule(std::initializer_list<net::address> to) {
    auto r = std::make_shared<forward_options>();
    r->upstreams = to;
    r->read_timeout = milliseconds(30);
    r->deadline = milliseconds(200);
    r->health_check = milliseconds(10);
    return r;
  }
  fake_upstream one{l};
  fake_upstream two{l};
};

// An address where nothing listens: bound once, then closed.
net::address dead_address() {
  auto fd = net::bind_udp(net::address::parse("127.0.0.1:0").value());
  return net::local_address(fd.value().get()).value();
}

TEST_F(forwarding, passes_the_answer_back_under_the_clients_id) {
  start({}, rule({one.address}));
  const auto fd = client(transport::udp);
  const auto q =
      packet_of({.name = "WwW.Elsewhere.test.", .flags = flag::rd, .edns = 1400}, 0xabcd);
  write(fd, q);
  const auto got = receive(fd);
  EXPECT_EQ(got, fake_upstream::answer_to(q)) << "untouched but for the ID on the way";
  ASSERT_THAT(one.udp_queries, SizeIs(1));
  bytes sent = one.udp_queries[0];
  store16(sent.data(), 0xabcd);
  EXPECT_EQ(sent, q);
  EXPECT_THAT(logged, HasSubstr("www.elsewhere.test. udp"));
}

TEST_F(forwarding, leaves_our_own_zones_alone) {
  start({}, rule({one.address}));
  EXPECT_EQ(exchange_udp({.name = "www.example."}).answer.size(), 1U);
  EXPECT_EQ(exchange_udp({.name = "nope.example."}).rcode, 3U);
  EXPECT_THAT(one.udp_queries, IsEmpty());
}

TEST_F(forwarding, asks_upstream_for_missing_names_below_fallthrough) {
  chain->fallthrough = {testing::wire("example.")};
  start({}, rule({one.address}));
  EXPECT_TRUE(exchange_udp({.name = "nope.example."}).ra);
  EXPECT_EQ(exchange_udp({.name = "www.example."}).answer.size(), 1U);
  EXPECT_EQ(exchange_udp({.name = "www.example.", .type = "MX"}).authority.size(), 1U);
  EXPECT_THAT(one.udp_queries, SizeIs(1));
}

TEST_F(forwarding, obeys_from_and_except) {
  auto r = rule({one.address});
  r->from = testing::wire("test.");
  r->except = {testing::wire("internal.test.")};
  start({}, r);
  EXPECT_EQ(exchange_udp({.name = "a.test."}).rcode, 0U);
  EXPECT_EQ(exchange_udp({.name = "a.internal.test."}).rcode, 5U);
  EXPECT_EQ(exchange_udp({.name = "a.org."}).rcode, 5U);
  EXPECT_THAT(one.udp_queries, SizeIs(1));
}

TEST_F(forwarding, believes_only_answers_to_what_was_asked) {
  start({}, rule({one.address}));
  one.respond = [&](const bytes& q, transport) {
    auto wrong_id = fake_upstream::answer_to(q);
    wrong_id[0] ^= 0x55;
    auto wrong_name = fake_upstream::answer_to(q);
    wrong_name[header_size + 1] = 'z';
    auto wrong_type = fake_upstream::answer_to(q);
    wrong_type[wrong_type.size() - 3] = 28;
    bytes no_answer = q;
    return std::vector<bytes>{wrong_id,    wrong_name,
                              wrong_type,  no_answer,
                              bytes(3, 0), fake_upstream::answer_to(q, flag::ra | flag::ad)};
  };
  const auto fd = client(transport::udp);
  write(fd, packet_of({.name = "a.test."}, 9));
  const auto got = receive(fd);
  ASSERT_FALSE(got.empty());
  EXPECT_NE(load16(got.data() + 2) & flag::ad, 0);
  EXPECT_EQ(dns->count().forward_bogus, 5U);
}

TEST_F(forwarding, uses_unpredictable_ids_and_several_source_ports) {
  start({}, rule({one.address}));
  const auto fd = client(transport::udp);
  for (std::uint16_t i = 0; i < 200; ++i) {
    write(fd, packet_of({.name = "a.test."}, 7));
    ASSERT_FALSE(receive(fd).empty());
  }
  std::set<unsigned> ids;
  for (const auto& q : one.udp_queries) ids.insert(load16(q.data()));
  EXPECT_GT(ids.size(), 190U);
  EXPECT_EQ(one.source_ports.size(), forwarder_options{}.udp_sockets_per_upstream);
}

TEST_F(forwarding, replaces_worn_source_ports) {
  start({.forwards = {.udp_sockets_per_upstream = 2, .queries_per_udp_socket = 5}},
        rule({one.address}));
  const auto fd = client(transport::udp);
  for (std::uint16_t i = 0; i < 60; ++i) {
    write(fd, packet_of({.name = "a.test."}, i));
    ASSERT_FALSE(receive(fd).empty());
  }
  EXPECT_GE(one.source_ports.size(), 10U);
}

TEST_F(forwarding, tries_the_next_upstream_when_one_refuses_or_is_silent) {
  auto r = rule({dead_address(), one.address, two.address});
  r->policy = forward_policy::sequential;
  one.respond = [](const bytes&, transport) { return std::vector<bytes>{}; };
  start({}, r);
  EXPECT_TRUE(exchange_udp({.name = "a.test."}).ra);
  EXPECT_GE(one.udp_queries.size(), 1U);
  EXPECT_GE(two.udp_queries.size(), 1U);
  EXPECT_GE(dns->count().forward_retries, 1U);
}

TEST_F(forwarding, answers_servfail_when_nobody_answers_and_says_why) {
  start({}, rule({dead_address()}));
  const auto m = exchange_udp({.name = "a.test.", .flags = flag::rd}, 0x77);
  EXPECT_EQ(m.id, 0x77U);
  EXPECT_EQ(m.rcode, 2U);
  EXPECT_TRUE(m.rd);
  l.turn(milliseconds(0));
  EXPECT_THAT(logged, HasSubstr("[ERROR] plugin/errors: 2 a.test. A: udp 127.0.0.1:"));
  EXPECT_THAT(logged, HasSubstr("SERVFAIL"));
}

TEST_F(forwarding, with_silent_upstreams_costs_our_own_zones_nothing) {
  one.respond = [](const bytes&, transport) { return std::vector<bytes>{}; };
  auto r = rule({one.address});
  r->read_timeout = seconds(60);
  r->deadline = seconds(60);
  start({.forwards = {.outstanding = 100}}, r);
  const auto fd = client(transport::udp);
  for (std::uint16_t i = 0; i < 150; ++i) write(fd, packet_of({.name = "a.test."}, i));
  std::size_t refused = 0;
  for (int i = 0; i < 50; ++i) refused += read_message(receive(fd)).rcode == 5U;
  EXPECT_EQ(refused, 50U) << "the table is full";
  EXPECT_EQ(exchange_udp({.name = "www.example."}).answer.size(), 1U);
}

TEST_F(forwarding, refuses_over_max_concurrent) {
  one.respond = [](const bytes&, transport) { return std::vector<bytes>{}; };
  auto r = rule({one.address});
  r->max_concurrent = 3;
  r->read_timeout = r->deadline = seconds(60);
  start({}, r);
  const auto fd = client(transport::udp);
  for (std::uint16_t i = 0; i < 4; ++i) write(fd, packet_of({.name = "a.test."}, i));
  EXPECT_EQ(read_message(receive(fd)).rcode, 5U);
  EXPECT_EQ(dns->count().forwarded, 3U);
}

TEST_F(forwarding, takes_turns_by_round_robin_and_stays_first_by_sequence) {
  auto r = rule({one.address, two.address});
  r->policy = forward_policy::round_robin;
  start({}, r);
  for (int i = 0; i < 10; ++i) (void)exchange_udp({.name = "a.test."});
  EXPECT_THAT(one.udp_queries, SizeIs(5));
  EXPECT_THAT(two.udp_queries, SizeIs(5));
}

TEST_F(forwarding, stays_with_the_first_by_sequence) {
  auto r = rule({one.address, two.address});
  r->policy = forward_policy::sequential;
  start({}, r);
  for (int i = 0; i < 10; ++i) (void)exchange_udp({.name = "a.test."});
  EXPECT_THAT(one.udp_queries, SizeIs(10));
  EXPECT_THAT(two.udp_queries, IsEmpty());
}

bool is_probe(const bytes& q) { return q.size() == header_size + 5 && q[header_size] == 0; }

TEST_F(forwarding, takes_a_failing_upstream_out_until_it_answers_a_probe) {
  auto r = rule({one.address, two.address});
  r->policy = forward_policy::sequential;
  bool healthy = false;
  one.respond = [&](const bytes& q, transport) {
    return healthy ? std::vector<bytes>{fake_upstream::answer_to(q)} : std::vector<bytes>{};
  };
  start({}, r);
  EXPECT_TRUE(exchange_udp({.name = "a.test."}).ra);
  const auto probes = [&] {
    return std::count_if(one.udp_queries.begin(), one.udp_queries.end(), is_probe);
  };
  ASSERT_TRUE(run_until([&] { return probes() >= 4; }));
  const auto asked = static_cast<std::ptrdiff_t>(one.udp_queries.size()) - probes();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(exchange_udp({.name = "a.test."}).ra);
  EXPECT_EQ(static_cast<std::ptrdiff_t>(one.udp_queries.size()) - probes(), asked)
      << "nobody waits for it any more";
  healthy = true;
  ASSERT_TRUE(run_until([&] {
    (void)exchange_udp({.name = "a.test."});
    return static_cast<std::ptrdiff_t>(one.udp_queries.size()) - probes() > asked;
  })) << "and it is back after one good probe";
}

TEST_F(forwarding, uses_tcp_for_tcp_clients_and_keeps_the_connection) {
  start({}, rule({one.address}));
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  for (std::uint16_t i = 0; i < 5; ++i) {
    write(fd, framed(packet_of({.name = "a.test."}, i)));
    const auto got = receive_stream(fd, 1);
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(load16(got[0].data()), i);
  }
  EXPECT_THAT(one.tcp_queries, SizeIs(5));
  EXPECT_EQ(one.connections, 1U);
  EXPECT_THAT(one.udp_queries, IsEmpty());
}

TEST_F(forwarding, answers_out_of_order_on_one_connection) {
  bytes held;
  one.respond = [&](const bytes& q, transport) {
    if (q[header_size + 1] != 's') return std::vector<bytes>{fake_upstream::answer_to(q)};
    held = q;
    return std::vector<bytes>{};
  };
  auto r = rule({one.address});
  r->prefer_udp = true;
  r->read_timeout = r->deadline = seconds(60);
  start({}, r);
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  auto both = framed(packet_of({.name = "slow.test."}, 1));
  const auto quick = framed(packet_of({.name = "quick.test."}, 2));
  const auto own = framed(packet_of({.name = "www.example."}, 3));
  both.insert(both.end(), quick.begin(), quick.end());
  both.insert(both.end(), own.begin(), own.end());
  write(fd, both);
  auto got = receive_stream(fd, 2);
  ASSERT_THAT(got, SizeIs(2));
  EXPECT_EQ(load16(got[0].data()), 3) << "ours at once";
  EXPECT_EQ(load16(got[1].data()), 2) << "then the quick one";
}

TEST_F(forwarding, asks_again_by_tcp_when_prefer_udp_brings_a_truncated_answer) {
  one.respond = [](const bytes& q, transport via) {
    return std::vector<bytes>{
        fake_upstream::answer_to(q, via == transport::udp ? flag::tc : flag::ra)};
  };
  auto r = rule({one.address});
  r->prefer_udp = true;
  start({}, r);
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  write(fd, framed(packet_of({.name = "a.test."}, 1)));
  const auto got = receive_stream(fd, 1);
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_FALSE(read_message(got[0]).tc);
  EXPECT_TRUE(exchange_udp({.name = "a.test."}).tc) << "a UDP client is told and asks again itself";
}

TEST_F(forwarding, cuts_down_what_a_udp_client_cannot_take) {
  auto r = rule({one.address});
  r->force_tcp = true;
  one.respond = [](const bytes& q, transport) {
    auto a = fake_upstream::answer_to(q);
    a.resize(2000, 0);
    return std::vector<bytes>{a};
  };
  start({}, r);
  const auto m = exchange_udp({.name = "a.test."}, 5);
  EXPECT_TRUE(m.parsed);
  EXPECT_TRUE(m.tc);
  EXPECT_LE(m.bytes, 512U);
  EXPECT_THAT(one.udp_queries, IsEmpty());
}

TEST_F(forwarding, forgets_rules_that_are_configured_no_more) {
  auto r = rule({one.address});
  start({}, r);
  EXPECT_TRUE(exchange_udp({.name = "a.test."}).ra);
  const std::weak_ptr<forward_options> watched = r;
  r.reset();
  chain = std::make_shared<plugin_chain>();
  const auto apex = testing::wire("example.");
  ASSERT_TRUE(
      routes.set_blocks({server_block{{listener_id{1}}, {apex}, {{apex, zone_id{1}}}, chain}}));
  dns->apply(route_writer.freeze());
  dns->apply(snapshot::delta<zone_route>{});
  l.turn(milliseconds(0));
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(exchange_udp({.name = "a.test."}).rcode, 5U);
}

TEST_F(forwarding, survives_a_client_that_left) {
  one.respond = [](const bytes&, transport) { return std::vector<bytes>{}; };
  auto r = rule({one.address});
  r->prefer_udp = true;
  start({}, r);
  {
    const auto fd = client(transport::tcp);
    ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
    write(fd, framed(packet_of({.name = "a.test."}, 1)));
    ASSERT_TRUE(run_until([&] { return !one.udp_queries.empty(); }));
    const linger abort{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }
  ASSERT_TRUE(run_until([&] { return dns->count().forward_failed == 1; }));
  EXPECT_EQ(dns->count().tcp_open, 0U);
}

}  // namespace
}  // namespace stagedoor::dns
