// SPDX-License-Identifier: Apache-2.0
// X-Forwarded-* and X-Real-Ip: what the upstream is told about the client.
//
// Whoever may connect may write these fields, so those of an untrusted peer are left out, in the
// spelling with underscores too, which many upstreams take for the same thing. Then what is missing
// is added, as Traefik does.
//
// Owner: an edge, one for each entry point. Runs on: its loop. No allocation but into the scratch
// of the exchange.
#pragma once

#include "runtime/http/ip_range.hpp"
#include "runtime/http/middleware.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

enum class forwarded_field : std::uint8_t {
  none,
  real_ip,
  proto,
  scheme,
  for_,
  host,
  port,
  server,
  uri,
  method,
  prefix,
  tls_client_cert,
  tls_client_cert_info,
  x_scheme,
};

/// '_' counts as '-'. One test of the first byte for nearly every field.
[[nodiscard]] forwarded_field classify_forwarded(std::string_view name) noexcept;

struct forwarded_options {
  bool insecure = false;          ///< every peer is trusted
  std::vector<ip_range> trusted;  ///< peers whose fields are believed
  bool append_for = true;         ///< false: the peer is not added to X-Forwarded-For
  std::string server_name;        ///< X-Forwarded-Server: this machine's host name
};

class forwarded {
 public:
  explicit forwarded(forwarded_options options) : options_(std::move(options)) {}

  /// For connection_facts::trusted, once a connection.
  [[nodiscard]] bool trusts(const net::address& peer) const noexcept {
    return options_.insecure || any_contains(options_.trusted, peer);
  }

  /// Adds to the edits of a request what it takes: after its middlewares, whose own values win.
  void apply(exchange& x) const;

 private:
  forwarded_options options_;
};

/// "https", "http", "wss" or "ws": as a trusted peer says in X-Forwarded-Proto, else what it is.
[[nodiscard]] std::string_view forwarded_proto(const request_facts& request) noexcept;

/// Whom an access log names: all of X-Forwarded-For when it is believed, else the peer.
[[nodiscard]] std::string_view forwarded_client(const request_facts& request) noexcept;

}  // namespace stagedoor::http
