// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/session.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/tls/socket_bio.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <system_error>

namespace stagedoor::tls {
namespace {

result<ssl_ptr> make_ssl(SSL_CTX* ctx, int fd) {
  ERR_clear_error();
  ssl_ptr ssl(SSL_new(ctx));
  bio_ptr bio = make_socket_bio(fd);
  if (ssl == nullptr || bio == nullptr)
    return openssl_fault(fault_kind::internal, fault_side::self, "TLS session");
  BIO* const raw = bio.release();
  SSL_set_bio(ssl.get(), raw, raw);  // one reference serves both directions
  return ssl;
}

bool is_ip(const std::string& text) noexcept {
  in6_addr scratch{};
  return ::inet_pton(AF_INET, text.c_str(), &scratch) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

/// What SSL_set_tlsext_host_name does, without its C cast.
bool set_sni(SSL* ssl, const std::string& name) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(name.c_str())) == 1;
}

/// What a person wants to read: why the certificate was not trusted, the alert, or the errno.
std::string describe(SSL* ssl, int kind, int error_number) {
  std::string text = take_errors();
  if (const long verify = SSL_get_verify_result(ssl); verify != X509_V_OK) {
    text += text.empty() ? "" : ": ";
    text += X509_verify_cert_error_string(verify);
  }
  if (!text.empty()) return text;
  if (kind == SSL_ERROR_SYSCALL && error_number != 0)
    return std::generic_category().message(error_number);
  return "the connection ended without close_notify";
}

}  // namespace

result<session> session::accept(const server_context& context, int fd) {
  auto ssl = make_ssl(context.handle(), fd);
  if (!ssl) return std::move(ssl).error();
  SSL_set_accept_state(ssl->get());
  return session(std::move(*ssl));
}

result<session> session::connect(const client_context& context, int fd,
                                 const std::string& server_name) {
  auto ssl = make_ssl(context.handle(), fd);
  if (!ssl) return std::move(ssl).error();
  SSL_set_connect_state(ssl->get());
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl->get());
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool named =
      is_ip(server_name)
          ? X509_VERIFY_PARAM_set1_ip_asc(wanted, server_name.c_str()) == 1
          : set_sni(ssl->get(), server_name) &&
                X509_VERIFY_PARAM_set1_host(wanted, server_name.data(), server_name.size()) == 1;
  if (!named || server_name.empty())
    return openssl_fault(fault_kind::invalid, fault_side::operator_input, "TLS server name");
  return session(std::move(*ssl));
}

io_result session::conclude(int returned, std::size_t bytes) noexcept {
  const int error_number = errno;
  wants_write_ = false;
  if (returned > 0) return {io_status::ok, bytes};
  const int kind = SSL_get_error(ssl_.get(), returned);
  switch (kind) {
    case SSL_ERROR_WANT_WRITE: wants_write_ = true; [[fallthrough]];
    case SSL_ERROR_WANT_READ: return {io_status::again};
    case SSL_ERROR_ZERO_RETURN: return {io_status::eof};
    default: break;
  }
  broken_ = true;  // OpenSSL forbids further calls on the session, shutdown included
  cut_ = kind == SSL_ERROR_SYSCALL ||
         ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  error_ = describe(ssl_.get(), kind, error_number);
  return {io_status::error};
}

io_result session::handshake() noexcept {
  if (broken_) return {io_status::error};
  ERR_clear_error();
  errno = 0;
  return conclude(SSL_do_handshake(ssl_.get()), 0);
}

io_result session::read(std::span<char> out) noexcept {
  if (broken_) return {io_status::error};
  ERR_clear_error();
  errno = 0;
  std::size_t got = 0;
  io_result done = conclude(SSL_read_ex(ssl_.get(), out.data(), out.size(), &got), 0);
  done.bytes = got;
  done.drained = SSL_has_pending(ssl_.get()) == 0 && emptied(SSL_get_rbio(ssl_.get()));
  return done;
}

io_result session::write(std::string_view in) noexcept {
  if (broken_) return {io_status::error};
  if (in.empty()) return {io_status::ok};
  ERR_clear_error();
  errno = 0;
  std::size_t sent = 0;
  io_result done = conclude(SSL_write_ex(ssl_.get(), in.data(), in.size(), &sent), 0);
  done.bytes = sent;
  return done;
}

io_result session::shutdown() noexcept {
  if (broken_ || SSL_in_init(ssl_.get()) != 0) return {io_status::error};
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_shutdown(ssl_.get());
  return returned == 0 ? io_result{io_status::ok} : conclude(returned, 0);
}

std::string_view session::server_name() const noexcept {
  const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? std::string_view(name) : std::string_view{};
}

std::string_view session::protocol() const noexcept { return SSL_get_version(ssl_.get()); }

std::string_view session::cipher() const noexcept { return SSL_get_cipher_name(ssl_.get()); }

std::string_view session::alpn() const noexcept {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool session::resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

std::string session::peer_name() const {
  if (SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
  const X509* const shown = SSL_get0_peer_certificate(ssl_.get());
  if (shown == nullptr) return {};
  X509_NAME* const subject = X509_get_subject_name(shown);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* const text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::vector<std::string> session::peer_dns_names() const {
  std::vector<std::string> names;
  if (SSL_get_verify_result(ssl_.get()) != X509_V_OK) return names;
  const X509* const shown = SSL_get0_peer_certificate(ssl_.get());
  if (shown == nullptr) return names;
  auto* const all =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(shown, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS) continue;
    const ASN1_STRING* const text = name->d.dNSName;
    names.push_back(ascii::to_lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                     static_cast<std::size_t>(ASN1_STRING_length(text))}));
  }
  GENERAL_NAMES_free(all);
  return names;
}

result<exported_secret> session::export_secret(std::string_view label,
                                               std::string_view context) const {
  exported_secret out{};
  ERR_clear_error();
  if (SSL_export_keying_material(ssl_.get(), out.data(), out.size(), label.data(), label.size(),
                                 reinterpret_cast<const unsigned char*>(context.data()),
                                 context.size(), 1) != 1)
    return openssl_fault(fault_kind::internal, fault_side::self, "TLS exporter");
  return out;
}

}  // namespace stagedoor::tls
