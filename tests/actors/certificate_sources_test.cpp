// SPDX-License-Identifier: Apache-2.0
// What is found on the disk, and what is kept when it cannot be read.
#include "actors/certificates/certificate_sources.hpp"

#include "runtime/acme/certbot_store.hpp"
#include "tests/acme/certificate_maker.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace stagedoor::actors {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

acme::certificate_pair pair_of(const std::string& name) {
  return test::make_certificate(
      {.names = {name}, .from_seconds = 1'800'000'000, .until_seconds = 1'810'000'000});
}

class certificate_sources_test : public ::testing::Test {
 protected:
  certificate_sources_test() {
    folder_ = ::testing::TempDir() + "sources_XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    config_.node.certificates.directory = folder_ + "/certbot";
    config_.node.edge.root = folder_ + "/traefik";
    fs::create_directories(config_.node.edge.root);
  }
  ~certificate_sources_test() override { fs::remove_all(folder_); }

  certificates_loaded read() { return read_certificate_sources(config_, files_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name, std::ios::trunc) << text;
  }
  void add_lineage(const std::string& name) {
    ASSERT_TRUE(acme::write_lineage(config_.node.certificates.directory, name, pair_of(name),
                                    "https://ca/dir"));
  }
  std::string lineage(const std::string& name) {
    return "certbot " + folder_ + "/certbot/live/" + name;
  }

  std::string folder_;
  configs::loaded config_;
  std::vector<configs::tls_certificate> files_;
};

TEST_F(certificate_sources_test, nothing_there_is_nothing_wrong) {
  const auto all = read();
  EXPECT_THAT(all.by_source, IsEmpty());
  EXPECT_THAT(all.unreadable, IsEmpty());
  EXPECT_THAT(all.problems, IsEmpty());
}

TEST_F(certificate_sources_test, each_lineage_of_certbot_is_a_source) {
  add_lineage("a.test");
  add_lineage("b.test");
  const auto all = read();
  ASSERT_THAT(all.by_source, SizeIs(2));
  EXPECT_THAT(all.by_source.at(lineage("a.test")).at(0).names(), ElementsAre("a.test"));
}

TEST_F(certificate_sources_test,
       a_lineage_that_is_half_written_keeps_what_it_had_and_the_others_are_read) {
  add_lineage("a.test");
  add_lineage("b.test");
  const auto live = folder_ + "/certbot/live/a.test/";
  fs::remove(live + "privkey.pem");
  std::ofstream(live + "privkey.pem") << pair_of("a.test").key_pem;  // another key
  auto all = read();
  EXPECT_THAT(all.unreadable, Contains(lineage("a.test")));
  EXPECT_THAT(all.problems, Contains(HasSubstr("a.test")));
  EXPECT_TRUE(all.by_source.contains(lineage("b.test")));
  fs::remove(live + "fullchain.pem");
  all = read();
  EXPECT_THAT(all.unreadable, Contains(lineage("a.test")));
  EXPECT_TRUE(all.by_source.contains(lineage("b.test")));
}

TEST_F(certificate_sources_test, a_deleted_lineage_is_not_mentioned) {
  add_lineage("a.test");
  fs::remove_all(folder_ + "/certbot/live/a.test");
  fs::remove_all(folder_ + "/certbot/renewal");
  const auto all = read();
  EXPECT_FALSE(all.by_source.contains(lineage("a.test")));
  EXPECT_THAT(all.unreadable, IsEmpty());
}

TEST_F(certificate_sources_test,
       files_of_the_configuration_are_found_under_the_root_or_in_the_text) {
  const auto pair = pair_of("a.test");
  write("traefik/a.crt", pair.chain_pem);
  write("traefik/a.key", pair.key_pem);
  configs::tls_certificate file;
  file.where = {"tls.yml", 3, 5};
  file.cert_file = "/a.crt";
  file.key_file = "/a.key";
  configs::tls_certificate text = file;
  text.where.line = 6;
  text.cert_file = pair.chain_pem;
  text.key_file = pair.key_pem;
  configs::tls_certificate missing = file;
  missing.where.line = 9;
  missing.cert_file = "/b.crt";
  files_ = {file, text, missing};
  const auto all = read();
  EXPECT_TRUE(all.by_source.contains("file tls.yml:3:5"));
  EXPECT_TRUE(all.by_source.contains("file tls.yml:6:5"));
  EXPECT_THAT(all.unreadable, ElementsAre("file tls.yml:9:5"));
  EXPECT_THAT(all.problems, ElementsAre(HasSubstr("tls.yml:9:5")));
}

TEST_F(certificate_sources_test,
       a_store_that_two_resolvers_share_is_read_once_and_a_broken_one_is_said) {
  configs::certificate_resolver resolver;
  resolver.name = "le";
  resolver.storage = "/acme.json";
  config_.edge.resolvers = {resolver, resolver};
  config_.edge.resolvers[1].name = "other";
  write("traefik/acme.json", "{");
  const auto all = read();
  EXPECT_THAT(all.by_source, IsEmpty());
  EXPECT_THAT(all.unreadable, ElementsAre("acme.json " + folder_ + "/traefik/acme.json"));
}

}  // namespace
}  // namespace stagedoor::actors
