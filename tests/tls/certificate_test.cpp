// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/certificate.hpp"

#include "tests/tls/tls_pair.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(certificate, tells_its_names_dates_and_fingerprint) {
  self_signed_options o;
  o.names = {"A.example", "*.b.example", "127.0.0.1", "::1"};
  o.common_name = "Main";
  o.not_before = wall_clock::from_time_t(1'700'000'000);
  o.lifetime = std::chrono::hours(48);
  const auto pem = make_self_signed(o).value();
  const auto c = certificate::parse(pem.chain, pem.key, "x").value();
  EXPECT_THAT(c.names(), ElementsAre("a.example", "*.b.example", "127.0.0.1", "::1"));
  EXPECT_EQ(c.common_name(), "Main");
  EXPECT_EQ(c.not_before(), o.not_before);
  EXPECT_EQ(c.not_after(), o.not_before + o.lifetime);
  EXPECT_EQ(c.fingerprint().size(), 64U);
  EXPECT_NE(made_certificate({"a"}).fingerprint(), made_certificate({"a"}).fingerprint());
}

TEST(certificate, covers_exact_names_and_one_label_below_a_wildcard) {
  const auto c = made_certificate({"a.example", "*.b.example"});
  EXPECT_TRUE(c.covers("a.example"));
  EXPECT_TRUE(c.covers("A.EXAMPLE"));
  EXPECT_TRUE(c.covers("x.b.example"));
  EXPECT_FALSE(c.covers("b.example"));
  EXPECT_FALSE(c.covers("x.y.b.example"));
  EXPECT_FALSE(c.covers(".b.example"));
  EXPECT_FALSE(certificate{}.covers("a.example"));
}

TEST(certificate, falls_back_to_the_common_name) {
  EXPECT_THAT(made_certificate({}, "Old.example").names(), ElementsAre("old.example"));
}

TEST(certificate, is_loaded_from_files_or_text) {
  const auto pem = made_pem({"a.example"});
  const std::string base = testing::TempDir() + "cert-" + std::to_string(::getpid());
  std::ofstream(base + ".pem") << pem.chain;
  std::ofstream(base + ".key") << pem.key;
  EXPECT_TRUE(certificate::load(base + ".pem", base + ".key"));
  EXPECT_TRUE(certificate::load(pem.chain, base + ".key"));
  EXPECT_TRUE(certificate::load(pem.chain, pem.key));
  const auto missing = certificate::load(base + ".none", base + ".key");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, fault_kind::not_found);
  EXPECT_THAT(missing.error().detail, HasSubstr(base + ".none"));
  std::filesystem::remove(base + ".pem");
  std::filesystem::remove(base + ".key");
}

struct bad_pem {
  const char* name;
  std::string chain;
  std::string key;
  fault_kind kind;
  const char* says;
};

TEST(certificate, refuses_what_cannot_be_served) {
  const auto a = made_pem({"a.example"});
  const auto b = made_pem({"b.example"});
  std::string many = a.chain;
  for (std::size_t i = 0; i <= max_chain; ++i) many += a.chain;
  const std::vector<bad_pem> cases{
      {"no chain", "", a.key, fault_kind::malformed, "expected a certificate in PEM"},
      {"text", "hello", a.key, fault_kind::malformed, "expected a certificate in PEM"},
      {"cut", a.chain.substr(0, a.chain.size() / 2), a.key, fault_kind::malformed, "certificate"},
      {"swapped", a.key, a.chain, fault_kind::malformed, "expected a certificate in PEM"},
      {"no key", a.chain, "", fault_kind::malformed, "expected a private key in PEM"},
      {"wrong key", a.chain, b.key, fault_kind::invalid, "does not belong"},
      {"broken second", a.chain + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
       a.key, fault_kind::malformed, "nothing but certificates"},
      {"long chain", many, a.key, fault_kind::too_large, "more than"},
      {"huge", std::string(max_pem_bytes + 1, 'a'), a.key, fault_kind::too_large, "at most"},
      {"encrypted key", a.chain,
       "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,"
       "00000000000000000000000000000000\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
       fault_kind::malformed, "without a passphrase"}};
  for (const auto& c : cases) {
    const auto r = certificate::parse(c.chain, c.key, "some.pem");
    ASSERT_FALSE(r) << c.name;
    EXPECT_EQ(r.error().kind, c.kind) << c.name;
    EXPECT_THAT(r.error().detail, HasSubstr(c.says)) << c.name;
    EXPECT_THAT(r.error().detail, testing::StartsWith("some.pem: ")) << c.name;
  }
}

TEST(default_certificate, is_our_own_and_fresh_each_time) {
  const auto one = make_default_certificate().value();
  const auto two = make_default_certificate().value();
  EXPECT_EQ(one.common_name(), "STAGEDOOR DEFAULT CERT");
  EXPECT_NE(one.fingerprint(), two.fingerprint());
  EXPECT_GT(one.not_after(), wall_clock::now() + std::chrono::hours(24 * 364));
}

TEST(self_signed, a_name_cannot_smuggle_in_another) {
  EXPECT_THAT(made_certificate({"a.example,DNS:b.example"}).names(),
              ElementsAre("a.example,dns:b.example"));
}

}  // namespace
}  // namespace stagedoor::tls
