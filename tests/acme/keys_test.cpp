// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/keys.hpp"

#include "runtime/acme/csr.hpp"
#include "runtime/acme/jws.hpp"
#include "runtime/acme/openssl.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/client/json.hpp"

#include <gmock/gmock.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace stagedoor::acme {
namespace {

using ::testing::ElementsAre;

// Made for this test; its JWK and thumbprint were computed by another implementation.
constexpr const char* known_key = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqGJmWjsMg15NrGqn
Zdb0QQYtlvfFHvBmNgVGS/0lTNOhRANCAAQP5rRg1Tx2DlFXFm+5tHdU3hautRh/
xHVWbeifHhaLA3zv4QoSuUGIFvBb3HZjVNck8IfzXcmHDrQ0QT261FNX
-----END PRIVATE KEY-----
)";

TEST(private_key, has_the_jwk_and_thumbprint_of_rfc_7638) {
  const auto key = private_key::from_pem(known_key);
  ASSERT_TRUE(key) << to_string(key.error());
  EXPECT_EQ(key->jwk(),
            R"({"crv":"P-256","kty":"EC","x":"D-a0YNU8dg5RVxZvubR3VN4WrrUYf8R1Vm3onx4WiwM",)"
            R"("y":"fO_hChK5QYgW8FvcdmNU1yTwh_NdyYcOtDRBPbrUU1c"})");
  EXPECT_EQ(key->thumbprint(), "pRpZevG6SQQCjVBWoxi2fSWMcINtej8yrtUhEalDMs4");
}

TEST(private_key, coordinates_keep_their_leading_zeros) {
  bool seen_zero = false;
  for (int i = 0; i < 5000 && !seen_zero; ++i) {
    const auto key = *private_key::create(key_type::ec256);
    const auto jwk = client::json::parse(key.jwk());
    const auto x = base64url_decode(jwk.at("x").get<std::string>());
    ASSERT_EQ(x->size(), 32U);
    seen_zero = x->front() == '\0';
  }
  EXPECT_TRUE(seen_zero);
}

bool verifies(const private_key& key, std::string_view bytes, std::string signature,
              const EVP_MD* digest) {
  if (key.algorithm() != "RS256") {  // back to ASN.1
    const auto half = signature.size() / 2;
    const auto number = [&](std::size_t at) {
      return BN_bin2bn(reinterpret_cast<const unsigned char*>(signature.data() + at),
                       static_cast<int>(half), nullptr);
    };
    const std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>> pair(ECDSA_SIG_new());
    ECDSA_SIG_set0(pair.get(), number(0), number(half));
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &der);
    signature.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  const std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.native());
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                          bytes.size()) == 1;
}

struct key_row {
  key_type type;
  const char* algorithm;
  std::size_t signature;
};

TEST(private_key, signs_in_the_form_of_rfc_7518_and_survives_pem) {
  const key_row table[] = {{key_type::ec256, "ES256", 64},
                           {key_type::ec384, "ES384", 96},
                           {key_type::rsa2048, "RS256", 256}};
  for (const auto& row : table) {
    const auto key = private_key::create(row.type);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->algorithm(), row.algorithm);
    const auto signature = key->sign("what is signed");
    ASSERT_TRUE(signature);
    EXPECT_EQ(signature->size(), row.signature);
    const auto* digest = row.type == key_type::ec384 ? EVP_sha384() : EVP_sha256();
    EXPECT_TRUE(verifies(*key, "what is signed", *signature, digest)) << row.algorithm;
    EXPECT_FALSE(verifies(*key, "something else", *signature, digest)) << row.algorithm;
    const auto again = private_key::from_pem(key->pem());
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->same_public_key(*key));
  }
}

TEST(private_key, refuses_what_acme_does_not_take) {
  for (const auto* bad :
       {"", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    const auto key = private_key::from_pem(bad);
    ASSERT_FALSE(key) << bad;
    EXPECT_EQ(key.error().kind, fault_kind::invalid);
  }
  const auto pem_of = [](EVP_PKEY* raw) {
    const std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>> key(raw);
    const auto out = new_memory();
    PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text_in(out);
  };
  EXPECT_FALSE(private_key::from_pem(pem_of(EVP_RSA_gen(1024U)))) << "too short";
  EXPECT_FALSE(private_key::from_pem(pem_of(EVP_EC_gen("P-521")))) << "not a curve of ACME";
  EXPECT_FALSE(private_key::from_pem(pem_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))));
}

TEST(private_key, an_encrypted_key_is_refused_and_nobody_is_asked_for_a_passphrase) {
  const auto key = *private_key::from_pem(known_key);
  const auto out = new_memory();
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key.native(), EVP_aes_128_cbc(), "secret", 6,
                                          nullptr, nullptr),
            1);
  EXPECT_FALSE(private_key::from_pem(text_in(out)));
}

TEST(key_type, knows_the_words_of_traefik_and_certbot) {
  EXPECT_EQ(key_type_of("EC256"), key_type::ec256);
  EXPECT_EQ(key_type_of("ec384"), key_type::ec384);
  EXPECT_EQ(key_type_of("RSA4096"), key_type::rsa4096);
  EXPECT_EQ(key_type_of("ecdsa"), key_type::ec256);
  EXPECT_EQ(key_type_of("rsa"), key_type::rsa2048);
  EXPECT_FALSE(key_type_of("RSA8192"));
}

TEST(jws, carries_url_nonce_and_account_or_key) {
  const auto key = *private_key::from_pem(known_key);
  for (const std::string account : {"", "https://ca.test/account/1"}) {
    const auto text = sign_request(key, {"https://ca.test/order", "n0nce", account}, "{}");
    ASSERT_TRUE(text);
    const auto outer = client::json::parse(*text);
    const auto first = outer.at("protected").get<std::string>();
    const auto head = client::json::parse(*base64url_decode(first));
    EXPECT_EQ(head.at("alg"), "ES256");
    EXPECT_EQ(head.at("url"), "https://ca.test/order");
    EXPECT_EQ(head.at("nonce"), "n0nce");
    EXPECT_EQ(head.contains("jwk"), account.empty());
    EXPECT_EQ(head.contains("kid"), !account.empty());
    const auto signature = *base64url_decode(outer.at("signature").get<std::string>());
    EXPECT_TRUE(verifies(key, first + "." + outer.at("payload").get<std::string>(), signature,
                         EVP_sha256()));
  }
  EXPECT_EQ(client::json::parse(*sign_request(key, {"u", "n", "k"}, "")).at("payload"), "")
      << "POST-as-GET";
}

TEST(jws, an_external_account_needs_a_key_that_is_base64url) {
  const auto key = *private_key::from_pem(known_key);
  EXPECT_TRUE(bind_external_account(key, {"kid", "c2VjcmV0"}, "https://ca.test/account"));
  EXPECT_TRUE(bind_external_account(key, {"kid", "c2VjcmU="}, "https://ca.test/account"))
      << "padding is forgiven";
  for (const auto* bad : {"", "not base64!", "a+b/"})
    EXPECT_FALSE(bind_external_account(key, {"kid", bad}, "u")) << bad;
}

std::vector<std::string> names_in(std::string_view der, std::string* common = nullptr) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<X509_REQ, freed_by<X509_REQ_free>> csr(
      d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  std::vector<std::string> names;
  if (!csr || X509_REQ_verify(csr.get(), X509_REQ_get0_pubkey(csr.get())) != 1) return names;
  if (common != nullptr) {
    char text[256] = {};
    X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(csr.get()), NID_commonName, text,
                              sizeof text);
    *common = text;
  }
  auto* extensions = X509_REQ_get_extensions(csr.get());
  const std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>> list(
      static_cast<GENERAL_NAMES*>(
          X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const auto* one = sk_GENERAL_NAME_value(list.get(), i);
    if (one->type == GEN_IPADD)
      names.push_back("ip of " + std::to_string(ASN1_STRING_length(one->d.iPAddress)));
    if (one->type == GEN_DNS)
      names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName)));
  }
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return names;
}

TEST(csr, names_what_is_wanted_and_proves_the_key) {
  const auto key = *private_key::from_pem(known_key);
  const auto der = make_csr(key, {"*.a.test", "a.test", "192.0.2.1", "2001:db8::1"});
  ASSERT_TRUE(der) << to_string(der.error());
  std::string common;
  EXPECT_THAT(names_in(*der, &common), ElementsAre("*.a.test", "a.test", "ip of 4", "ip of 16"));
  EXPECT_EQ(common, "");
  (void)names_in(*make_csr(key, {"a.test"}, common_name::first_name), &common);
  EXPECT_EQ(common, "a.test");
  (void)names_in(*make_csr(key, {std::string(70, 'a')}, common_name::first_name), &common);
  EXPECT_EQ(common, "") << "too long to be a common name";
}

TEST(csr, refuses_what_would_mean_something_else_to_the_extension_reader) {
  const auto key = *private_key::from_pem(known_key);
  for (const auto* bad : {"", "a.test,DNS:evil.test", "a.test\nDNS:evil.test", "email:copy", "a b"})
    EXPECT_FALSE(make_csr(key, {bad})) << bad;
  EXPECT_FALSE(make_csr(key, {}));
}

}  // namespace
}  // namespace stagedoor::acme
