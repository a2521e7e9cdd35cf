// SPDX-License-Identifier: Apache-2.0
#include "configs/settings.hpp"

#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

settings good(std::string_view text, const std::string& folder = "/srv") {
  diagnostics out;
  auto s = read_settings("s.yml", folder, text, out);
  EXPECT_EQ(reported(out), lines{}) << text;
  return s;
}

lines bad(std::string_view text) {
  diagnostics out;
  (void)read_settings("s.yml", "/srv", text, out);
  return reported(out);
}

TEST(settings, everything_has_a_default) {
  const auto s = good("");
  EXPECT_EQ(s.node.name, "node-1");
  EXPECT_EQ(s.node.data_dir, "/srv/data");
  EXPECT_EQ(s.node.port_offset, 0);
  EXPECT_EQ(s.node.loops, 0);
  EXPECT_TRUE(s.redis.managed);
  EXPECT_EQ(s.edge.static_file.path, "/srv/traefik/traefik.yml");
  EXPECT_FALSE(s.edge.static_file.named);
  EXPECT_EQ(s.edge.compose.path, "");
  EXPECT_EQ(s.dns.corefile.path, "/srv/coredns/Corefile");
  EXPECT_EQ(s.certificates.directory, "/srv/certbot/conf");
  EXPECT_EQ(s.certificates.webroot, "/srv/certbot/www");
  EXPECT_EQ(s.platform.domain, "kanban.domain");
  EXPECT_EQ(s.platform.zones, std::vector<std::string>{"localhost"});
  EXPECT_EQ(s.platform.addresses, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(s.teams.active, 100'000U);
  EXPECT_EQ(s.teams.idle, std::chrono::minutes(30));
  EXPECT_EQ(to_string(s.cluster.listen), "0.0.0.0:7443");
  EXPECT_EQ(s.admin.socket, "/srv/admin.sock");
  EXPECT_FALSE(s.admin.listen);
  EXPECT_EQ(s.log_level, log::level::info);
}

TEST(settings, reads_every_key) {
  const auto s = good(R"(
node: { name: n2, data_dir: /var/lib/sd, port_offset: 8000, loops: 3 }
redis: { url: "rediss://u:p@redis.example:6380/2" }
edge: { static: t.yml, root: /etc/traefik, compose: docker-compose.yml }
dns: { corefile: Corefile, root: . }
certificates: { directory: c, webroot: w }
platform: { domain: Example.ORG, zones: [a.test, B.test], addresses: ["192.0.2.1", "2001:db8::1"] }
teams: { active: 500, idle: 2h }
cluster: { listen: "127.0.0.1:7000", advertise: "n2.example:7000", certificate: c.pem, key: k.pem, ca: ca.pem }
admin: { socket: run/admin.sock, listen: "127.0.0.1:9000" }
log: { level: debug }
)");
  EXPECT_EQ(s.node.name, "n2");
  EXPECT_EQ(s.teams.active, 500U);
  EXPECT_EQ(s.teams.idle, std::chrono::hours(2));
  EXPECT_EQ(s.node.data_dir, "/var/lib/sd");
  EXPECT_EQ(s.node.loops, 3);
  EXPECT_EQ(s.managed_redis_port(), 14379);
  EXPECT_FALSE(s.redis.managed);
  ASSERT_TRUE(s.redis.url);
  EXPECT_EQ(s.redis.url->host, "redis.example");
  EXPECT_EQ(s.edge.static_file.path, "/srv/t.yml");
  EXPECT_TRUE(s.edge.static_file.named);
  EXPECT_EQ(s.edge.compose.path, "/srv/docker-compose.yml");
  EXPECT_EQ(s.edge_path("/acme.json"), "/etc/traefik/acme.json");
  EXPECT_EQ(s.dns_path("/zones/db.localhost"), "/srv/zones/db.localhost");
  EXPECT_EQ(s.platform.domain, "example.org");
  EXPECT_EQ(s.platform.zones, (std::vector<std::string>{"a.test", "b.test"}));
  EXPECT_EQ(s.cluster.key.path, "/srv/k.pem");
  EXPECT_EQ(s.admin.socket, "/srv/run/admin.sock");
  ASSERT_TRUE(s.admin.listen);
  EXPECT_EQ(s.admin.listen->port, 9000);
  EXPECT_EQ(s.log_level, log::level::debug);
}

TEST(settings, each_mistake_is_named_with_its_place) {
  const std::pair<const char*, const char*> table[] = {
      {"nodes: {}", "s.yml:1:1: error: nodes: unknown key; did you mean \"node\"?"},
      {"Node: {}", "s.yml:1:1: error: Node: unknown key; did you mean \"node\"?"},
      {"node:\n  nam: x", "s.yml:2:3: error: node.nam: unknown key; did you mean \"name\"?"},
      {"node: 3", "s.yml:1:7: error: node: expected a mapping, got \"3\""},
      {"- a", "s.yml:1:1: error: expected a mapping, got a list"},
      {"node: {name: a_b}",
       "s.yml:1:14: error: node.name: expected letters, digits and inner hyphens, at most 63, got "
       "\"a_b\""},
      {"node: {port_offset: -1}",
       "s.yml:1:21: error: node.port_offset: expected a whole number from 0 to 65000, got \"-1\""},
      {"node: {port_offset: [1]}",
       "s.yml:1:21: error: node.port_offset: expected a whole number from 0 to 65000, got a list"},
      {"node: {loops: x}",
       "s.yml:1:15: error: node.loops: expected a whole number from 0 to 1024, got \"x\""},
      {"node: {data_dir: ''}", "s.yml:1:18: error: node.data_dir: expected a path, got \"\""},
      {"redis: {managed: maybe}",
       "s.yml:1:18: error: redis.managed: expected true or false, got \"maybe\""},
      {"redis: {managed: false}", "s.yml:1:18: error: redis: expected a url beside managed: false"},
      {"redis: {managed: true, url: 'redis://h'}",
       "s.yml:1:18: error: redis.managed: expected false beside a url, got \"true\""},
      {"redis: {url: 'http://u:secret@h'}",
       "s.yml:1:14: error: redis.url: expected a url such as redis://user:password@host:6379/0 or "
       "rediss://host"},
      {"platform: {domain: 'a b'}",
       "s.yml:1:20: error: platform.domain: expected a domain name, got \"a b\""},
      {"platform: {zones: [ok, 'x..y']}",
       "s.yml:1:19: error: platform.zones: expected domain names, got \"x..y\""},
      {"platform: {addresses: []}",
       "s.yml:1:23: error: platform.addresses: expected at least one IP address, got a list"},
      {"platform: {addresses: [localhost]}",
       "s.yml:1:23: error: platform.addresses: expected IP addresses, got \"localhost\""},
      {"cluster: {listen: 7443}",
       "s.yml:1:19: error: cluster.listen: expected an address such as :80 or 127.0.0.1:80, got "
       "\"7443\""},
      {"cluster: {listen: 'example.org:1'}",
       "s.yml:1:19: error: cluster.listen: expected an IP address, got \"example.org:1\""},
      {"cluster: {listen: ':1/udp'}",
       "s.yml:1:19: error: cluster.listen: expected a TCP address, got \":1/udp\""},
      {"cluster: {advertise: ':1'}",
       "s.yml:1:22: error: cluster.advertise: expected host:port, got \":1\""},
      {"cluster: {key: k, ca: c}",
       "s.yml:1:1: error: cluster: expected certificate, key and ca together, got 2 of them"},
      {"admin: {listen: ':99999'}",
       "s.yml:1:17: error: admin.listen: expected a port from 0 to 65535 after the last colon, got "
       "\":99999\""},
      {"log: {level: loud}",
       "s.yml:1:14: error: log.level: expected one of debug, info, warning, error, off, got "
       "\"loud\""},
  };
  for (const auto& [text, wanted] : table) EXPECT_EQ(bad(text), lines{wanted}) << text;
}

TEST(settings, every_mistake_is_reported_at_once) {
  EXPECT_EQ(bad("node: {name: -}\nadmim: {}\nlog: {level: x}\n").size(), 3U);
}

TEST(settings, a_missing_file_is_an_error_only_when_it_was_named) {
  diagnostics out;
  EXPECT_EQ(load_settings("/nonexistent/stagedoor.yml", named::by_default, out).node.name,
            "node-1");
  EXPECT_EQ(reported(out), lines{});
  (void)load_settings("/nonexistent/stagedoor.yml", named::explicitly, out);
  EXPECT_EQ(reported(out), lines{"/nonexistent/stagedoor.yml: error: read "
                                 "/nonexistent/stagedoor.yml: No such file or directory"});
}

TEST(settings, a_folder_or_a_device_is_no_file) {
  diagnostics out;
  (void)load_settings("/dev/zero", named::by_default, out);
  (void)load_settings("/tmp", named::by_default, out);
  EXPECT_EQ(out.errors(), 2U);
}

}  // namespace
}  // namespace stagedoor::configs
