// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/probe.hpp"

#include "runtime/net/socket.hpp"

#include <gtest/gtest.h>
#include <optional>

namespace stagedoor::net {
namespace {

std::optional<result<void>> probed(const address& to) {
  loop l;
  std::optional<result<void>> outcome;
  probe(l, to, milliseconds(500), [&](result<void> r) { outcome = std::move(r); });
  for (int i = 0; i < 100 && !outcome; ++i) l.turn(milliseconds(20));
  return outcome;
}

TEST(probe, tells_a_listener_from_a_closed_port) {
  auto listener = listen_tcp(*address::parse("127.0.0.1:0"));
  ASSERT_TRUE(listener);
  const auto at = local_address(listener->get());
  ASSERT_TRUE(at);
  const auto open = probed(*at);
  ASSERT_TRUE(open);
  EXPECT_TRUE(*open);
  listener->reset();
  const auto closed = probed(*at);
  ASSERT_TRUE(closed);
  ASSERT_FALSE(*closed);
  EXPECT_EQ(closed->error().kind, fault_kind::unreachable);
  EXPECT_NE(closed->error().detail.find("refused"), std::string::npos) << closed->error().detail;
}

}  // namespace
}  // namespace stagedoor::net
