// SPDX-License-Identifier: Apache-2.0
// Let's Encrypt's test CA with its DNS server, on free ports of loopback.
#pragma once

#include "tests/acme/child_process.hpp"

#include <memory>
#include <string>

namespace stagedoor::test {

struct pebble_options {
  unsigned nonce_reject = 0;    ///< per cent of good nonces that are refused
  unsigned authz_reuse = 0;     ///< per cent of valid authorizations that are used again
  std::uint16_t http_port = 1;  ///< where http-01 is asked for
  std::uint16_t tls_port = 1;   ///< where tls-alpn-01 is asked for
  std::string eab_kid{};        ///< empty = accounts need no binding
  std::string eab_key{};
};

class pebble {
 public:
  explicit pebble(const pebble_options& options);
  ~pebble();

  [[nodiscard]] std::string directory_url() const;
  /// What its own server's certificate is checked against.
  [[nodiscard]] std::string ca_pem() const;
  /// Where TXT records are set and cleared.
  [[nodiscard]] std::string dns_url(const std::string& action) const;

 private:
  std::string folder_;
  std::uint16_t acme_port_ = 0;
  std::uint16_t dns_management_port_ = 0;
  std::unique_ptr<child_process> dns_;
  std::unique_ptr<child_process> ca_;
};

}  // namespace stagedoor::test
