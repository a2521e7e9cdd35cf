// SPDX-License-Identifier: Apache-2.0
// A class of runtime/ that is used alone has the limits that the node would give it.
#include "cluster/limits.hpp"

#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

TEST(limits, of_resolver_are_the_defaults_of_its_class) {
  const auto named = limits::resolver();
  const net::resolver_options own;
  EXPECT_EQ(named.threads, own.threads);
  EXPECT_EQ(named.max_lookups, own.max_lookups);
  EXPECT_EQ(named.max_waiters, own.max_waiters);
  EXPECT_EQ(named.max_cached, own.max_cached);
  EXPECT_EQ(named.cache_for, own.cache_for);
}

TEST(limits, of_http_client_are_the_defaults_of_its_class) {
  const auto named = limits::http_client();
  const client::http_client_options own;
  EXPECT_EQ(named.max_transfers, own.max_transfers);
  EXPECT_EQ(named.max_queued, own.max_queued);
  EXPECT_EQ(named.max_idle_connections, own.max_idle_connections);
}

TEST(limits, of_redis_client_are_the_defaults_of_its_class) {
  const auto named = limits::redis_client();
  const redis::client_options own;
  EXPECT_EQ(named.commands.session.connect_timeout, own.commands.session.connect_timeout);
  EXPECT_EQ(named.commands.session.backoff_base, own.commands.session.backoff_base);
  EXPECT_EQ(named.commands.session.backoff_cap, own.commands.session.backoff_cap);
  EXPECT_EQ(named.commands.session.steady, own.commands.session.steady);
  EXPECT_EQ(named.commands.session.wires.keepalive_idle, own.commands.session.wires.keepalive_idle);
  EXPECT_EQ(named.commands.session.wires.keepalive_interval,
            own.commands.session.wires.keepalive_interval);
  EXPECT_EQ(named.commands.session.wires.unacknowledged, own.commands.session.wires.unacknowledged);
  EXPECT_EQ(named.commands.session.wires.replies.bytes, own.commands.session.wires.replies.bytes);
  EXPECT_EQ(named.commands.session.wires.replies.elements,
            own.commands.session.wires.replies.elements);
  EXPECT_EQ(named.commands.max_in_flight, own.commands.max_in_flight);
  EXPECT_EQ(named.commands.max_queued, own.commands.max_queued);
  EXPECT_EQ(named.commands.max_queued_bytes, own.commands.max_queued_bytes);
  EXPECT_EQ(named.heartbeat_interval, own.heartbeat_interval);
  EXPECT_EQ(named.heartbeat_grace, own.heartbeat_grace);
  EXPECT_EQ(named.max_topics, own.max_topics);
  EXPECT_EQ(named.max_poppers, own.max_poppers);
  EXPECT_EQ(named.max_scripts, own.max_scripts);
  EXPECT_EQ(named.housekeeping_deadline, own.housekeeping_deadline);
}

TEST(limits, of_managed_redis_are_the_defaults_of_its_class) {
  const auto named = limits::managed_redis();
  const redis::managed_server_options own;
  EXPECT_EQ(named.max_memory, own.max_memory);
  EXPECT_EQ(named.predecessor_deadline, own.predecessor_deadline);
  EXPECT_EQ(named.answer_deadline, own.answer_deadline);
  EXPECT_EQ(named.load_deadline, own.load_deadline);
  EXPECT_EQ(named.stop_deadline, own.stop_deadline);
  EXPECT_EQ(named.log_bytes, own.log_bytes);
}

TEST(limits, of_admin_socket_are_the_defaults_of_its_class) {
  const auto named = limits::admin_socket();
  const http::local_server_options own;
  EXPECT_EQ(named.connections, own.connections);
  EXPECT_EQ(named.body_bytes, own.body_bytes);
  EXPECT_EQ(named.read_deadline, own.read_deadline);
  EXPECT_EQ(named.answer_deadline, own.answer_deadline);
}

TEST(limits, of_edge_are_the_defaults_of_its_class) {
  const auto named = limits::edge();
  const http::edge_options own;
  EXPECT_EQ(named.head.head_bytes, own.head.head_bytes);
  EXPECT_EQ(named.head.target_bytes, own.head.target_bytes);
  EXPECT_EQ(named.upstream.idle_timeout, own.upstream.idle_timeout);
  EXPECT_EQ(named.upstream.idle_per_server, own.upstream.idle_per_server);
  EXPECT_EQ(named.upstream.surplus_timeout, own.upstream.surplus_timeout);
  EXPECT_EQ(named.upstream.open_per_server, own.upstream.open_per_server);
  EXPECT_EQ(named.connections, own.connections);
  EXPECT_EQ(named.lingering_bytes, own.lingering_bytes);
  EXPECT_EQ(named.read_head, own.read_head);
  EXPECT_EQ(named.handshake, own.handshake);
  EXPECT_EQ(named.idle, own.idle);
  EXPECT_EQ(named.connect, own.connect);
  EXPECT_EQ(named.response_header, own.response_header);
  EXPECT_EQ(named.stall, own.stall);
  EXPECT_EQ(named.tunnel_idle, own.tunnel_idle);
  EXPECT_EQ(named.lingering, own.lingering);
  EXPECT_EQ(named.grace, own.grace);
}

TEST(limits, of_dns_server_are_the_defaults_of_its_class) {
  const auto named = limits::dns_server();
  const dns::server_options own;
  EXPECT_EQ(named.lookups.chain, own.lookups.chain);
  EXPECT_EQ(named.udp.query_bytes, own.udp.query_bytes);
  EXPECT_EQ(named.udp.answer_bytes, own.udp.answer_bytes);
  EXPECT_EQ(named.tcp.connections, own.tcp.connections);
  EXPECT_EQ(named.tcp.connections_per_client, own.tcp.connections_per_client);
  EXPECT_EQ(named.tcp.in_flight, own.tcp.in_flight);
  EXPECT_EQ(named.tcp.unsent_bytes, own.tcp.unsent_bytes);
  EXPECT_EQ(named.tcp.idle_timeout, own.tcp.idle_timeout);
  EXPECT_EQ(named.forwards.outstanding, own.forwards.outstanding);
  EXPECT_EQ(named.forwards.udp_sockets_per_upstream, own.forwards.udp_sockets_per_upstream);
  EXPECT_EQ(named.forwards.idle_tcp_per_upstream, own.forwards.idle_tcp_per_upstream);
  EXPECT_EQ(named.log.buffer_bytes, own.log.buffer_bytes);
}

TEST(limits, of_missing_names_are_the_defaults_of_its_class) {
  const auto named = limits::missing_names();
  const snapshot::missing_names_options own;
  EXPECT_EQ(named.deadline, own.deadline);
  EXPECT_EQ(named.remember_unknown, own.remember_unknown);
  EXPECT_EQ(named.unknown, own.unknown);
  EXPECT_EQ(named.waiters, own.waiters);
  EXPECT_EQ(named.in_flight, own.in_flight);
}

}  // namespace
}  // namespace stagedoor::cluster
