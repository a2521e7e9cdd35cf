// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/context.hpp"
#include "runtime/tls/trust.hpp"

#include <fmt/format.h>
#include <fstream>
#include <openssl/err.h>

namespace stagedoor::tls {
namespace {

result<void> trust_file(SSL_CTX* ctx, const std::string& path) {
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(ctx, path.c_str()) == 1) return {};
  return openssl_fault(fault_kind::not_found, fault_side::operator_input,
                       fmt::format("certificate authority {}", path));
}

}  // namespace

result<std::unique_ptr<client_context>> client_context::make(client_options options) {
  std::unique_ptr<client_context> made(new client_context(std::move(options)));
  if (auto ready = made->set_up(); !ready) return std::move(ready).error();
  return made;
}

result<void> client_context::set_up() {
  ERR_clear_error();
  ctx_.reset(SSL_CTX_new(TLS_client_method()));
  if (ctx_ == nullptr) return openssl_fault(fault_kind::internal, fault_side::self, "SSL_CTX");
  SSL_CTX* const ctx = ctx_.get();
  if (auto set = set_common(ctx, options_.least, version::tls13); !set) return set;
  if (options_.verify) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    if (options_.ca.empty()) {
      SSL_CTX_set_default_verify_paths(ctx);
    } else {
      auto trusted = options_.ca.find("-----BEGIN") != std::string::npos
                         ? trust(ctx, options_.ca, "certificate authority given inline")
                         : trust_file(ctx, options_.ca);
      if (!trusted) return trusted;
    }
  }
  std::string wire;
  for (const auto& protocol : options_.alpn) {
    if (protocol.empty() || protocol.size() > 255)
      return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                   fmt::format("expected an ALPN protocol of 1 to 255 bytes, got '{}'", protocol)};
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  // This one function of OpenSSL returns 0 for success.
  if (!wire.empty() &&
      SSL_CTX_set_alpn_protos(ctx, reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned>(wire.size())) != 0)
    return openssl_fault(fault_kind::internal, fault_side::self, "ALPN protocols");
  const certificate& me = options_.identity;
  if (!me.empty() && SSL_CTX_use_cert_and_key(ctx, me.leaf(), me.key(), me.chain(), 1) != 1)
    return openssl_fault(fault_kind::invalid, fault_side::operator_input, "client certificate");
  return {};
}

}  // namespace stagedoor::tls
