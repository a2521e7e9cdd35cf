// SPDX-License-Identifier: Apache-2.0
#include "cluster/limits.hpp"

#include "configs/defaults.hpp"

namespace stagedoor::cluster::limits {

net::resolver_options resolver() {
  net::resolver_options out;
  out.threads = defaults::resolver_threads;
  out.max_lookups = defaults::resolver_lookups;
  out.max_waiters = defaults::resolver_waiters;
  out.max_cached = defaults::resolver_cached;
  out.cache_for = defaults::resolver_cache_for;
  return out;
}

client::http_client_options http_client() {
  client::http_client_options out;
  out.max_transfers = defaults::outgoing_transfers;
  out.max_queued = defaults::outgoing_queued;
  out.max_idle_connections = defaults::outgoing_idle_connections;
  return out;
}

redis::client_options redis_client() {
  redis::client_options out;
  out.commands.session.connect_timeout = defaults::redis_connect_timeout;
  out.commands.session.backoff_base = defaults::redis_backoff_base;
  out.commands.session.backoff_cap = defaults::redis_backoff_cap;
  out.commands.session.steady = defaults::redis_steady;
  out.commands.session.wires.keepalive_idle = defaults::redis_keepalive_idle;
  out.commands.session.wires.keepalive_interval = defaults::redis_keepalive_interval;
  out.commands.session.wires.unacknowledged = defaults::redis_unacknowledged;
  out.commands.session.wires.replies.bytes = defaults::redis_reply_bytes;
  out.commands.session.wires.replies.elements = defaults::redis_reply_elements;
  out.commands.max_in_flight = defaults::redis_in_flight;
  out.commands.max_queued = defaults::redis_queued;
  out.commands.max_queued_bytes = defaults::redis_queued_bytes;
  out.heartbeat_interval = defaults::redis_heartbeat_interval;
  out.heartbeat_grace = defaults::redis_heartbeat_grace;
  out.max_topics = defaults::redis_topics;
  out.max_poppers = defaults::redis_poppers;
  out.max_scripts = defaults::redis_scripts;
  out.housekeeping_deadline = defaults::redis_housekeeping_deadline;
  return out;
}

redis::managed_server_options managed_redis() {
  redis::managed_server_options out;
  out.max_memory = defaults::managed_redis_memory;
  out.predecessor_deadline = defaults::managed_redis_predecessor;
  out.answer_deadline = defaults::managed_redis_answer;
  out.load_deadline = defaults::managed_redis_load;
  out.stop_deadline = defaults::managed_redis_stop;
  out.log_bytes = defaults::managed_redis_log_bytes;
  return out;
}

http::local_server_options admin_socket() {
  http::local_server_options out;
  out.connections = defaults::admin_connections;
  out.body_bytes = defaults::admin_body_bytes;
  out.read_deadline = defaults::admin_read_deadline;
  out.answer_deadline = defaults::admin_answer_deadline;
  return out;
}

http::edge_options edge() {
  http::edge_options out;
  out.head.head_bytes = defaults::edge_head_bytes;
  out.head.target_bytes = defaults::edge_target_bytes;
  out.upstream.idle_timeout = defaults::idle_upstream_timeout;
  out.upstream.idle_per_server = defaults::idle_upstreams_per_host;
  out.upstream.surplus_timeout = defaults::surplus_upstream_timeout;
  out.upstream.open_per_server = defaults::edge_open_upstreams_per_server;
  out.connections = defaults::edge_connections;
  out.lingering_bytes = defaults::edge_lingering_bytes;
  out.read_head = defaults::read_timeout;
  out.handshake = defaults::edge_handshake;
  out.idle = defaults::idle_timeout;
  out.connect = defaults::dial_timeout;
  out.response_header = defaults::response_header_timeout;
  out.stall = defaults::edge_stall;
  out.tunnel_idle = defaults::edge_tunnel_idle;
  out.lingering = defaults::edge_lingering;
  out.grace = defaults::grace_timeout;
  return out;
}

dns::server_options dns_server() {
  dns::server_options out;
  out.lookups.chain = defaults::dns_chain;
  out.udp.query_bytes = defaults::dns_query_bytes;
  out.udp.answer_bytes = defaults::dns_answer_bytes;
  out.tcp.connections = defaults::dns_tcp_connections;
  out.tcp.connections_per_client = defaults::dns_tcp_connections_per_client;
  out.tcp.in_flight = defaults::dns_tcp_in_flight;
  out.tcp.unsent_bytes = defaults::dns_tcp_unsent_bytes;
  out.tcp.idle_timeout = defaults::dns_tcp_idle;
  out.forwards.outstanding = defaults::dns_forwards;
  out.forwards.udp_sockets_per_upstream = defaults::dns_forward_sockets;
  out.forwards.idle_tcp_per_upstream = defaults::dns_forward_idle_tcp;
  out.log.buffer_bytes = defaults::dns_log_buffer_bytes;
  return out;
}

snapshot::missing_names_options missing_names() {
  snapshot::missing_names_options out;
  out.deadline = defaults::missing_name_deadline;
  out.remember_unknown = defaults::missing_name_remembered;
  out.unknown = defaults::missing_names_unknown;
  out.waiters = defaults::missing_name_waiters;
  out.in_flight = defaults::missing_name_questions;
  return out;
}

}  // namespace stagedoor::cluster::limits
