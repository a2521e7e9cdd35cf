// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/forwarded.hpp"

#include "runtime/http/headers.hpp"
#include "tests/http/policy_fixture.hpp"

#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

class forwarded_fields : public testing::Test {
 protected:
  std::string sent(const fake_request& request, std::string_view name,
                   std::vector<middleware_ptr> chain = {}) {
    fake_exchange e(request, state_, std::move(chain));
    EXPECT_EQ(e.run(), verdict::proceed);
    policy_.apply(e.x);
    return e.sent_on(name);
  }
  middleware_state state_;
  forwarded policy_{{false, {ip_range::parse("10.0.0.0/8").value()}, true, "node-1"}};
};

TEST_F(forwarded_fields, describe_the_client) {
  const fake_request plain("http://team-a.example/");
  EXPECT_EQ(sent(plain, "X-Forwarded-For"), "192.0.2.7");
  EXPECT_EQ(sent(plain, "X-Real-Ip"), "192.0.2.7");
  EXPECT_EQ(sent(plain, "X-Forwarded-Proto"), "http");
  EXPECT_EQ(sent(plain, "X-Forwarded-Port"), "80");
  EXPECT_EQ(sent(plain, "X-Forwarded-Host"), "team-a.example");
  EXPECT_EQ(sent(plain, "X-Forwarded-Server"), "node-1");
  EXPECT_EQ(sent(fake_request("https://a/"), "X-Forwarded-Proto"), "https");
  EXPECT_EQ(sent(fake_request("https://a/"), "X-Forwarded-Port"), "443");
  EXPECT_EQ(sent(fake_request("https://a:8443/"), "X-Forwarded-Port"), "8443");
  EXPECT_EQ(sent(fake_request("http:///"), "X-Forwarded-Host"), "");
  const fake_request socket("https://a/", {{"Connection", "Upgrade"}, {"Upgrade", "WebSocket"}});
  EXPECT_EQ(sent(socket, "X-Forwarded-Proto"), "wss");
  EXPECT_EQ(sent(socket, "X-Forwarded-Port"), "443");
}

TEST_F(forwarded_fields, of_an_untrusted_peer_are_left_out) {
  for (const char* name :
       {"X-Forwarded-Scheme", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Scheme",
        "X-Forwarded-Prefix", "X-Forwarded-Tls-Client-Cert", "x-forwarded-tls-client-cert-info",
        "X_Forwarded_For", "x_real_ip", "X-Forwarded_Proto"}) {
    const fake_request request("http://a/", {{name, "forged"}});
    EXPECT_EQ(sent(request, name), "") << name;
  }
  const fake_request request("http://a/", {{"X-Forwarded-For", "1.1.1.1"},
                                           {"x-forwarded-for", "2.2.2.2"},
                                           {"X-Real-Ip", "1.1.1.1"},
                                           {"X-Forwarded-Proto", "https"},
                                           {"X-Forwarded-Host", "evil"},
                                           {"X-Forwarded-Server", "evil"},
                                           {"X-Forwarded-Port", "1"},
                                           {"X-Forwarded-Other", "kept"}});
  EXPECT_EQ(sent(request, "X-Forwarded-For"), "192.0.2.7");
  EXPECT_EQ(sent(request, "X-Real-Ip"), "192.0.2.7");
  EXPECT_EQ(sent(request, "X-Forwarded-Proto"), "http");
  EXPECT_EQ(sent(request, "X-Forwarded-Host"), "a");
  EXPECT_EQ(sent(request, "X-Forwarded-Port"), "80");
  EXPECT_EQ(sent(request, "X-Forwarded-Server"), "node-1");
  EXPECT_EQ(sent(request, "X-Forwarded-Other"), "kept");
}

TEST_F(forwarded_fields, of_a_trusted_peer_are_kept_and_the_peer_is_appended) {
  EXPECT_TRUE(policy_.trusts(net::address::parse_ip("10.1.2.3", 0).value()));
  EXPECT_FALSE(policy_.trusts(net::address::parse_ip("11.1.2.3", 0).value()));
  fake_request request("http://a/",
                       {{"X-Forwarded-For", "1.1.1.1"},
                        {"X-Forwarded-For", "2.2.2.2"},
                        {"X-Real-Ip", "1.1.1.1"},
                        {"X-Forwarded-Proto", "https"},
                        {"X-Forwarded-Host", "outer"},
                        {"X-Forwarded-Server", "other"}},
                       "GET", "10.1.2.3");
  request.connection.trusted = true;
  EXPECT_EQ(sent(request, "X-Forwarded-For"), "1.1.1.1, 2.2.2.2, 10.1.2.3");
  EXPECT_EQ(sent(request, "X-Real-Ip"), "1.1.1.1");
  EXPECT_EQ(sent(request, "X-Forwarded-Proto"), "https");
  EXPECT_EQ(sent(request, "X-Forwarded-Port"), "443");
  EXPECT_EQ(sent(request, "X-Forwarded-Host"), "outer");
  EXPECT_EQ(sent(request, "X-Forwarded-Server"), "node-1");
  EXPECT_EQ(forwarded_proto(request.facts()), "https");
  EXPECT_EQ(forwarded_client(request.facts()), "1.1.1.1");
}

TEST_F(forwarded_fields, of_a_middleware_win) {
  headers_options o;
  o.custom_request = {
      {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", ""}, {"X-Forwarded-For", "9.9.9.9"}};
  const auto m = headers::make("h@file", o).value();
  const fake_request request("http://a/", {{"X-Forwarded-Proto", "ws"}});
  EXPECT_EQ(sent(request, "X-Forwarded-Proto", {m}), "https");
  EXPECT_EQ(sent(request, "X-Forwarded-Port", {m}), "443");
  EXPECT_EQ(sent(request, "X-Forwarded-Host", {m}), "");
  EXPECT_EQ(sent(request, "X-Forwarded-For", {m}), "9.9.9.9, 192.0.2.7");
  headers_options none;
  none.custom_request = {{"X-Forwarded-For", ""}};
  EXPECT_EQ(sent(request, "X-Forwarded-For", {headers::make("h@file", none).value()}), "");
}

TEST_F(forwarded_fields, the_peer_is_not_appended_when_told_so) {
  policy_ = forwarded({true, {}, false, "node-1"});
  fake_request request("http://a/", {{"X-Forwarded-For", "1.1.1.1"}});
  request.connection.trusted = policy_.trusts(request.connection.client);
  EXPECT_EQ(sent(request, "X-Forwarded-For"), "1.1.1.1");
}

TEST(classify_forwarded_name, knows_each_and_nothing_else) {
  EXPECT_EQ(classify_forwarded("x-forwarded-FOR"), forwarded_field::for_);
  EXPECT_EQ(classify_forwarded("X_Real-IP"), forwarded_field::real_ip);
  EXPECT_EQ(classify_forwarded("X-Forwarded-Fox"), forwarded_field::none);
  EXPECT_EQ(classify_forwarded("X-Forwarded"), forwarded_field::none);
  EXPECT_EQ(classify_forwarded(""), forwarded_field::none);
  EXPECT_EQ(classify_forwarded("X"), forwarded_field::none);
}

}  // namespace
}  // namespace stagedoor::http
