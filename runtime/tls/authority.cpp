// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/authority.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/tls/certificate.hpp"
#include "runtime/tls/openssl.hpp"
#include "runtime/tls/trust.hpp"
#include "runtime/tls/x509_parts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace stagedoor::tls {
namespace {

constexpr std::chrono::hours clock_difference{1};

fault failed(std::string_view step) {
  return openssl_fault(fault_kind::internal, fault_side::self, step);
}

fault unusable(std::string_view what) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no, std::string(what)};
}

}  // namespace

bool is_node_name(std::string_view name) noexcept {
  constexpr std::size_t longest_label = 63;  // RFC 1035 section 2.3.4
  return !name.empty() && name.size() <= longest_label && name.front() != '-' &&
         name.back() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
           return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-';
         });
}

result<pem_pair> make_authority(const std::string& common_name, wall_time now) {
  ERR_clear_error();
  const pkey_ptr key(EVP_EC_gen("P-256"));
  const x509_ptr cert(X509_new());
  if (key == nullptr || cert == nullptr) return failed("generate an ECDSA key");
  X509* const c = cert.get();
  if (!set_basics(c, key.get(), now - clock_difference, authority_lifetime + clock_difference) ||
      !set_common_name(c, common_name) || X509_set_issuer_name(c, X509_get_subject_name(c)) != 1)
    return failed("authority's subject");
  if (!extend(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !extend(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !extend(c, c, NID_subject_key_identifier, "hash"))
    return failed("authority's extensions");
  if (X509_sign(c, key.get(), EVP_sha256()) == 0) return failed("sign the authority");
  return pem_of(c, key.get());
}

result<pem_pair> issue_node_certificate(const pem_pair& authority,
                                        const node_certificate_options& options) {
  if (!is_node_name(options.name))
    return unusable(fmt::format(
        "expected a node name of letters, digits and inner hyphens, at most 63, got '{}'",
        options.name));
  const auto issuer = certificate::parse(authority.chain, authority.key, "cluster authority");
  if (!issuer) return issuer.error();
  if (X509_check_ca(issuer->leaf()) != 1)
    return unusable("cluster authority: this certificate may not sign others");
  const auto begin = options.not_before - clock_difference;
  const auto end = std::min(options.not_before + options.lifetime, issuer->not_after());
  if (end <= options.not_before) return unusable("cluster authority: it has expired");
  ERR_clear_error();
  const pkey_ptr key(EVP_EC_gen("P-256"));
  const x509_ptr cert(X509_new());
  if (key == nullptr || cert == nullptr) return failed("generate an ECDSA key");
  X509* const c = cert.get();
  if (!set_basics(c, key.get(), begin,
                  std::chrono::duration_cast<std::chrono::seconds>(end - begin)) ||
      !set_common_name(c, options.name) ||
      X509_set_issuer_name(c, X509_get_subject_name(issuer->leaf())) != 1)
    return failed("node certificate's subject");
  if (!add_names(c, {ascii::to_lower(options.name)}) ||
      !extend(c, issuer->leaf(), NID_basic_constraints, "critical,CA:FALSE") ||
      !extend(c, issuer->leaf(), NID_key_usage, "critical,digitalSignature") ||
      !extend(c, issuer->leaf(), NID_ext_key_usage, "serverAuth,clientAuth") ||
      !extend(c, issuer->leaf(), NID_subject_key_identifier, "hash") ||
      !extend(c, issuer->leaf(), NID_authority_key_identifier, "keyid:always"))
    return failed("node certificate's extensions");
  if (X509_sign(c, issuer->key(), EVP_sha256()) == 0) return failed("sign the node certificate");
  return pem_of(c, key.get());
}

result<void> check_issuer(const certificate& node, std::string_view authority_pem,
                          std::string_view name) {
  const ssl_ctx_ptr trusting(SSL_CTX_new(TLS_method()));
  const std::unique_ptr<X509_STORE_CTX, freed_by<&X509_STORE_CTX_free>> path(X509_STORE_CTX_new());
  if (trusting == nullptr || path == nullptr) return failed("look for an issuer");
  if (auto read = trust(trusting.get(), authority_pem, name); !read) return read;
  if (X509_STORE_CTX_init(path.get(), SSL_CTX_get_cert_store(trusting.get()), node.leaf(),
                          node.chain()) != 1)
    return failed("look for an issuer");
  X509_STORE_CTX_set_flags(path.get(), X509_V_FLAG_NO_CHECK_TIME);
  if (X509_verify_cert(path.get()) == 1) return {};
  const auto* const why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(path.get()));
  ERR_clear_error();
  return fault{fault_kind::refused, fault_side::operator_input, retryable::no,
               fmt::format("{}: {}", name, why)};
}

}  // namespace stagedoor::tls
