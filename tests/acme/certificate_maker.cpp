// SPDX-License-Identifier: Apache-2.0
#include "tests/acme/certificate_maker.hpp"

#include "runtime/acme/csr.hpp"
#include "runtime/acme/openssl.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace stagedoor::test {

acme::certificate_pair make_certificate(const made_certificate& wanted) {
  const auto key = *acme::private_key::create(acme::key_type::ec256);
  const std::unique_ptr<X509, acme::freed_by<X509_free>> made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), 0x8765432101ULL);
  ASN1_TIME_set(X509_getm_notBefore(made.get()), wanted.from_seconds);
  ASN1_TIME_set(X509_getm_notAfter(made.get()), wanted.until_seconds);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("Test Issuer"), -1, -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
  X509_set_pubkey(made.get(), key.native());
  const auto text = acme::subject_alternative_names(wanted.names);
  const auto add = [&](int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, made.get(), made.get(), nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, acme::freed_by<X509_EXTENSION_free>> one(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    X509_add_ext(made.get(), one.get(), -1);
  };
  add(NID_subject_alt_name, text.c_str());
  add(NID_subject_key_identifier, "00112233");
  add(NID_authority_key_identifier, "keyid:always");
  X509_sign(made.get(), key.native(), EVP_sha256());
  const auto out = acme::new_memory();
  for (unsigned i = 0; i <= wanted.chain; ++i) PEM_write_bio_X509(out.get(), made.get());
  return {acme::text_in(out), key.pem()};
}

}  // namespace stagedoor::test
