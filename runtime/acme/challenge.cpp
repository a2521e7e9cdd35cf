// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/challenge.hpp"

#include "runtime/acme/csr.hpp"
#include "runtime/acme/openssl.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace stagedoor::acme {

namespace {

constexpr std::string_view acme_identifier = "1.3.6.1.5.5.7.1.31";  // id-pe-acmeIdentifier

bool add(X509* to, X509_EXTENSION* made) {
  const std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> extension(made);
  return extension && X509_add_ext(to, extension.get(), -1) == 1;
}

// The extension's value is an OCTET STRING that holds an OCTET STRING with the digest.
X509_EXTENSION* digest_extension(std::string_view digest) {
  const std::unique_ptr<ASN1_OBJECT, freed_by<ASN1_OBJECT_free>> name(
      OBJ_txt2obj(acme_identifier.data(), 1));
  std::string inner{'\x04', static_cast<char>(digest.size())};
  inner += digest;
  const std::unique_ptr<ASN1_OCTET_STRING, freed_by<ASN1_OCTET_STRING_free>> value(
      ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(inner.data()),
                        static_cast<int>(inner.size()));
  return X509_EXTENSION_create_by_OBJ(nullptr, name.get(), /*crit=*/1, value.get());
}

}  // namespace

std::string_view to_string(challenge_type type) noexcept {
  switch (type) {
    case challenge_type::http_01: return "http-01";
    case challenge_type::dns_01: return "dns-01";
    case challenge_type::tls_alpn_01: return "tls-alpn-01";
  }
  return "http-01";
}

std::optional<challenge_type> challenge_type_of(std::string_view text) noexcept {
  for (const auto type :
       {challenge_type::http_01, challenge_type::dns_01, challenge_type::tls_alpn_01})
    if (text == to_string(type)) return type;
  return std::nullopt;
}

std::string challenge::path() const { return "/.well-known/acme-challenge/" + token; }
std::string challenge::record_name() const { return "_acme-challenge." + domain; }
std::string challenge::record_value() const { return base64url_encode(sha256(key_authorization)); }

bool is_token(std::string_view text) noexcept {
  constexpr std::size_t shortest = 22;  // 128 bits
  constexpr std::size_t longest = 256;
  return text.size() >= shortest && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '_';
         });
}

result<certificate_pair> tls_alpn_certificate(const challenge& c) {
  const auto names = subject_alternative_names({c.domain});
  if (names.empty())
    return fault{fault_kind::invalid, fault_side::upstream, retryable::no,
                 "tls-alpn-01: not a name"};
  auto key = private_key::create(key_type::ec256);
  if (!key) return std::move(key).error();
  const std::unique_ptr<X509, freed_by<X509_free>> made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  constexpr long hour = 3600;
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -hour);  // the CA's clock may be behind ours
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * hour);
  auto* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("acme challenge"), -1, -1, 0);
  X509_set_issuer_name(made.get(), subject);
  const bool done =
      X509_set_pubkey(made.get(), key->native()) == 1 &&
      add(made.get(), X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str())) &&
      add(made.get(), digest_extension(sha256(c.key_authorization))) &&
      X509_sign(made.get(), key->native(), EVP_sha256()) > 0;
  if (!done) return openssl_fault(fault_kind::internal, "tls-alpn-01");
  const auto out = new_memory();
  PEM_write_bio_X509(out.get(), made.get());
  return certificate_pair{text_in(out), key->pem()};
}

}  // namespace stagedoor::acme
