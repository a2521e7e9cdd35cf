// SPDX-License-Identifier: Apache-2.0
#include "cluster/edge_settings.hpp"

#include "runtime/net/socket.hpp"
#include "tests/configs/reported.hpp"
#include "tests/configs/scratch_folder.hpp"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

using configs::lines;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct edge_settings_test : ::testing::Test {
  configs::loaded config;

  void read(std::string_view text) {
    configs::diagnostics problems;
    config.edge = configs::read_static_config("t.yml", text, problems);
    EXPECT_EQ(configs::reported(problems), lines{}) << text;
  }
  [[nodiscard]] actors::entry_point_list listed(std::uint16_t offset = 0) const {
    return actors::list_entry_points(config.edge, offset);
  }
};

TEST_F(edge_settings_test, addresses_are_ips_every_interface_or_localhost) {
  const struct {
    const char* text;
    std::string address;  ///< empty = an error
  } cases[] = {
      {":80", net::wildcard(8080).to_string()},
      {"127.0.0.1:80", "127.0.0.1:8080"},
      {"[::1]:80", "[::1]:8080"},
      {"localhost:80", "127.0.0.1:8080"},
      {"0.0.0.0:80", "0.0.0.0:8080"},
      {":0", net::wildcard(0).to_string()},
      {"example.org:80", ""},
      {":60000", ""},
  };
  for (const auto& c : cases) {
    const auto at = to_address(configs::parse_listen_address(c.text).value(), 8000);
    ASSERT_EQ(at.has_value(), !c.address.empty()) << c.text;
    EXPECT_EQ(at ? at->to_string() : "", c.address) << c.text;
  }
}

TEST_F(edge_settings_test, an_edge_has_the_strictest_head_and_the_longest_of_each_wait) {
  read(R"yml(entryPoints:
  a:
    address: ":80"
    http: { maxHeaderBytes: 5000 }
    transport:
      lifeCycle: { graceTimeOut: 2s }
      respondingTimeouts: { readTimeout: 90s, idleTimeout: 20s }
  b:
    address: ":81"
    http: { maxHeaderBytes: 6000 }
    transport:
      lifeCycle: { graceTimeOut: 4s }
      respondingTimeouts: { readTimeout: 5s, idleTimeout: 10s }
serversTransport:
  forwardingTimeouts: { dialTimeout: 1500ms, responseHeaderTimeout: 7s }
)yml");
  const auto o = edge_options_of(config);
  EXPECT_EQ(o.head.head_bytes, 5000U);
  EXPECT_EQ(o.read_head, seconds(90));
  EXPECT_EQ(o.idle, seconds(20));
  EXPECT_EQ(o.grace, seconds(4)) << "shorter than the default is meant";
  EXPECT_EQ(o.connect, milliseconds(1500));
  EXPECT_EQ(o.response_header, seconds(7));
}

TEST_F(edge_settings_test, a_wait_of_zero_is_no_limit_and_not_the_end_at_once) {
  read(R"yml(entryPoints:
  a:
    address: ":80"
    transport: { respondingTimeouts: { readTimeout: 0, idleTimeout: 0 }, lifeCycle: { graceTimeOut: 0 } }
serversTransport:
  forwardingTimeouts: { dialTimeout: 0, responseHeaderTimeout: 0 }
)yml");
  const auto o = edge_options_of(config);
  EXPECT_EQ(o.read_head, std::chrono::hours(24));
  EXPECT_EQ(o.idle, std::chrono::hours(24));
  EXPECT_EQ(o.connect, std::chrono::hours(24));
  EXPECT_EQ(o.response_header, seconds(0)) << "the edge itself takes it as none";
  EXPECT_EQ(o.grace, seconds(0)) << "nobody is waited for";
}

TEST_F(edge_settings_test, a_silent_file_gives_traefiks_defaults) {
  read("");
  const auto o = edge_options_of(config);
  EXPECT_EQ(o.read_head, seconds(60));
  EXPECT_EQ(o.idle, seconds(180));
  EXPECT_EQ(o.grace, seconds(10));
  EXPECT_EQ(o.connect, seconds(30));
  EXPECT_FALSE(access_log_of(config));
}

TEST_F(edge_settings_test, the_access_log_is_found_under_the_root_and_its_folder_made) {
  const configs::scratch_folder folder;
  config.node.edge.root = folder.path().string();
  read(R"yml(accessLog:
  filePath: /var/log/access.log
  format: json
  filters: { statusCodes: ["404", "500-599"], minDuration: 20ms }
)yml");
  const auto log = access_log_of(config);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->path, (folder.path() / "var/log/access.log").string());
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() / "var/log"));
  EXPECT_EQ(log->format, http::access_format::json);
  EXPECT_EQ(log->min_duration, milliseconds(20));
  ASSERT_THAT(log->statuses, SizeIs(2));
  EXPECT_EQ(log->statuses[0].first, 404);
  EXPECT_EQ(log->statuses[0].last, 404);
  EXPECT_EQ(log->statuses[1].first, 500);
  EXPECT_EQ(log->statuses[1].last, 599);
}

TEST_F(edge_settings_test, without_a_path_the_access_log_goes_to_standard_output) {
  read("accessLog: {}\n");
  const auto log = access_log_of(config);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->path, "");
  EXPECT_EQ(log->format, http::access_format::common);
  read("accessLog: { format: genericCLF }\n");
  EXPECT_EQ(access_log_of(config)->format, http::access_format::generic_clf);
}

TEST_F(edge_settings_test, entry_points_keep_the_numbers_that_routes_count_on) {
  read(R"yml(entryPoints:
  web: { address: ":80" }
  named: { address: "example.org:81" }
  inner:
    address: "127.0.0.1:82"
    forwardedHeaders: { trustedIPs: ["10.0.0.0/8", "::1"] }
  open: { address: ":83", forwardedHeaders: { insecure: true } }
)yml");
  const auto list = listed(8000);
  const auto made = entry_points_of(list);
  std::vector<std::string> names;
  for (const auto& e : made) {
    names.push_back(e.name);
    EXPECT_EQ(list.bit_of(e.name), http::entry_point_set{1} << e.index) << e.name;
  }
  EXPECT_THAT(names, ElementsAre("web", "inner", "open", "traefik"))
      << "what is no address is left out";
  EXPECT_EQ(made[1].address.to_string(), "127.0.0.1:8082");
  ASSERT_THAT(made[1].forwarded.trusted, SizeIs(2));
  EXPECT_TRUE(made[1].forwarded.trusted[0].contains(net::address::parse_ip("10.1.2.3", 0).value()));
  EXPECT_FALSE(made[1].forwarded.insecure);
  EXPECT_TRUE(made[2].forwarded.insecure);

  configs::diagnostics problems;
  check_addresses(list, problems);
  const auto said = configs::reported(problems);
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_THAT(said[0], HasSubstr("t.yml:3:3: error: entry point \"named\": "));
}

TEST_F(edge_settings_test, ping_is_answered_where_the_file_says) {
  read("");
  EXPECT_EQ(ping_entry_point(config.edge), "traefik");
  read("entryPoints: { web: { address: ':80' } }\nping: { entryPoint: web }\n");
  EXPECT_EQ(ping_entry_point(config.edge), "web");
}

}  // namespace
}  // namespace stagedoor::cluster
