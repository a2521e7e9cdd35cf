// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/self_signed.hpp"

#include "runtime/tls/openssl.hpp"

#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace stagedoor::tls {
namespace {

fault failed(std::string_view step) {
  return openssl_fault(fault_kind::internal, fault_side::self, step);
}

bool is_ip(const std::string& text) {
  in6_addr scratch{};
  return ::inet_pton(AF_INET, text.c_str(), &scratch) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

bool extend(X509* cert, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

/// Built from the structure, not from OpenSSL's configuration text: a name cannot smuggle in a
/// second one with a comma.
bool add_names(X509* cert, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  GENERAL_NAMES* const all = sk_GENERAL_NAME_new_null();
  bool ok = all != nullptr;
  for (const auto& name : names) {
    if (!ok) break;
    GENERAL_NAME* const entry = GENERAL_NAME_new();
    if (is_ip(name)) {
      GENERAL_NAME_set0_value(entry, GEN_IPADD, a2i_IPADDRESS(name.c_str()));
    } else {
      ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
      ok = ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1;
      GENERAL_NAME_set0_value(entry, GEN_DNS, text);
    }
    sk_GENERAL_NAME_push(all, entry);
  }
  ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, 0) == 1;
  GENERAL_NAMES_free(all);
  return ok;
}

bool set_random_serial(X509* cert) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] &= 0x7f;
  BIGNUM* const number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
  const bool ok =
      number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != nullptr;
  BN_free(number);
  return ok;
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

result<pem_pair> make_self_signed(const self_signed_options& options) {
  ERR_clear_error();
  const pkey_ptr key(EVP_EC_gen("P-256"));
  const x509_ptr cert(X509_new());
  if (key == nullptr || cert == nullptr) return failed("generate an ECDSA key");
  X509_set_version(cert.get(), X509_VERSION_3);
  if (!set_random_serial(cert.get())) return failed("certificate serial");
  const auto begin = wall_clock::to_time_t(options.not_before);
  const auto end = wall_clock::to_time_t(options.not_before + options.lifetime);
  ASN1_TIME_set(X509_getm_notBefore(cert.get()), begin);
  ASN1_TIME_set(X509_getm_notAfter(cert.get()), end);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(cert.get());
  if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(options.common_name.data()),
                                 static_cast<int>(options.common_name.size()), -1, 0) != 1)
    return failed("certificate subject");
  X509_set_issuer_name(cert.get(), subject);
  if (!add_names(cert.get(), options.names) ||
      !extend(cert.get(), NID_basic_constraints,
              options.authority ? "critical,CA:TRUE" : "critical,CA:FALSE") ||
      !extend(cert.get(), NID_key_usage,
              options.authority ? "critical,digitalSignature,keyCertSign"
                                : "critical,digitalSignature"))
    return failed("certificate extensions");
  if (X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) return failed("sign the certificate");
  const bio_ptr chain_bio(BIO_new(BIO_s_mem()));
  const bio_ptr key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(chain_bio.get(), cert.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1)
    return failed("write PEM");
  return pem_pair{contents(chain_bio.get()), contents(key_bio.get())};
}

result<certificate> make_default_certificate() {
  const auto pem = make_self_signed();
  if (!pem) return pem.error();
  return certificate::parse(pem->chain, pem->key, "default certificate");
}

}  // namespace stagedoor::tls
