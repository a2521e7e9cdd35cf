// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/socket.hpp"

#include <gtest/gtest.h>

namespace stagedoor::net {
namespace {

const address any_port = *address::parse("127.0.0.1:0");

TEST(socket, loops_share_a_port) {
  const auto one = listen_tcp(any_port);
  ASSERT_TRUE(one);
  EXPECT_TRUE(listen_tcp(*local_address(one->get())));
}

TEST(socket, a_port_that_is_to_be_had_alone_is_shared_with_nobody) {
  const auto shared = listen_tcp(any_port);
  ASSERT_TRUE(shared);
  const auto refused = listen_tcp(*local_address(shared->get()), 1, port_use::alone);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::conflict);
  const auto alone = listen_tcp(any_port, 1, port_use::alone);
  ASSERT_TRUE(alone);
  EXPECT_FALSE(listen_tcp(*local_address(alone->get())));
}

TEST(socket, a_port_of_another_interface_is_not_free_on_all) {
  const auto shared = listen_tcp(any_port);
  ASSERT_TRUE(shared);
  EXPECT_FALSE(check_free(wildcard(local_address(shared->get())->port()), socket_kind::tcp));
}

TEST(socket, a_port_is_free_again_when_its_socket_is_closed) {
  auto tcp = listen_tcp(any_port);
  auto udp = bind_udp(any_port);
  ASSERT_TRUE(tcp && udp);
  const auto tcp_at = *local_address(tcp->get());
  const auto udp_at = *local_address(udp->get());
  EXPECT_EQ(check_free(tcp_at, socket_kind::tcp).error().kind, fault_kind::conflict);
  EXPECT_EQ(check_free(udp_at, socket_kind::udp).error().kind, fault_kind::conflict);
  tcp->reset();
  udp->reset();
  EXPECT_TRUE(check_free(tcp_at, socket_kind::tcp));
  EXPECT_TRUE(check_free(udp_at, socket_kind::udp));
}

}  // namespace
}  // namespace stagedoor::net
