// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/peer_probe.hpp"

#include "tests/support/loop_driver.hpp"
#include "tests/support/loop_streams.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

using outcome = std::optional<std::optional<link_end>>;

outcome probe(loop& l, const net::address& to, milliseconds deadline) {
  outcome got;
  probe_peer(l, to, deadline, [&](std::optional<link_end> end) { got.emplace(end); });
  EXPECT_FALSE(got.has_value()) << "called back too early";
  EXPECT_TRUE(test::turn_until(l, [&] { return got.has_value(); }));
  return got;
}

TEST(peer_probe, tells_a_process_that_listens_from_one_that_is_gone) {
  loop l;
  std::vector<std::unique_ptr<test::stream>> kept;
  test::acceptor port(l, [&](auto s) { kept.push_back(std::move(s)); });
  const auto to = *net::address::parse_ip("127.0.0.1", port.port());
  EXPECT_EQ(probe(l, to, milliseconds(1000)), outcome(std::optional<link_end>()));
  port.shut();
  EXPECT_EQ(probe(l, to, milliseconds(1000)), outcome(link_end::gone));
}

TEST(peer_probe, a_host_that_says_nothing_is_not_gone) {
  loop l;
  // A full queue of a listener that never accepts: the kernel leaves further attempts unanswered.
  const auto listener = net::listen_tcp(*net::address::parse_ip("127.0.0.1", 0), 0);
  ASSERT_TRUE(listener);
  const auto to = *net::local_address(listener->get());
  std::vector<unique_fd> queued;
  for (int i = 0; i < 4; ++i) {
    auto fd = net::connect_tcp(to);
    ASSERT_TRUE(fd);
    queued.push_back(*std::move(fd));
  }
  EXPECT_EQ(probe(l, to, milliseconds(100)), outcome(link_end::timed_out));
}

TEST(peer_probe, a_host_without_a_route_is_not_gone) {
  EXPECT_EQ(end_of_connect(ENETUNREACH), link_end::unreachable);
  EXPECT_EQ(end_of_connect(EHOSTUNREACH), link_end::unreachable);
  EXPECT_EQ(end_of_connect(ETIMEDOUT), link_end::timed_out);
  EXPECT_EQ(end_of_connect(ECONNREFUSED), link_end::gone);
}

}  // namespace
}  // namespace stagedoor::link
