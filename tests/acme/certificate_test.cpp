// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/certificate_info.hpp"

#include "runtime/acme/openssl.hpp"
#include "runtime/base/base64.hpp"
#include "tests/acme/certificate_maker.hpp"

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace stagedoor::acme {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;

wall_time at(long s) { return wall_clock::from_time_t(s); }

TEST(certificate_info, tells_names_times_serial_and_issuer_of_the_leaf) {
  const auto pair = test::make_certificate(
      {{"B.test", "*.a.test", "192.0.2.1", "2001:db8::1"}, 1'700'000'000, 1'707'776'000, 2});
  const auto info = inspect_chain(pair.chain_pem);
  ASSERT_TRUE(info) << to_string(info.error());
  EXPECT_THAT(info->names, ElementsAre("*.a.test", "192.0.2.1", "2001:db8::1", "b.test"));
  EXPECT_EQ(info->not_before, at(1'700'000'000));
  EXPECT_EQ(info->not_after, at(1'707'776'000));
  EXPECT_EQ(info->serial, "8765432101");
  EXPECT_EQ(info->issuer, "Test Issuer");
  EXPECT_EQ(info->chain_length, 3U);
  EXPECT_EQ(info->ari_id, base64url_encode(std::string("\x00\x11\x22\x33", 4)) + "." +
                              base64url_encode(std::string("\x00\x87\x65\x43\x21\x01", 6)));
}

TEST(certificate_info, knows_its_key) {
  const auto pair = test::make_certificate({{"a.test"}, 0, 1000});
  EXPECT_TRUE(*belongs_to(pair.chain_pem, *private_key::from_pem(pair.key_pem)));
  EXPECT_FALSE(*belongs_to(pair.chain_pem, *private_key::create(key_type::ec256)));
  EXPECT_FALSE(belongs_to("nothing", *private_key::from_pem(pair.key_pem)));
}

TEST(certificate_info, refuses_what_is_no_certificate_or_no_end_of_them) {
  for (const auto* bad :
       {"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
    EXPECT_FALSE(inspect_chain(bad)) << bad;
  EXPECT_FALSE(inspect_chain(test::make_certificate({{"a.test"}, 0, 1000, max_chain}).chain_pem));
  EXPECT_TRUE(
      inspect_chain(test::make_certificate({{"a.test"}, 0, 1000, max_chain - 1}).chain_pem));
}

TEST(certificate_info, the_year_9999_does_not_overflow_the_clock) {
  const auto info =
      inspect_chain(test::make_certificate({{"a.test"}, 0, 253'402'300'799}).chain_pem);
  ASSERT_TRUE(info);
  EXPECT_GT(info->not_after, at(8'000'000'000));
}

TEST(certificate_info, splits_leaf_from_issuers_and_loses_nothing) {
  const auto pair = test::make_certificate({{"a.test"}, 0, 1000, 2});
  const auto split = split_pem(pair.chain_pem);
  EXPECT_EQ(inspect_chain(split.leaf)->chain_length, 1U);
  EXPECT_EQ(inspect_chain(split.issuers)->chain_length, 2U);
  EXPECT_EQ(split.leaf + split.issuers, pair.chain_pem);
  EXPECT_EQ(split_pem(split.leaf).issuers, "");
}

struct renewal_row {
  hours lifetime;
  hours after;
};

TEST(renewal_time, is_at_two_thirds_or_half_of_a_short_life) {
  const renewal_row table[] = {{hours(90 * 24), hours(60 * 24)}, {hours(45 * 24), hours(30 * 24)},
                               {hours(240), hours(160)},         {hours(239), hours(239) / 2},
                               {hours(160), hours(80)},          {hours(24), hours(12)}};
  for (const auto& row : table)
    EXPECT_LE(std::chrono::abs(renewal_time(at(0), at(0) + row.lifetime) - (at(0) + row.after)),
              hours(1))
        << row.lifetime.count();
}

TEST(challenge, is_shown_where_and_as_the_rfc_says) {
  const challenge c{challenge_type::dns_01, "a.test", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA",
                    "tok.print"};
  EXPECT_EQ(c.path(), "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA");
  EXPECT_EQ(c.record_name(), "_acme-challenge.a.test");
  EXPECT_EQ(c.record_value(), base64url_encode(sha256("tok.print")));
  EXPECT_EQ(c.record_value().size(), 43U);
}

TEST(challenge, a_token_is_safe_in_a_path) {
  EXPECT_TRUE(is_token("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"));
  for (const auto* bad : {"", "short", "../../../../../../../etc/passwd",
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa.", "aaaaaaaaaaaaaaaaaaaaaaaa%2e"})
    EXPECT_FALSE(is_token(bad)) << bad;
  EXPECT_FALSE(is_token(std::string(257, 'a')));
}

TEST(challenge, the_tls_alpn_certificate_is_that_of_rfc_8737) {
  const challenge c{challenge_type::tls_alpn_01, "a.test", "t", "key-authorization"};
  const auto pair = tls_alpn_certificate(c);
  ASSERT_TRUE(pair) << to_string(pair.error());
  EXPECT_TRUE(*belongs_to(pair->chain_pem, *private_key::from_pem(pair->key_pem)));
  EXPECT_THAT(inspect_chain(pair->chain_pem)->names, ElementsAre("a.test"));
  const std::unique_ptr<X509, freed_by<X509_free>> leaf(
      PEM_read_bio_X509(memory_of(pair->chain_pem).get(), nullptr, nullptr, nullptr));
  const std::unique_ptr<ASN1_OBJECT, freed_by<ASN1_OBJECT_free>> name(
      OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
  const int position = X509_get_ext_by_OBJ(leaf.get(), name.get(), -1);
  ASSERT_GE(position, 0);
  auto* extension = X509_get_ext(leaf.get(), position);
  EXPECT_EQ(X509_EXTENSION_get_critical(extension), 1);
  const auto* value = X509_EXTENSION_get_data(extension);
  const std::string bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                          static_cast<std::size_t>(ASN1_STRING_length(value)));
  EXPECT_EQ(bytes, "\x04\x20" + sha256("key-authorization"));
  EXPECT_FALSE(tls_alpn_certificate({challenge_type::tls_alpn_01, "a,b", "t", "k"}));
}

}  // namespace
}  // namespace stagedoor::acme
