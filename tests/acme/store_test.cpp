// SPDX-License-Identifier: Apache-2.0
// The files of the programs we take over from.
#include "runtime/acme/certbot_store.hpp"

#include "runtime/acme/files.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/base/file.hpp"
#include "runtime/client/json.hpp"
#include "tests/acme/certificate_maker.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stagedoor::acme {
namespace {

namespace fs = std::filesystem;
using client::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json entry(const certificate_pair& pair, const std::string& main) {
  return {{"domain", {{"main", main}}},
          {"certificate", base64_encode(pair.chain_pem)},
          {"key", base64_encode(pair.key_pem)},
          {"Store", "default"}};
}

std::string account_der() {
  const auto key = *private_key::create(key_type::rsa2048);
  unsigned char* der = nullptr;
  const int size = i2d_PrivateKey(key.native(), &der);
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

class store_test : public ::testing::Test {
 protected:
  store_test() {
    folder_ = ::testing::TempDir() + "store_XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~store_test() override { fs::remove_all(folder_); }
  std::string folder_;
};

TEST_F(store_test, acme_json_gives_account_and_certificates_of_each_resolver) {
  const auto pair = test::make_certificate({{"a.test", "b.test"}, 0, 2'000'000'000});
  json file;
  file["letsencrypt"]["Account"] = {
      {"Email", "admin@a.test"},
      {"Registration", {{"body", {{"status", "valid"}}}, {"uri", "https://ca.test/acct/7"}}},
      {"PrivateKey", base64_encode(account_der())},
      {"KeyType", "4096"}};
  file["letsencrypt"]["Certificates"] = {entry(pair, "a.test")};
  file["other"] = {{"Account", nullptr}, {"Certificates", nullptr}};
  const auto all = parse_acme_json(file.dump(2));
  ASSERT_TRUE(all) << to_string(all.error());
  EXPECT_TRUE(all->warnings.empty()) << all->warnings.front();
  ASSERT_EQ(all->resolvers.size(), 2U);
  const auto& r = all->resolvers.at("letsencrypt");
  EXPECT_EQ(r.account.email, "admin@a.test");
  EXPECT_EQ(r.account.url, "https://ca.test/acct/7");
  EXPECT_EQ(private_key::from_pem(r.account.key_pem)->algorithm(), "RS256");
  ASSERT_EQ(r.certificates.size(), 1U);
  EXPECT_THAT(r.certificates[0].info.names, ElementsAre("a.test", "b.test"));
  EXPECT_EQ(r.certificates[0].key_pem, pair.key_pem);
}

TEST_F(store_test, acme_json_of_traefik_1_has_no_resolvers_and_other_spellings) {
  const auto pair = test::make_certificate({{"a.test"}, 0, 2'000'000'000});
  json one{{"Domain", {{"Main", "a.test"}, {"SANs", nullptr}}},
           {"Certificate", base64_encode(pair.chain_pem)},
           {"Key", base64_encode(pair.key_pem)}};
  json file{{"Account", {{"Email", "x"}, {"Registration", {{"uri", "https://ca.test/acct/1"}}}}},
            {"Certificates", {one}},
            {"HTTPChallenges", json::object()}};
  const auto all = parse_acme_json(file.dump());
  ASSERT_TRUE(all);
  EXPECT_EQ(all->resolvers.at("").account.url, "https://ca.test/acct/1");
  EXPECT_EQ(all->resolvers.at("").certificates.size(), 1U);
}

TEST_F(store_test, acme_json_leaves_out_what_is_no_use_and_keeps_the_longest_of_one_name) {
  const auto old = test::make_certificate({{"a.test"}, 0, 1'000'000'000});
  const auto fresh = test::make_certificate({{"a.test"}, 0, 2'000'000'000});
  const certificate_pair mixed{old.chain_pem, fresh.key_pem};
  json file;
  file["le"]["Certificates"] = {entry(old, "a.test"),
                                entry(fresh, "a.test"),
                                entry(old, "a.test"),
                                entry(mixed, "mixed.test"),
                                entry({"", ""}, "empty.test"),
                                entry({old.chain_pem, ""}, "nokey.test"),
                                7,
                                "x",
                                nullptr};
  file["le"]["Account"]["PrivateKey"] = base64_encode("no key");
  const auto all = parse_acme_json(file.dump());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->resolvers.at("le").certificates.size(), 1U);
  EXPECT_EQ(all->resolvers.at("le").certificates[0].key_pem, fresh.key_pem);
  EXPECT_EQ(all->warnings.size(), 7U);
  EXPECT_EQ(all->resolvers.at("le").account.key_pem, "");
}

TEST_F(store_test, an_empty_acme_json_is_no_error_and_a_broken_one_is) {
  for (const auto* empty : {"", " \n", "null", "{}"}) EXPECT_TRUE(parse_acme_json(empty)) << empty;
  for (const auto* bad : {"[]", "7", "{", "\xff"}) {
    const auto all = parse_acme_json(bad);
    ASSERT_FALSE(all) << bad;
    EXPECT_EQ(all.error().side, fault_side::operator_input);
  }
}

TEST_F(store_test, acme_json_that_others_may_read_is_warned_about) {
  const auto path = folder_ + "/acme.json";
  ASSERT_TRUE(write_file(path, "{}", 0600));
  EXPECT_TRUE(load_acme_json(path)->warnings.empty());
  ASSERT_TRUE(write_file(path, "{}", 0644));
  ASSERT_EQ(load_acme_json(path)->warnings.size(), 1U);
  EXPECT_THAT(load_acme_json(path)->warnings[0], HasSubstr("0644"));
  EXPECT_EQ(load_acme_json(folder_ + "/none").error().kind, fault_kind::not_found);
  EXPECT_EQ(load_acme_json(folder_).error().kind, fault_kind::invalid);
}

TEST_F(store_test, a_lineage_is_written_as_certbot_would_and_read_again) {
  const auto first = test::make_certificate({{"a.test", "b.test"}, 0, 1'000'000'000});
  const auto path = write_lineage(folder_, "a.test", first, "https://ca.test/dir");
  ASSERT_TRUE(path) << to_string(path.error());
  EXPECT_EQ(*path, folder_ + "/live/a.test/fullchain.pem");
  EXPECT_EQ(fs::read_symlink(*path), "../../archive/a.test/fullchain1.pem");
  struct stat about {};
  ASSERT_EQ(::stat((folder_ + "/live/a.test/privkey.pem").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat((folder_ + "/archive").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777U, 0700U);

  const auto second = test::make_certificate({{"a.test", "b.test"}, 0, 2'000'000'000});
  ASSERT_TRUE(write_lineage(folder_, "a.test", second, "https://ca.test/dir"));
  EXPECT_EQ(fs::read_symlink(*path), "../../archive/a.test/fullchain2.pem");
  EXPECT_EQ(read_file(folder_ + "/archive/a.test/fullchain1.pem", max_pem)->bytes, first.chain_pem)
      << "the old one stays";

  const auto tree = read_certbot(folder_);
  ASSERT_TRUE(tree);
  EXPECT_TRUE(tree->warnings.empty());
  ASSERT_EQ(tree->lineages.size(), 1U);
  const auto& l = tree->lineages[0];
  EXPECT_EQ(l.name, "a.test");
  EXPECT_EQ(l.server, "https://ca.test/dir");
  EXPECT_EQ(l.certificate.path, *path);
  EXPECT_EQ(l.certificate.key_pem, second.key_pem);
  EXPECT_THAT(l.certificate.info.names, ElementsAre("a.test", "b.test"));
}

TEST_F(store_test, a_renewal_file_that_is_there_is_left_alone) {
  fs::create_directories(folder_ + "/renewal");
  const std::string own =
      "version = 5.6.0\n[renewalparams]\nserver = https://mine.test/dir\nauthenticator = manual\n";
  std::ofstream(folder_ + "/renewal/a.test.conf") << own;
  ASSERT_TRUE(write_lineage(folder_, "a.test", test::make_certificate({{"a.test"}, 0, 1000}),
                            "https://ca.test/dir"));
  EXPECT_EQ(read_file(folder_ + "/renewal/a.test.conf", max_pem)->bytes, own);
  EXPECT_EQ(read_certbot(folder_)->lineages.at(0).authenticator, "manual");
}

TEST_F(store_test, refuses_names_that_leave_the_folder_and_keys_of_others) {
  const auto pair = test::make_certificate({{"a.test"}, 0, 1000});
  for (const auto* bad : {"", ".", "..", "../x", "a/b", ".hidden", "a\nb", "*.a.test"})
    EXPECT_FALSE(write_lineage(folder_, bad, pair, "s")) << bad;
  const certificate_pair mixed{pair.chain_pem, private_key::create(key_type::ec256)->pem()};
  EXPECT_FALSE(write_lineage(folder_, "a.test", mixed, "s"));
  EXPECT_TRUE(fs::is_empty(folder_)) << "nothing may be left behind";
}

TEST_F(store_test, does_not_write_while_certbot_holds_its_lock) {
  const auto pair = test::make_certificate({{"a.test"}, 0, 1000});
  ASSERT_TRUE(write_lineage(folder_, "a.test", pair, "s"));
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t other = ::fork();
  if (other == 0) {  // record locks are one a process: certbot's must be another's
    const auto held = lock_file(folder_ + "/.certbot.lock");
    const char byte = held ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const auto written = write_lineage(folder_, "a.test", pair, "s");
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, fault_kind::conflict);
  EXPECT_TRUE(write_lineage(folder_, "a.test", pair, "s")) << "and writes again when it is free";
}

TEST_F(store_test, lineages_that_are_broken_are_left_out_with_a_word) {
  ASSERT_TRUE(
      write_lineage(folder_, "good.test", test::make_certificate({{"good.test"}, 0, 1000}), "s"));
  ASSERT_TRUE(
      write_lineage(folder_, "bad.test", test::make_certificate({{"bad.test"}, 0, 1000}), "s"));
  fs::remove(folder_ + "/live/bad.test/privkey.pem");
  fs::create_directories(folder_ + "/live/empty.test");
  const auto tree = read_certbot(folder_);
  ASSERT_EQ(tree->lineages.size(), 1U);
  EXPECT_EQ(tree->warnings.size(), 2U);
  EXPECT_TRUE(read_certbot(folder_ + "/none")->lineages.empty());
}

TEST_F(store_test, a_lineage_is_named_as_certbot_does) {
  EXPECT_EQ(lineage_name({"*.a.test", "a.test"}), "a.test");
  EXPECT_EQ(lineage_name({"b.test", "a.test"}), "b.test");
  EXPECT_EQ(lineage_name({"2001:db8::1"}), "2001-db8--1");
  EXPECT_EQ(lineage_name({}), "");
}

}  // namespace
}  // namespace stagedoor::acme
