// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/trust.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace stagedoor::tls {
namespace {

int number(version v) noexcept { return v == version::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION; }

}  // namespace

result<void> set_common(SSL_CTX* ctx, version least, version most) {
  // Partial writes and moving buffers: the caller writes from a buffer that compacts. Released
  // buffers: an idle connection costs no record memory.
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_read_ahead(ctx, 1);  // header and body of a record in one recv
  if (SSL_CTX_set_min_proto_version(ctx, number(least)) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, number(most)) != 1 ||
      SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return openssl_fault(fault_kind::internal, fault_side::self, "TLS versions and ciphers");
  return {};
}

result<void> trust(SSL_CTX* ctx, std::string_view pem, std::string_view name) {
  ERR_clear_error();
  const auto bio = read_bio(pem);
  std::size_t count = 0;
  while (x509_ptr ca{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca.get()) != 1 ||
        SSL_CTX_add_client_CA(ctx, ca.get()) != 1)
      return openssl_fault(fault_kind::internal, fault_side::self, name);
    ++count;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0 || !at_end)
    return fault{fault_kind::malformed, fault_side::operator_input, retryable::no,
                 fmt::format("{}: expected certificates in PEM", name)};
  return {};
}

}  // namespace stagedoor::tls
