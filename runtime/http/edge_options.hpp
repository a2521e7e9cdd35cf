// SPDX-License-Identifier: Apache-2.0
// Every limit and deadline of the HTTP data plane, by name.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/http/forwarded.hpp"
#include "runtime/http/head_parser.hpp"
#include "runtime/http/upstream_pool.hpp"
#include "runtime/net/address.hpp"
#include "runtime/snapshot/missing_names.hpp"
#include "runtime/tls/context.hpp"

#include <cstdint>
#include <string>

namespace stagedoor::http {

class password_checker;

struct edge_options {
  /// Verifies slow password hashes on a thread of its own; outlives the edge. Null = basicAuth
  /// takes cheap hashes only.
  password_checker* passwords = nullptr;

  /// Asked about hosts directly below |platform_domain| that no site stands for; of the edge's own
  /// loop, outlives the edge. Null = all sites there are are in the table.
  snapshot::missing_names* missing_names = nullptr;
  std::string platform_domain{};  ///< lower case, no final dot; empty = no host is asked about

  head_limits head{};
  upstream_options upstream{};

  std::size_t connections = 100'000;  ///< of clients, at once; further ones are closed at accept
  std::size_t accepts_a_turn = 64;    ///< of one listener, so that open connections get their turn
  std::size_t requests_a_turn = 32;   ///< pipelined on one connection
  std::size_t lingering_bytes = 256U
                                << 10U;  ///< read and thrown away after an early final response

  milliseconds read_head =
      seconds(60);  ///< from the first byte of a request head to its last; then 408
  milliseconds handshake = seconds(10);  ///< from accept to the end of the TLS handshake
  milliseconds idle = seconds(180);      ///< between requests of one connection
  milliseconds connect = seconds(30);    ///< to an upstream; then 504
  milliseconds response_header =
      seconds(0);  ///< from the request to the response head, then 504; 0 = for ever
  milliseconds stall = seconds(60);  ///< without progress in a body, whoever is slow; then the end
  milliseconds tunnel_idle =
      seconds(3600);                    ///< without a byte in either direction after an upgrade
  milliseconds lingering = seconds(2);  ///< for a client to take the answer it did not wait for
  milliseconds grace = seconds(10);     ///< for open requests when stopping
};

/// An address clients connect to. Every loop listens on it.
struct entry_point {
  std::string name;  ///< "web"
  net::address address;
  std::uint8_t index = 0;  ///< bit in entry_point_set, below 64; distinct
  forwarded_options forwarded;
  /// Set: a connection whose first byte is a TLS record's is one, any other stays plain. Of the
  /// edge's own loop; must outlive the edge.
  const tls::server_context* tls = nullptr;
};

/// What an edge has done since its start.
struct edge_counters {
  std::uint64_t connections = 0;       ///< accepted
  std::uint64_t refused = 0;           ///< closed at accept: the limit was reached
  std::uint64_t open_connections = 0;  ///< now
  std::uint64_t requests = 0;
  std::uint64_t by_class[6] = {};  ///< responses by the first digit of their status; 0 = none sent
  std::uint64_t malformed = 0;     ///< request heads or bodies refused
  std::uint64_t upstream_errors = 0;  ///< answered 502 or 504
  std::uint64_t retries = 0;          ///< on a kept connection that had been closed
  std::uint64_t client_gone = 0;      ///< before the response was complete
  std::uint64_t bytes_in = 0;         ///< payload of requests
  std::uint64_t bytes_out = 0;        ///< responses as sent
  std::uint64_t upgrades = 0;
  std::uint64_t handshakes = 0;  ///< TLS, completed
  std::uint64_t handshake_failures = 0;
};

}  // namespace stagedoor::http
