// SPDX-License-Identifier: Apache-2.0
// What all TLS sessions of one loop and one set of options share.
//
// One SSL_CTX serves every host: the certificate is looked up in the snapshot table when the
// ClientHello is there, so a million certificates cost no million contexts, and publishing one
// touches no context at all.
// Owner: a loop. Runs on: its thread. On failure: a handshake without a certificate ends in an
// alert; nothing else does.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/snapshot/table.hpp"
#include "runtime/tls/certificate.hpp"
#include "runtime/tls/openssl.hpp"
#include "runtime/tls/ticket_keys.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::tls {

enum class version : std::uint8_t { tls12, tls13 };
enum class client_certificate : std::uint8_t { not_asked, required };

using certificate_table = snapshot::table_view<certificate>;

/// |host| in lower case: exactly, then one label up as "*.parent". Null when there is none.
[[nodiscard]] const certificate* find_certificate(const certificate_table& table,
                                                  std::string_view host);

struct server_options {
  version least = version::tls12;
  version most = version::tls13;
  /// By falling preference. A client that offers others only is refused (RFC 7301 section 3.2).
  std::vector<std::string> alpn{"http/1.1"};
  std::string ciphers;  ///< OpenSSL's names for TLS 1.2; empty = ECDHE with AEAD
  std::string curves;   ///< OpenSSL's names; empty = its default
  bool sni_strict =
      false;             ///< no certificate for the name: unrecognized_name instead of the default
  certificate fallback;  ///< served for unknown names and without SNI
  ticket_keys tickets;   ///< empty = no resumption
  client_certificate client = client_certificate::not_asked;
  std::string client_ca;  ///< PEM, with client_certificate::required
};

class server_context {
 public:
  /// |table| may be null (then every name gets the fallback) and must outlive the context.
  /// On failure: invalid, with the option that is wrong.
  [[nodiscard]] static result<std::unique_ptr<server_context>> make(server_options options,
                                                                    const certificate_table* table);
  server_context(const server_context&) = delete;
  server_context& operator=(const server_context&) = delete;

  void set_fallback(certificate fallback) { options_.fallback = std::move(fallback); }
  void set_tickets(ticket_keys tickets) { options_.tickets = std::move(tickets); }

  /// Another set of certificates for the sessions of some protocol, e.g. "acme-tls/1".
  [[nodiscard]] SSL_CTX* handle() const noexcept { return ctx_.get(); }

 private:
  server_context(server_options options, const certificate_table* table)
      : options_(std::move(options)), table_(table) {}
  result<void> set_up();
  result<void> trust_clients_of(std::string_view pem);
  [[nodiscard]] const certificate* choose(SSL* ssl) const;

  static int on_server_name(SSL* ssl, int* alert, void* self) noexcept;
  static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                     const unsigned char* in, unsigned int in_size, void* self) noexcept;
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int seal) noexcept;

  server_options options_;
  std::string alpn_wire_;  ///< length-prefixed
  const certificate_table* table_;
  ssl_ctx_ptr ctx_;
};

struct client_options {
  version least = version::tls12;
  std::string ca;  ///< PEM text or a path; empty = the system's
  std::vector<std::string> alpn;
  certificate identity;  ///< shown when the server asks; may be empty
  bool verify = true;    ///< off only where the operator said insecureSkipVerify
};

class client_context {
 public:
  /// Reads files, so not on a running loop. On failure: invalid, not_found, malformed.
  [[nodiscard]] static result<std::unique_ptr<client_context>> make(client_options options);
  client_context(const client_context&) = delete;
  client_context& operator=(const client_context&) = delete;

  [[nodiscard]] SSL_CTX* handle() const noexcept { return ctx_.get(); }
  [[nodiscard]] const client_options& options() const noexcept { return options_; }

 private:
  explicit client_context(client_options options) : options_(std::move(options)) {}
  result<void> set_up();

  client_options options_;
  ssl_ctx_ptr ctx_;
};

}  // namespace stagedoor::tls
