// SPDX-License-Identifier: Apache-2.0
// Queries for names that no table has, though they may exist.
#include "tests/dns/server_fixture.hpp"

#include "runtime/snapshot/missing_names.hpp"

#include <gmock/gmock.h>

namespace stagedoor::dns {
namespace {

using snapshot::activation;
using testing::bytes;
using ::testing::ElementsAre;
using testing::fake_upstream;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message;
using testing::packet_of;
using testing::question;
using testing::read_message;
using testing::server_fixture;
using ::testing::SizeIs;
using testing::wire;

class missing_name : public server_fixture {
 protected:
  void start_asking(std::shared_ptr<forward_options> rule = nullptr,
                    const std::string& listen = "127.0.0.1:0") {
    server_options options;
    options.missing_names = &missing;
    options.lookups.asked_about = {zone_id{1}};
    start(options, std::move(rule), listen);
  }
  ~missing_name() override { dns.reset(); }  // before what it asks

  /// The zone has |line| too from now on.
  void add(const std::string& line) {
    zone += line + "\n";
    zone_state state(zone_id{1}, wire("example."));
    auto parsed = parse_zone(zone, "db", wire("example."), testing::zone_fixture::no_includes());
    ASSERT_TRUE(parsed.good());
    stage(state.load(parsed.data).value(), names);
    dns->apply(names.freeze());
  }
  unique_fd send(const question& q, std::uint16_t id = 0x1234) {
    auto fd = client(transport::udp);
    write(fd, packet_of(q, id));
    return fd;
  }
  void wait_for_questions(std::size_t count) {
    ASSERT_TRUE(run_until([&] { return asked.size() >= count; }));
    ASSERT_THAT(asked, SizeIs(count));
  }
  [[nodiscard]] bool silent(const unique_fd& fd) {
    for (int i = 0; i < 3; ++i) l.turn(milliseconds(1));
    std::uint8_t byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }

  std::vector<std::string> asked;
  std::vector<std::function<void(activation)>> answers;
  snapshot::missing_names missing{
      l, {}, [this](std::string name, std::function<void(activation)> done) {
        asked.push_back(std::move(name));
        answers.push_back(std::move(done));
      }};
};

TEST_F(missing_name, a_query_waits_for_its_name) {
  start_asking();
  const auto fd = send({.name = "Team-A.Example.", .edns = 1232}, 7);
  wait_for_questions(1);
  EXPECT_THAT(asked, ElementsAre("team-a"));
  EXPECT_TRUE(silent(fd));
  add("team-a A 192.0.2.9");
  answers[0](activation::active);
  const auto m = read_message(receive(fd));
  EXPECT_EQ(m.id, 7U);
  EXPECT_TRUE(m.aa);
  EXPECT_TRUE(m.edns);
  EXPECT_THAT(m.answer, ElementsAre("team-a.example. 300 in a 192.0.2.9"));
  EXPECT_THAT(exchange_udp({.name = "team-a.example."}).answer, SizeIs(1));
  EXPECT_THAT(asked, SizeIs(1));
  EXPECT_EQ(dns->count().udp_queries, 2U) << "it is counted once";
  EXPECT_EQ(dns->count().answers[0], 2U);
}

TEST_F(missing_name, an_unknown_name_does_not_exist) {
  start_asking();
  const auto fd = send({.name = "nobody.example."});
  wait_for_questions(1);
  answers[0](activation::unknown);
  const auto m = read_message(receive(fd));
  EXPECT_EQ(m.rcode, 3U);
  EXPECT_TRUE(m.aa);
  EXPECT_THAT(m.authority, SizeIs(1));
  EXPECT_EQ(exchange_udp({.name = "nobody.example."}).rcode, 3U);
  EXPECT_THAT(asked, SizeIs(1)) << "it is remembered";
}

TEST_F(missing_name, what_could_not_be_found_out_is_a_failure_that_nobody_may_keep) {
  start_asking();
  const auto fd = send({.name = "team-a.example."});
  wait_for_questions(1);
  answers[0](activation::failed);
  const auto m = read_message(receive(fd));
  EXPECT_EQ(m.rcode, 2U);
  EXPECT_FALSE(m.aa);
  EXPECT_THAT(m.authority, IsEmpty()) << "without SOA there is no TTL to keep it for";
  EXPECT_TRUE(
      run_until([&] { return logged.find("could not be looked up") != std::string::npos; }));
}

TEST_F(missing_name, a_wildcard_gets_what_is_unknown_and_nothing_before) {
  zone += "* A 192.0.2.99\n";
  start_asking();
  const auto first = send({.name = "nobody.example."});
  const auto second = send({.name = "team-a.example."});
  wait_for_questions(2);
  EXPECT_TRUE(silent(first));
  add("team-a A 192.0.2.9");
  answers[asked[0] == "nobody" ? 0 : 1](activation::unknown);
  answers[asked[0] == "nobody" ? 1 : 0](activation::active);
  EXPECT_THAT(read_message(receive(first)).answer,
              ElementsAre("nobody.example. 300 in a 192.0.2.99"));
  EXPECT_THAT(read_message(receive(second)).answer,
              ElementsAre("team-a.example. 300 in a 192.0.2.9"));
}

TEST_F(missing_name, a_name_that_only_has_names_below_it_may_be_a_team) {
  zone += "_acme-challenge.team-a TXT proof\n";
  start_asking();
  const auto fd = send({.name = "team-a.example."});
  wait_for_questions(1);
  answers[0](activation::unknown);
  const auto m = read_message(receive(fd));
  EXPECT_EQ(m.rcode, 0U) << "an empty non-terminal, as before";
  EXPECT_THAT(m.answer, IsEmpty());
}

TEST_F(missing_name, the_end_of_a_chain_is_asked_about_too) {
  zone += "alias CNAME team-a\n";
  start_asking();
  const auto fd = send({.name = "alias.example."});
  wait_for_questions(1);
  EXPECT_THAT(asked, ElementsAre("team-a"));
  add("team-a A 192.0.2.9");
  answers[0](activation::active);
  const auto m = read_message(receive(fd));
  EXPECT_THAT(m.answer, SizeIs(2));
  EXPECT_EQ(m.answer_count, 2U);
}

TEST_F(missing_name, only_host_names_one_label_below_the_zone_are_asked_about) {
  start_asking();
  for (const auto* name : {"a.b.example.", "_tcp.example.", "*.example.", "a\\.b.example."})
    EXPECT_EQ(exchange_udp({.name = name}).rcode, 3U) << name;
  EXPECT_EQ(exchange_udp({.name = "www.example.", .type = "AAAA"}).rcode, 0U);
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(missing_name, other_zones_are_left_alone) {
  server_options options;
  options.missing_names = &missing;
  options.lookups.asked_about = {zone_id{2}};
  start(options);
  EXPECT_EQ(exchange_udp({.name = "team-a.example."}).rcode, 3U);
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(missing_name, pipelined_queries_go_on_while_one_waits) {
  start_asking();
  const auto fd = client(transport::tcp);
  ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
  write(fd, framed(packet_of({.name = "team-a.example."}, 1)));
  write(fd, framed(packet_of({.name = "www.example."}, 2)));
  const auto first = receive_stream(fd, 1);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(load16(first[0].data()), 2);
  ::shutdown(fd.get(), SHUT_WR);
  add("team-a A 192.0.2.9");
  answers.at(0)(activation::active);
  const auto second = receive_stream(fd, 1);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(load16(second[0].data()), 1);
  EXPECT_THAT(read_message(second[0]).answer, SizeIs(1));
  EXPECT_TRUE(closed(fd)) << "a client that sends no more still got its answer";
}

TEST_F(missing_name, many_wait_for_one_answer_each_in_its_own_size) {
  start_asking();
  std::vector<unique_fd> all;
  for (std::uint16_t i = 0; i < 100; ++i) all.push_back(send({.name = "team-a.example."}, i));
  wait_for_questions(1);
  ASSERT_TRUE(run_until([&] { return missing.counters().parked == 100; }));
  for (int i = 0; i < 40; ++i) add("team-a A 192.0.2." + std::to_string(i));
  answers[0](activation::active);
  for (std::uint16_t i = 0; i < 100; ++i) {
    const auto m = read_message(receive(all[i]));
    EXPECT_EQ(m.id, i);
    EXPECT_TRUE(m.tc) << "this client takes 512 bytes";
  }
}

TEST_F(missing_name, answers_leave_from_the_address_that_was_asked) {
  start_asking(nullptr, "0.0.0.0:0");
  const auto fd = send({.name = "nobody.example."});  // connected: another source is not heard
  wait_for_questions(1);
  answers[0](activation::unknown);
  EXPECT_EQ(read_message(receive(fd)).rcode, 3U);
}

TEST_F(missing_name, what_is_unknown_may_fall_through_to_an_upstream) {
  fake_upstream up{l};
  auto rule = std::make_shared<forward_options>();
  rule->upstreams = {up.address};
  chain->fallthrough = {wire("example.")};
  start_asking(rule);
  for (const auto via : {transport::udp, transport::tcp}) {
    missing.forget("elsewhere");
    const auto before = asked.size();
    const auto fd = client(via);
    const auto packet = packet_of({.name = "elsewhere.example."}, 9);
    if (via == transport::tcp) {
      ASSERT_TRUE(run_until([&] { return dns->count().tcp_open == 1; }));
    }
    write(fd, via == transport::tcp ? framed(packet) : packet);
    wait_for_questions(before + 1);
    EXPECT_THAT(up.udp_queries, SizeIs(before));
    answers[before](activation::unknown);
    const auto got = via == transport::tcp ? receive_stream(fd, 1).at(0) : receive(fd);
    EXPECT_EQ(read_message(got).id, 9U);
    EXPECT_TRUE(read_message(got).ra);
  }
}

TEST_F(missing_name, a_padded_query_is_not_kept) {
  start_asking();
  auto packet = packet_of({.name = "team-a.example.", .edns = 1232});
  constexpr std::uint16_t padding = 1000;
  store16(packet.data() + packet.size() - 2, padding + 4);
  const std::uint8_t option[] = {0, 12, padding >> 8U, padding & 0xffU};
  packet.insert(packet.end(), std::begin(option), std::end(option));
  packet.resize(packet.size() + padding);
  const auto fd = client(transport::udp);
  write(fd, packet);
  EXPECT_EQ(read_message(receive(fd)).rcode, 2U);
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(missing_name, stopping_forgets_those_who_wait) {
  start_asking();
  const auto fd = send({.name = "team-a.example."});
  wait_for_questions(1);
  dns->stop();
  answers[0](activation::active);
  EXPECT_TRUE(silent(fd) || closed(fd));
}

}  // namespace
}  // namespace stagedoor::dns
