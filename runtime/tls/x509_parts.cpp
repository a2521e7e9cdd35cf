// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/x509_parts.hpp"

#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace stagedoor::tls {
namespace {

bool is_ip(const std::string& text) {
  in6_addr scratch{};
  return ::inet_pton(AF_INET, text.c_str(), &scratch) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
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

bool set_basics(X509* cert, EVP_PKEY* key, wall_time not_before, std::chrono::seconds lifetime) {
  return X509_set_version(cert, X509_VERSION_3) == 1 && set_random_serial(cert) &&
         ASN1_TIME_set(X509_getm_notBefore(cert), wall_clock::to_time_t(not_before)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(cert), wall_clock::to_time_t(not_before + lifetime)) !=
             nullptr &&
         X509_set_pubkey(cert, key) == 1;
}

bool set_common_name(X509* cert, const std::string& name) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool extend(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

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

result<pem_pair> pem_of(X509* cert, EVP_PKEY* key) {
  const bio_ptr chain_bio(BIO_new(BIO_s_mem()));
  const bio_ptr key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(chain_bio.get(), cert) != 1 ||
      PEM_write_bio_PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_fault(fault_kind::internal, fault_side::self, "write PEM");
  return pem_pair{contents(chain_bio.get()), contents(key_bio.get())};
}

}  // namespace stagedoor::tls
