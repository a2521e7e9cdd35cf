// SPDX-License-Identifier: Apache-2.0
// What the cluster port costs when somebody means it no good: below 5 % of a core, nothing kept,
// and one line in the log for each thing that is wrong.
#include "tests/link/cluster_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr double allowed_core = 0.05;
constexpr long allowed_growth = 256 << 10;

void expect_cheap(const cluster_port::cost& c) {
  EXPECT_GT(c.attacks, 0U);
  EXPECT_LT(c.core, allowed_core);
  EXPECT_LT(c.kept_bytes, allowed_growth);
}

/// However many attacks; being turned away for failing too often is a line of its own.
void expect_logged_once(cluster_port& port, const std::string& reason) {
  const auto lines = port.log_lines();
  int about_it = 0;
  for (const auto& line : lines) {
    if (line.find(reason) != std::string::npos) ++about_it;
    EXPECT_THAT(line, testing::AnyOf(HasSubstr(reason), HasSubstr("failed too often"),
                                     HasSubstr("link up"), HasSubstr("link down")));
  }
  EXPECT_EQ(about_it, 1);
  EXPECT_LE(lines.size(), 4U);
}

std::unique_ptr<tls::client_context> client_with(const cluster_files& files,
                                                 const credential_files* own) {
  tls::client_options o;
  o.ca = files.path("ca.crt");
  o.alpn = {link_alpn};
  if (own != nullptr) o.identity = *tls::certificate::load(own->certificate, own->key);
  return *tls::client_context::make(std::move(o));
}

/// A hello that this session's other side believes, if the session is |of|.
std::string good_hello(hostile_client& of, const std::string& node, std::uint8_t run) {
  hello h;
  h.run.bytes.fill(run);
  h.window_bytes = 65536;
  h.frame_bytes = 65536;
  h.node = node;
  const auto words = hello_words(h);
  const auto proof =
      of.session().export_secret(hello_label, proof_context(link_side::dialer, words));
  std::string out;
  append_frame(out, frame_type::hello, encode_hello(*proof, words));
  return out;
}

TEST(cluster_port, silent_clients_are_dropped_at_the_deadline) {
  cluster_port port(milliseconds(300));
  const auto c = port.measure([&] {
    std::vector<std::unique_ptr<hostile_client>> crowd;
    for (int i = 0; i < 20; ++i) crowd.push_back(std::make_unique<hostile_client>(port.address));
    for (const auto& one : crowd) EXPECT_TRUE(one->was_closed());
  });
  expect_cheap(c);
  EXPECT_EQ(port.strangers(), 0U);
  const auto lines = port.log_lines();
  EXPECT_LE(lines.size(), 3U);  // timed out, failed too often, too many of this source
  EXPECT_THAT(lines, testing::Contains(HasSubstr("timed out")));
}

TEST(cluster_port, one_silent_client_costs_nothing_while_it_is_connected) {
  cluster_port port(milliseconds(5000));
  const hostile_client silent(port.address, milliseconds(2000));
  const auto c = port.measure([&] { EXPECT_FALSE(silent.was_closed()); }, milliseconds(1));
  EXPECT_LT(c.core, 0.01);
}

TEST(cluster_port, a_client_that_sends_a_byte_now_and_then_has_the_same_deadline) {
  cluster_port port(milliseconds(300));
  const auto c = port.measure([&] {
    const hostile_client slow(port.address, milliseconds(20));
    slow.send("\x16\x03\x01\x02");
    bool closed = false;
    for (int i = 0; i < 50 && !closed; ++i) {
      slow.send("\x01");
      closed = slow.was_closed();
    }
    EXPECT_TRUE(closed);
  });
  expect_cheap(c);
}

TEST(cluster_port, a_basp_header_of_four_gigabytes_in_the_open_is_no_handshake) {
  cluster_port port;
  std::string header = basp_message("", 0);
  header.replace(4, 4, "\xff\xff\xff\xff");
  const auto c = port.measure([&] {
    const hostile_client client(port.address);
    client.send(header);
    EXPECT_TRUE(client.was_closed());
  });
  expect_cheap(c);
  expect_logged_once(port, "untrusted");
}

TEST(cluster_port, a_certificate_of_another_authority_is_refused) {
  cluster_port port;
  const auto other = cluster_files::make("another cluster");
  const auto files = port.files.issue_by(other, "node-1");
  const auto with = client_with(port.files, &files);
  const auto c = port.measure([&] {
    hostile_client client(port.address);
    const bool through = client.shake_hands(*with);
    EXPECT_EQ(through ? client.hear() : "", "");
  });
  expect_cheap(c);
  expect_logged_once(port, "untrusted");
  EXPECT_EQ(port.ups, 0);
}

TEST(cluster_port, an_expired_certificate_is_refused) {
  cluster_port port;
  const auto files = port.files.issue("node-1", expired());
  const auto with = client_with(port.files, &files);
  const auto c = port.measure([&] {
    hostile_client client(port.address);
    const bool through = client.shake_hands(*with);
    EXPECT_EQ(through ? client.hear() : "", "");
  });
  expect_cheap(c);
  expect_logged_once(port, "certificate has expired");
}

TEST(cluster_port, no_certificate_is_refused) {
  cluster_port port;
  const auto with = client_with(port.files, nullptr);
  const auto c = port.measure([&] {
    hostile_client client(port.address);
    const bool through = client.shake_hands(*with);
    EXPECT_EQ(through ? client.hear() : "", "");
  });
  expect_cheap(c);
  expect_logged_once(port, "untrusted");
}

TEST(cluster_port, a_replayed_hello_is_refused_and_told_so) {
  cluster_port port;
  const auto files = port.files.issue("node-1");
  const auto with = client_with(port.files, &files);
  std::string recorded_hello;
  {
    hostile_client first(port.address);
    ASSERT_TRUE(first.shake_hands(*with));
    recorded_hello = good_hello(first, "node-1", 1);
    first.say(recorded_hello + std::string("\0\0\0\0\x02", 5));  // ready: it is let in
    EXPECT_NE(first.hear_some(), "");
  }
  std::size_t told = 0;
  const auto c = port.measure([&] {
    hostile_client client(port.address);
    if (!client.shake_hands(*with)) return;
    client.say(recorded_hello);
    const auto heard = client.hear();
    const auto answer = read_frame(heard, 65536);
    if (!answer || !*answer) return;
    ASSERT_EQ((*answer)->type, frame_type::refused);
    EXPECT_EQ(parse_refused((*answer)->payload)->why, refusal::replayed);
    ++told;
  });
  EXPECT_GE(told, 1U);
  expect_cheap(c);
  expect_logged_once(port, "another session");
  EXPECT_EQ(port.ups, 1);
}

TEST(cluster_port, strangers_from_everywhere_cost_what_the_accept_rate_allows) {
  cluster_port port;
  const auto other = cluster_files::make("another cluster");
  const auto files = port.files.issue_by(other, "node-1");
  const auto with = client_with(port.files, &files);
  std::uint16_t source = 0;
  const auto c = port.measure([&] {
    ++source;
    const auto from = *net::address::parse_ip(
        "127.1." + std::to_string(source >> 8U) + "." + std::to_string(source & 0xffU), 0);
    hostile_client client(port.address, milliseconds(1000), &from);
    const bool through = client.shake_hands(*with);
    EXPECT_EQ(through ? client.hear() : "", "");
  });
  EXPECT_LE(c.attacks, 200U);  // a burst of 100, then 50 a second
  EXPECT_LT(c.core, 0.25);
}

TEST(cluster_port, a_good_certificate_for_another_name_is_refused_and_told_so) {
  cluster_port port;
  const auto files = port.files.issue("node-9");
  const auto with = client_with(port.files, &files);
  hostile_client client(port.address);
  ASSERT_TRUE(client.shake_hands(*with));
  client.say(good_hello(client, "node-1", 1));
  const auto heard = client.hear();
  const auto answer = read_frame(heard, 65536);
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(parse_refused((*answer)->payload)->why, refusal::wrong_name);
  EXPECT_THAT(port.log_lines(), SizeIs(1));
}

TEST(cluster_port, a_node_that_says_no_hello_is_dropped_at_the_deadline) {
  cluster_port port(milliseconds(200));
  const auto files = port.files.issue("node-1");
  const auto with = client_with(port.files, &files);
  const auto c = port.measure([&] {
    hostile_client client(port.address);
    const bool through = client.shake_hands(*with);
    EXPECT_EQ(through ? client.hear() : "", "");
  });
  expect_cheap(c);
  expect_logged_once(port, "timed out");
}

TEST(cluster_port, a_node_that_promises_a_frame_or_message_of_four_gigabytes_is_closed) {
  for (const bool in_stream : {false, true}) {
    SCOPED_TRACE(in_stream);
    cluster_port port;
    const auto files = port.files.issue("node-1");
    const auto with = client_with(port.files, &files);
    std::string said;
    append_frame(said, frame_type::ready, {});
    if (in_stream) {
      std::string header = basp_message("");
      header.replace(4, 4, "\xff\xff\xff\xff");
      append_stream_frame(said, frame_type::open, 1);
      append_stream_frame(said, frame_type::data, 1, header);
    } else {
      said += std::string("\xff\xff\xff\xff\x07", 5);
    }
    const auto c = port.measure(
        [&] {
          hostile_client client(port.address);
          if (!client.shake_hands(*with)) return;
          client.say(good_hello(client, "node-1", 1) + said);
          const auto heard = client.hear();  // its hello, then the goodbye
          EXPECT_THAT(heard, HasSubstr(in_stream ? "BASP header promises" : "frame of 4294967295"));
        },
        milliseconds(500));
    EXPECT_GT(port.ups, 0);
    EXPECT_LT(c.kept_bytes, allowed_growth);
    const auto lines = port.log_lines();
    EXPECT_THAT(lines, SizeIs(2));  // it was up, and why it is not any more
    EXPECT_THAT(lines.back(), HasSubstr("4294967295"));
  }
}

TEST(cluster_port, while_strangers_hammer_a_node_from_elsewhere_comes_in) {
  cluster_port port(milliseconds(500));
  std::vector<std::unique_ptr<hostile_client>> crowd;
  for (int i = 0; i < 60; ++i) crowd.push_back(std::make_unique<hostile_client>(port.address));
  const auto files = port.files.issue("node-1");
  const auto with = client_with(port.files, &files);
  // The crowd comes from 127.0.0.1; the node has an address of its own.
  const auto own = *net::address::parse_ip("127.0.0.2", 0);
  hostile_client node(port.address, milliseconds(2000), &own);
  ASSERT_TRUE(node.shake_hands(*with));
  std::string ready;
  append_frame(ready, frame_type::ready, {});
  node.say(good_hello(node, "node-1", 1) + ready);
  const auto heard = node.hear_some();
  const auto answer = read_frame(heard, 65536);
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->type, frame_type::hello);
}

}  // namespace
}  // namespace stagedoor::link
