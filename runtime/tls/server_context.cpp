// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/ascii.hpp"
#include "runtime/tls/context.hpp"
#include "runtime/tls/socket_bio.hpp"
#include "runtime/tls/trust.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace stagedoor::tls {
namespace {

constexpr std::size_t max_server_name = 255;

fault bad_option(std::string_view option, std::string_view value) {
  return openssl_fault(fault_kind::invalid, fault_side::operator_input,
                       fmt::format("tls option {} '{}'", option, value));
}

/// The name of the ClientHello, lower case without trailing dot; without SNI the local address.
std::string_view requested_name(SSL* ssl, std::array<char, max_server_name>& memory) {
  const char* const sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (sent == nullptr) return local_ip(SSL_get_rbio(ssl), memory);
  std::string_view name(sent);
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > memory.size()) return {};
  std::transform(name.begin(), name.end(), memory.begin(), ascii::lower);
  return {memory.data(), name.size()};
}

}  // namespace

const certificate* find_certificate(const certificate_table& table, std::string_view host) {
  if (const auto* exact = table.find(host)) return exact;
  const auto dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0 || host.size() - dot > max_server_name)
    return nullptr;
  std::array<char, max_server_name + 1> wildcard{'*'};
  std::copy(host.begin() + static_cast<std::ptrdiff_t>(dot), host.end(), wildcard.begin() + 1);
  return table.find({wildcard.data(), host.size() - dot + 1});
}

result<std::unique_ptr<server_context>> server_context::make(server_options options,
                                                             const certificate_table* table) {
  std::unique_ptr<server_context> made(new server_context(std::move(options), table));
  if (auto ready = made->set_up(); !ready) return std::move(ready).error();
  return made;
}

result<void> server_context::set_up() {
  ERR_clear_error();
  ctx_.reset(SSL_CTX_new(TLS_server_method()));
  if (ctx_ == nullptr) return openssl_fault(fault_kind::internal, fault_side::self, "SSL_CTX");
  SSL_CTX* const ctx = ctx_.get();
  if (auto set = set_common(ctx, options_.least, options_.most); !set) return set;
  SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (!options_.ciphers.empty() && SSL_CTX_set_cipher_list(ctx, options_.ciphers.c_str()) != 1)
    return bad_option("cipherSuites", options_.ciphers);
  if (!options_.curves.empty() && SSL_CTX_set1_groups_list(ctx, options_.curves.c_str()) != 1)
    return bad_option("curvePreferences", options_.curves);
  for (const auto& protocol : options_.alpn) {
    if (protocol.empty() || protocol.size() > 255) return bad_option("alpnProtocols", protocol);
    alpn_wire_ += static_cast<char>(protocol.size());
    alpn_wire_ += protocol;
  }
  if (options_.client == client_certificate::required)
    if (auto trusted = trust_clients_of(options_.client_ca); !trusted) return trusted;
  SSL_CTX_set_app_data(ctx, this);
  // What SSL_CTX_set_tlsext_servername_callback does, without its C cast.
  SSL_CTX_callback_ctrl(ctx, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&on_server_name));
  SSL_CTX_set_tlsext_servername_arg(ctx, this);
  SSL_CTX_set_alpn_select_cb(ctx, &on_alpn, this);
  // No session is kept here: the ticket carries it, sealed with keys that all loops share.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  constexpr std::string_view session_context = "stagedoor";
  SSL_CTX_set_session_id_context(ctx,
                                 reinterpret_cast<const unsigned char*>(session_context.data()),
                                 static_cast<unsigned>(session_context.size()));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, &on_ticket);
  SSL_CTX_set_num_tickets(ctx, 1);
  return {};
}

result<void> server_context::trust_clients_of(std::string_view pem) {
  SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return trust(ctx_.get(), pem, "client certificate authority");
}

const certificate* server_context::choose(SSL* ssl) const {
  std::array<char, max_server_name> memory{};
  const auto name = requested_name(ssl, memory);
  if (table_ != nullptr && !name.empty())
    if (const auto* found = find_certificate(*table_, name)) return found;
  return options_.sni_strict || options_.fallback.empty() ? nullptr : &options_.fallback;
}

int server_context::on_server_name(SSL* ssl, int* alert, void* self) noexcept {
  const certificate* const chosen = static_cast<const server_context*>(self)->choose(ssl);
  if (chosen == nullptr) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  if (SSL_use_cert_and_key(ssl, chosen->leaf(), chosen->key(), chosen->chain(), 1) != 1) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  return SSL_TLSEXT_ERR_OK;
}

int server_context::on_alpn(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
                            const unsigned char* in, unsigned int in_size, void* self) noexcept {
  const auto& ours = static_cast<const server_context*>(self)->alpn_wire_;
  if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), in,
                            in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int server_context::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv,
                              EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) noexcept {
  const auto* self = static_cast<const server_context*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const ticket_keys& keys = self->options_.tickets;
  if (keys.empty()) return 0;  // seal: no ticket; open: a full handshake
  const ticket_key* const key = seal != 0 ? &keys.newest() : keys.find(name);
  if (key == nullptr) return 0;
  if (seal != 0) {
    std::copy(key->name.begin(), key->name.end(), name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  }
  char digest[] = "SHA256";
  auto mac_key = key->mac;  // OSSL_PARAM wants it mutable
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key.data(), mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, sizeof digest - 1),
      OSSL_PARAM_construct_end()};
  if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv, seal) != 1 ||
      EVP_MAC_CTX_set_params(mac, parameters.data()) != 1)
    return -1;
  return seal != 0 || key == &keys.newest() ? 1 : 2;  // 2: opened, and a fresh ticket follows
}

}  // namespace stagedoor::tls
