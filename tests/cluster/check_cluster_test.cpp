// SPDX-License-Identifier: Apache-2.0
// What `stagedoor check` says of the section "cluster" and the files that it names.
#include "cluster/check_cluster.hpp"

#include "tests/configs/reported.hpp"
#include "tests/link/cluster_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace stagedoor::cluster {
namespace {

using configs::lines;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class cluster_check : public ::testing::Test {
 protected:
  cluster_check() { set("node-1"); }

  /// The certificate, key and authority of |name|; the node itself is node-1.
  void set(const std::string& name, link::validity valid = {}) {
    node.cluster.certificate = {files.issue(name, valid).certificate, true, {"s.yml", 3, 1}};
    node.cluster.key = {files.path(name + ".key"), true, {"s.yml", 4, 1}};
    node.cluster.ca = {files.path("ca.crt"), true, {"s.yml", 5, 1}};
    node.redis.managed = false;
    ::chmod(node.cluster.key.path.c_str(), 0600);
  }

  /// What is said, with ~ for the folder.
  [[nodiscard]] lines check() const {
    configs::diagnostics out;
    check_cluster(node, wall_clock::now(), out);
    auto said = configs::reported(out);
    const auto folder = files.path("");
    for (auto& line : said)
      for (auto at = line.find(folder); at != std::string::npos; at = line.find(folder))
        line.replace(at, folder.size(), "~/");
    return said;
  }

  link::cluster_files files;
  configs::settings node;
};

TEST_F(cluster_check, files_that_fit_have_nothing_to_say) { EXPECT_THAT(check(), IsEmpty()); }

TEST_F(cluster_check, a_node_alone_has_no_files_to_judge) {
  node.cluster = {};
  node.redis.managed = true;
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(cluster_check, the_case_of_a_name_is_no_difference) {
  node.node.name = "Node-1";
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(cluster_check, the_certificate_of_another_node_is_refused) {
  set("node-2");
  EXPECT_THAT(check(),
              ElementsAre("s.yml:3:1: error: cluster.certificate: expected one for \"node-1\", as "
                          "in node.name, got ~/node-2.crt for \"node-2\"; `stagedoor cluster add "
                          "node-1` makes one"));
}

TEST_F(cluster_check, a_name_that_is_none_is_not_looked_for_in_the_certificate) {
  node.node.name = "node_1";  // the settings' own reader refuses it
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(cluster_check, an_authority_that_did_not_sign_the_certificate_is_refused) {
  files.write("ca.crt", link::cluster_files::make("test cluster").chain);
  EXPECT_THAT(check(), ElementsAre("s.yml:5:1: error: cluster.ca: expected the authority that "
                                   "signed ~/node-1.crt, ~/ca.crt has another one"));
}

TEST_F(cluster_check, one_authority_of_several_is_enough_while_it_is_replaced) {
  files.write("ca.crt", link::cluster_files::make("test cluster").chain + files.authority().chain);
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(cluster_check, a_file_that_is_missing_or_spoiled_is_named_where_it_is_set) {
  const auto good = node.cluster;
  node.cluster.certificate.path = files.path("none");
  EXPECT_THAT(check(), ElementsAre("s.yml:3:1: error: cluster.certificate: ~/none: No such file or "
                                   "directory"));
  node.cluster = good;
  node.cluster.key.path = files.path("none");
  EXPECT_THAT(check(),
              ElementsAre("s.yml:4:1: error: cluster.key: ~/none: No such file or directory"));
  node.cluster = good;
  node.cluster.ca.path = files.path("none");
  EXPECT_THAT(check(),
              ElementsAre("s.yml:5:1: error: cluster.ca: read ~/none: No such file or directory"));
  node.cluster = good;
  files.write("ca.crt", "nonsense");
  EXPECT_THAT(check(),
              ElementsAre("s.yml:5:1: error: cluster.ca: ~/ca.crt: expected certificates in PEM"));
  files.write("node-1.key", "nonsense");
  EXPECT_THAT(check(), ElementsAre("s.yml:4:1: error: cluster.key: ~/node-1.key: expected a "
                                   "private key in PEM without a passphrase"));
  files.issue("node-1");
  files.write("node-1.crt", "nonsense");
  EXPECT_THAT(check(), ElementsAre("s.yml:3:1: error: cluster.certificate: ~/node-1.crt: expected "
                                   "a certificate in PEM"));
}

TEST_F(cluster_check, the_key_of_another_certificate_is_refused) {
  files.issue("node-2");
  node.cluster.key.path = files.path("node-2.key");
  ::chmod(node.cluster.key.path.c_str(), 0600);
  EXPECT_THAT(check(), ElementsAre("s.yml:3:1: error: cluster.certificate: ~/node-1.crt: the "
                                   "private key does not belong to the certificate"));
}

TEST_F(cluster_check, a_node_whose_certificate_has_ended_is_warned_and_starts) {
  set("node-1", {wall_clock::from_time_t(1'000'000'000), std::chrono::hours(24)});
  EXPECT_THAT(check(),
              ElementsAre("s.yml:3:1: warning: cluster.certificate: expected one that is valid "
                          "now, ~/node-1.crt ended on 2001-09-10: no other node takes it; "
                          "`stagedoor cluster add node-1` replaces it"));
}

TEST_F(cluster_check, a_certificate_of_the_future_asks_for_the_clock) {
  set("node-1", {wall_clock::now() + std::chrono::hours(48), std::chrono::hours(24)});
  const auto said = check();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_THAT(said[0], testing::StartsWith("s.yml:3:1: warning: cluster.certificate:"));
  EXPECT_THAT(said[0], testing::HasSubstr("~/node-1.crt begins on "));
}

TEST_F(cluster_check, a_key_that_others_can_read_is_warned_of) {
  ::chmod(node.cluster.key.path.c_str(), 0644);
  EXPECT_THAT(check(), ElementsAre("s.yml:4:1: warning: cluster.key: expected a file that nobody "
                                   "else can read (mode 0600), got ~/node-1.key with mode 0644"));
  ::chmod(node.cluster.key.path.c_str(), 0640);
  EXPECT_THAT(check(), IsEmpty()) << "a group of the service's own is usual";
}

TEST_F(cluster_check, a_redis_of_the_nodes_own_is_met_by_nobody) {
  node.redis.managed = true;
  EXPECT_THAT(check(), ElementsAre("s.yml:3:1: warning: cluster: expected redis.url, nodes meet in "
                                   "a Redis that all of them reach; this node's own is on "
                                   "127.0.0.1"));
}

}  // namespace
}  // namespace stagedoor::cluster
