// SPDX-License-Identifier: Apache-2.0
// The cluster port as another implementation of the client side sees it.
#include "tests/link/cluster_port.hpp"
#include "tests/support/command.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

using testing::HasSubstr;

class openssl_client : public testing::Test {
 protected:
  /// Runs until the port closes the connection, three seconds at the most.
  std::string connect(const std::string& options) {
    return test::run_line(fmt::format("timeout 3 openssl s_client -connect {} -ign_eof {}",
                                      port.address.to_string(), options))
        .output;
  }
  std::string with_certificate(const credential_files& own) {
    return fmt::format("-cert {} -key {} -CAfile {} -verify_return_error -verify_hostname node-2",
                       own.certificate, own.key, own.authority);
  }
  static constexpr const char* alpn = " -alpn stagedoor-link/1";

  cluster_port port;
};

TEST_F(openssl_client, sees_the_node_over_tls_1_3_and_is_asked_for_a_certificate) {
  const auto said = connect(with_certificate(port.files.issue("node-1")) + alpn);
  EXPECT_THAT(said, HasSubstr("Verification: OK"));
  EXPECT_THAT(said, HasSubstr("Verified peername: node-2"));
  EXPECT_THAT(said, HasSubstr("New, TLSv1.3"));
  EXPECT_THAT(said, HasSubstr("ALPN protocol: stagedoor-link/1"));
  EXPECT_THAT(said, HasSubstr("Acceptable client certificate CA names"));
}

TEST_F(openssl_client, is_told_what_is_wrong) {
  const auto own = port.files.issue("node-1");
  const auto good = with_certificate(own);
  EXPECT_THAT(connect(good + alpn + " -tls1_2"), HasSubstr("alert protocol version"));
  EXPECT_THAT(connect(good + " -alpn h2"), HasSubstr("no application protocol"));
  EXPECT_THAT(connect("-CAfile " + own.authority + alpn), HasSubstr("certificate required"));
}

TEST_F(openssl_client, with_an_expired_certificate_is_told_so) {
  EXPECT_THAT(connect(with_certificate(port.files.issue("node-1", expired())) + alpn),
              HasSubstr("certificate expired"));
  const auto other = cluster_files::make("another cluster");
  EXPECT_THAT(connect(with_certificate(port.files.issue_by(other, "node-1")) + alpn),
              HasSubstr("unknown ca"));
}

TEST_F(openssl_client, without_alpn_gets_no_further_than_the_handshake) {
  const auto said = connect(with_certificate(port.files.issue("node-1")));
  EXPECT_THAT(said, HasSubstr("No ALPN negotiated"));
  EXPECT_EQ(port.ups, 0);
  EXPECT_THAT(port.log_lines(), testing::Contains(HasSubstr("does not speak stagedoor-link/1")));
}

}  // namespace
}  // namespace stagedoor::link
