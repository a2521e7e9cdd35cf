// SPDX-License-Identifier: Apache-2.0
// What rules and middlewares may look at: the head of a request and the connection it came on.
//
// Owner: a connection. Runs on: its loop. The views are valid as long as the request is.
#pragma once

#include "runtime/http/message.hpp"
#include "runtime/net/address.hpp"

#include <cstdint>
#include <string_view>

namespace stagedoor::http {

/// Settled once, when a connection is accepted.
struct connection_facts {
  net::address client;         ///< the TCP peer, or what a trusted PROXY header said
  std::string_view client_ip;  ///< its address as text, for fields and logs; without port
  std::uint16_t local_port = 0;
  std::uint8_t entry_point = 0;  ///< index in the static configuration, below 64
  bool tls = false;
  bool trusted = false;  ///< may say X-Forwarded-*: forwarded::trusts(client)
};

/// Both are set whenever a request is looked at.
struct request_facts {
  const request_head* head = nullptr;
  const connection_facts* connection = nullptr;
};

}  // namespace stagedoor::http
