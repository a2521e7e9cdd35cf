// SPDX-License-Identifier: Apache-2.0
#include "cluster/cluster_commands.hpp"

#include "tests/support/command.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>

namespace stagedoor::cluster {
namespace {

using test::run_line;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

struct said {
  int code = -1;
  std::string out;
  std::string err;
};

class cluster_commands : public testing::Test {
 protected:
  cluster_commands() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cluster-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    dir_ = root_ + "/files";
  }
  ~cluster_commands() override { std::filesystem::remove_all(root_); }

  static said say(int (*command)(const cluster_options&), const cluster_options& o) {
    CaptureStdout();
    CaptureStderr();
    said s;
    s.code = command(o);
    s.out = GetCapturedStdout();
    s.err = GetCapturedStderr();
    return s;
  }
  said init() { return say(cluster_init, {dir_, ""}); }
  said add(const std::string& name) { return say(cluster_add, {dir_, name}); }

  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream in(dir_ + "/" + file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] unsigned mode(const std::string& file) const {
    struct stat about {};
    EXPECT_EQ(::stat((dir_ + "/" + file).c_str(), &about), 0) << file;
    return about.st_mode & 07777U;
  }

  std::string root_, dir_;
};

TEST_F(cluster_commands, openssl_trusts_a_node_for_both_ends_of_a_link) {
  ASSERT_EQ(init().code, 0);
  ASSERT_EQ(add("node-1").code, 0);
  for (const char* purpose : {"sslserver", "sslclient"}) {
    const auto verified = run_line("openssl verify -x509_strict -check_ss_sig -purpose " +
                                   std::string(purpose) + " -verify_hostname node-1 -CAfile " +
                                   dir_ + "/ca.crt " + dir_ + "/node-1/node.crt");
    EXPECT_EQ(verified.status, 0) << verified.output;
  }
  const auto other = run_line("openssl verify -verify_hostname node-2 -CAfile " + dir_ +
                              "/ca.crt " + dir_ + "/node-1/node.crt");
  EXPECT_NE(other.status, 0) << other.output;
}

TEST_F(cluster_commands, the_certificates_say_what_they_should) {
  ASSERT_EQ(init().code, 0);
  ASSERT_EQ(add("node-1").code, 0);
  const auto authority = run_line("openssl x509 -noout -text -in " + dir_ + "/ca.crt").output;
  EXPECT_THAT(authority, HasSubstr("CA:TRUE, pathlen:0"));
  EXPECT_THAT(authority, HasSubstr("ASN1 OID: prime256v1"));
  EXPECT_THAT(authority, HasSubstr("Certificate Sign, CRL Sign"));
  const auto node = run_line("openssl x509 -noout -text -in " + dir_ + "/node-1/node.crt").output;
  EXPECT_THAT(node, HasSubstr("CA:FALSE"));
  EXPECT_THAT(node, HasSubstr("DNS:node-1"));
  EXPECT_THAT(node, HasSubstr("TLS Web Server Authentication, TLS Web Client Authentication"));
  const auto checkend = [&](const std::string& file, long days) {
    return run_line("openssl x509 -noout -checkend " + std::to_string(days * 86400) + " -in " +
                    dir_ + "/" + file)
        .status;
  };
  EXPECT_EQ(checkend("ca.crt", 3649), 0);
  EXPECT_EQ(checkend("ca.crt", 3651), 1);
  EXPECT_EQ(checkend("node-1/node.crt", 729), 0);
  EXPECT_EQ(checkend("node-1/node.crt", 731), 1);
}

TEST_F(cluster_commands, keys_are_for_their_owner_alone) {
  ASSERT_EQ(init().code, 0);
  ASSERT_EQ(add("node-1").code, 0);
  EXPECT_EQ(mode("ca.key"), 0600U);
  EXPECT_EQ(mode("node-1/node.key"), 0600U);
  EXPECT_EQ(mode("ca.crt"), 0644U);
  EXPECT_EQ(mode(""), 0700U);
  EXPECT_EQ(read("ca.crt"), read("node-1/ca.crt"));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/node-1/ca.key"));
}

TEST_F(cluster_commands, an_authority_is_never_replaced) {
  ASSERT_EQ(init().code, 0);
  const auto key = read("ca.key");
  const auto chain = read("ca.crt");
  const auto again = init();
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("ca.crt exists"));
  std::filesystem::remove(dir_ + "/ca.crt");  // half of one is left
  EXPECT_EQ(init().code, 1);
  EXPECT_EQ(read("ca.key"), key);
  EXPECT_FALSE(chain.empty());
}

TEST_F(cluster_commands, adding_a_node_again_rotates_its_certificate) {
  ASSERT_EQ(init().code, 0);
  const auto first = add("node-1");
  const auto chain = read("node-1/node.crt");
  const auto key = read("node-1/node.key");
  const auto second = add("Node-1");
  EXPECT_EQ(second.code, 0);
  EXPECT_NE(read("node-1/node.crt"), chain);
  EXPECT_NE(read("node-1/node.key"), key);
  EXPECT_THAT(first.out, HasSubstr("made the certificate of node-1"));
  EXPECT_THAT(second.out, HasSubstr("without a restart"));
  EXPECT_THAT(first.out,
              HasSubstr("cluster: { certificate: node.crt, key: node.key, ca: ca.crt }"));
}

TEST_F(cluster_commands, what_is_wrong_is_said_and_nothing_is_made) {
  EXPECT_THAT(add("node-1").err, HasSubstr("stagedoor cluster init"));
  ASSERT_EQ(init().code, 0);
  for (const char* name : {"", "a.b", "../x", "a b", "-a", "a,DNS:b"}) {
    SCOPED_TRACE(name);
    const auto s = add(name);
    EXPECT_EQ(s.code, 1);
    EXPECT_THAT(s.err, HasSubstr("expected a node name"));
  }
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
    (void)entry;
    ++entries;
  }
  EXPECT_EQ(entries, 3U);  // the authority and the lock
}

TEST_F(cluster_commands, a_node_certificate_cannot_sign_others) {
  ASSERT_EQ(init().code, 0);
  ASSERT_EQ(add("node-1").code, 0);
  std::filesystem::copy_file(dir_ + "/node-1/node.crt", dir_ + "/ca.crt",
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(dir_ + "/node-1/node.key", dir_ + "/ca.key",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(add("node-2").err, HasSubstr("may not sign others"));
}

}  // namespace
}  // namespace stagedoor::cluster
