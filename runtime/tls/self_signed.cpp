// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/self_signed.hpp"

#include "runtime/tls/openssl.hpp"
#include "runtime/tls/x509_parts.hpp"

#include <openssl/err.h>

namespace stagedoor::tls {
namespace {

fault failed(std::string_view step) {
  return openssl_fault(fault_kind::internal, fault_side::self, step);
}

}  // namespace

result<pem_pair> make_self_signed(const self_signed_options& options) {
  ERR_clear_error();
  const pkey_ptr key(EVP_EC_gen("P-256"));
  const x509_ptr cert(X509_new());
  if (key == nullptr || cert == nullptr) return failed("generate an ECDSA key");
  if (!set_basics(cert.get(), key.get(), options.not_before, options.lifetime) ||
      !set_common_name(cert.get(), options.common_name))
    return failed("certificate subject");
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  if (!add_names(cert.get(), options.names) ||
      !extend(cert.get(), cert.get(), NID_basic_constraints,
              options.authority ? "critical,CA:TRUE" : "critical,CA:FALSE") ||
      !extend(cert.get(), cert.get(), NID_key_usage,
              options.authority ? "critical,digitalSignature,keyCertSign"
                                : "critical,digitalSignature"))
    return failed("certificate extensions");
  if (X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) return failed("sign the certificate");
  return pem_of(cert.get(), key.get());
}

result<certificate> make_default_certificate() {
  const auto pem = make_self_signed();
  if (!pem) return pem.error();
  return certificate::parse(pem->chain, pem->key, "default certificate");
}

}  // namespace stagedoor::tls
