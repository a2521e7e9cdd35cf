// SPDX-License-Identifier: Apache-2.0
#include "configs/static_config.hpp"

#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

using namespace std::chrono_literals;

static_config good(std::string_view text) {
  diagnostics out;
  auto c = read_static_config("t.yml", text, out);
  EXPECT_EQ(reported(out), lines{}) << text;
  return c;
}

lines reports(std::string_view text) {
  diagnostics out;
  (void)read_static_config("t.yml", text, out);
  return reported(out);
}

TEST(static_config, without_entry_points_listens_on_port_80) {
  const auto c = good("");
  ASSERT_EQ(c.entry_points.size(), 1U);
  EXPECT_EQ(c.entry_points[0].name, "http");
  EXPECT_EQ(to_string(c.entry_points[0].address), ":80");
  EXPECT_EQ(c.provider_throttle, 2s);
  EXPECT_EQ(c.upstream.idle_per_host, 200U);
  EXPECT_EQ(c.entry_points[0].read_timeout, 60s);
  EXPECT_EQ(c.entry_points[0].idle_timeout, 180s);
  EXPECT_EQ(c.entry_points[0].grace_timeout, 10s);
}

TEST(static_config, keys_are_matched_in_any_case) {
  const auto c = good("ENTRYPOINTS:\n  Web:\n    ADDRESS: ':81'\n    asdefault: T\n");
  ASSERT_EQ(c.entry_points.size(), 1U);
  EXPECT_EQ(c.entry_points[0].name, "Web");
  EXPECT_EQ(c.entry_points[0].address.port, 81);
  EXPECT_TRUE(c.entry_points[0].as_default);
}

TEST(static_config, reads_an_entry_point_in_full) {
  const auto c = good(R"yml(
entryPoints:
  web:
    address: 127.0.0.1:80/tcp
    http:
      redirections:
        entryPoint: { to: websecure, scheme: https, permanent: false, priority: 7 }
  websecure:
    address: "[::1]:443"
    asDefault: true
    http:
      middlewares: [a@file, b]
      tls:
        certResolver: le
        options: modern@file
        domains: [{ main: example.org, sans: ["*.example.org"] }]
      encodeQuerySemicolons: true
      sanitizePath: false
      maxHeaderBytes: 65536
    transport:
      lifeCycle: { requestAcceptGraceTimeout: 5, graceTimeOut: 1m }
      respondingTimeouts: { readTimeout: 5, writeTimeout: 0, idleTimeout: 90s }
      keepAliveMaxRequests: 100
      keepAliveMaxTime: 1h
    forwardedHeaders: { insecure: false, trustedIPs: "10.0.0.0/8, 192.0.2.1" }
    proxyProtocol: { trustedIPs: [127.0.0.1] }
    http2: { maxConcurrentStreams: 42 }
certificatesResolvers:
  le: { acme: { email: a@b.c, httpChallenge: { entryPoint: web } } }
)yml");
  const auto* web = c.find_entry_point("web");
  ASSERT_NE(web, nullptr);
  ASSERT_TRUE(web->redirection);
  EXPECT_EQ(web->redirection->to, "websecure");
  EXPECT_FALSE(web->redirection->permanent);
  EXPECT_EQ(web->redirection->priority, 7);
  const auto& e = *c.find_entry_point("websecure");
  EXPECT_EQ(to_string(e.address), "[::1]:443");
  EXPECT_EQ(e.middlewares, (std::vector<std::string>{"a@file", "b"}));
  ASSERT_TRUE(e.tls);
  EXPECT_EQ(e.tls->cert_resolver, "le");
  EXPECT_EQ(e.tls->options, "modern@file");
  EXPECT_EQ(e.tls->domains, (std::vector<tls_domain>{{"example.org", {"*.example.org"}}}));
  EXPECT_TRUE(e.encode_query_semicolons);
  EXPECT_FALSE(e.sanitize_path);
  EXPECT_EQ(e.header_bytes, 65536U);
  EXPECT_EQ(e.request_accept_grace, 5s);
  EXPECT_EQ(e.grace_timeout, 1min);
  EXPECT_EQ(e.read_timeout, 5s);
  EXPECT_EQ(e.write_timeout, 0s);
  EXPECT_EQ(e.idle_timeout, 90s);
  EXPECT_EQ(e.keep_alive_max_requests, 100U);
  EXPECT_EQ(e.keep_alive_max_time, 1h);
  EXPECT_EQ(e.forwarded_headers.trusted_ips, (std::vector<std::string>{"10.0.0.0/8", "192.0.2.1"}));
  ASSERT_TRUE(e.proxy_protocol);
  EXPECT_EQ(e.http2_streams, 42U);
  EXPECT_EQ(c.default_entry_points(), std::vector<std::string>{"websecure"});
}

TEST(static_config, reads_resolvers_providers_and_logs) {
  const auto c = good(R"yml(
entryPoints: { web: { address: ":80" } }
certificatesResolvers:
  dns:
    acme:
      email: admin@kanban.domain
      storage: /acme-dns.json
      caServer: https://ca.example/dir
      keyType: ec256
      certificatesDuration: 168
      eab: { kid: k, hmacEncoded: aGk }
      dnsChallenge: { provider: cloudflare, delayBeforeCheck: 10 }
  tls: { acme: { tlsChallenge: true } }
providers:
  providersThrottleDuration: 500ms
  docker: { endpoint: "tcp://127.0.0.1:2375", exposedByDefault: false, network: n, defaultRule: "Host(`x`)" }
  file: { filename: /dynamic.yml, watch: false }
ping: { entryPoint: web, terminatingStatusCode: 204 }
log: { level: info, format: json, filePath: /var/log/t.log }
accessLog: { filePath: /a.log, format: json, bufferingSize: 100, filters: { statusCodes: ["200", 300-302], retryAttempts: true, minDuration: 10ms } }
serversTransport: { insecureSkipVerify: true, maxIdleConnsPerHost: 7, forwardingTimeouts: { dialTimeout: 1s } }
)yml");
  const auto* dns = c.find_resolver("dns");
  ASSERT_NE(dns, nullptr);
  EXPECT_EQ(dns->storage, "/acme-dns.json");
  EXPECT_EQ(dns->key_type, "EC256");
  EXPECT_EQ(dns->certificates_duration, 168h);
  ASSERT_TRUE(dns->eab);
  EXPECT_EQ(dns->eab->kid, "k");
  ASSERT_TRUE(dns->dns_challenge);
  EXPECT_EQ(dns->dns_challenge->provider, "cloudflare");
  EXPECT_EQ(dns->dns_challenge->delay_before_check, 10s);
  EXPECT_TRUE(c.find_resolver("tls")->tls_challenge);
  EXPECT_EQ(c.provider_throttle, 500ms);
  ASSERT_TRUE(c.docker);
  EXPECT_FALSE(c.docker->exposed_by_default);
  EXPECT_EQ(c.docker->default_rule, "Host(`x`)");
  ASSERT_TRUE(c.file);
  EXPECT_EQ(c.file->filename, "/dynamic.yml");
  EXPECT_FALSE(c.file->watch);
  ASSERT_TRUE(c.ping);
  EXPECT_EQ(c.ping->terminating_status, 204);
  EXPECT_EQ(c.log.level, "INFO");
  ASSERT_TRUE(c.access_log);
  EXPECT_EQ(c.access_log->format, "json");
  EXPECT_EQ(c.access_log->status_codes, (std::vector<std::string>{"200", "300-302"}));
  EXPECT_EQ(c.access_log->min_duration, 10ms);
  EXPECT_EQ(c.upstream.dial_timeout, 1s);
  EXPECT_EQ(c.upstream.idle_per_host, 7U);
}

TEST(static_config, presence_alone_switches_a_section_on) {
  for (const char* text : {"ping:", "ping: {}", "ping: true"}) EXPECT_TRUE(good(text).ping) << text;
  EXPECT_FALSE(good("ping: false").ping);
  EXPECT_FALSE(good("log: {}").ping);
  EXPECT_TRUE(good("accessLog: {}").access_log);
}

TEST(static_config, the_entry_point_traefik_appears_when_something_needs_it) {
  EXPECT_NE(good("ping: {}").find_entry_point("traefik"), nullptr);
  EXPECT_EQ(good("ping: {}").default_entry_points(), std::vector<std::string>{"http"});
  EXPECT_EQ(good("ping: {manualRouting: true}").find_entry_point("traefik"), nullptr);
  EXPECT_EQ(good("").find_entry_point("traefik"), nullptr);
  const auto own = good("ping: {}\nentryPoints: {traefik: {address: ':9000'}}");
  ASSERT_EQ(own.entry_points.size(), 1U);
  EXPECT_EQ(own.entry_points[0].address.port, 9000);
}

TEST(static_config, what_is_known_but_not_acted_on_is_one_warning) {
  EXPECT_EQ(reports("metrics:\n  prometheus: {}\ntracing: {}\nproviders:\n  consul: {}\napi:\n  "
                    "dashboard: true\n"),
            lines{"t.yml: warning: known to Traefik, not acted on here: providers.consul (5:3), "
                  "api.dashboard (7:3), "
                  "metrics (1:1), tracing (3:1)"});
}

TEST(static_config, each_mistake_is_named_with_its_place) {
  const std::pair<const char*, const char*> table[] = {
      {"entryPoint: {}",
       "t.yml:1:1: error: entryPoint: unknown key; did you mean \"entryPoints\"?"},
      {"entryPoints:\n  web:\n    adress: ':80'\n    address: ':80'",
       "t.yml:3:5: error: entryPoints.web.adress: unknown key; did you mean \"address\"?"},
      {"entryPoints: {web: {}}",
       "t.yml:1:15: error: entryPoints.web.address: expected an address such as :80 or "
       "127.0.0.1:80, got nothing"},
      {"entryPoints: {web: {address: 80}}",
       "t.yml:1:30: error: entryPoints.web.address: expected an address such as :80 or "
       "127.0.0.1:80, got \"80\""},
      {"entryPoints: {web: {address: ':80/udp'}}",
       "t.yml:1:30: error: entryPoints.web: UDP entry points are not implemented"},
      {"entryPoints: [web]",
       "t.yml:1:14: error: entryPoints: expected a mapping of names, got a list"},
      {"entryPoints: {web: ':80'}",
       "t.yml:1:20: error: entryPoints.web: expected a mapping, got \":80\""},
      {"entryPoints: {a: {address: ':80'}, b: {address: ':80'}}",
       "t.yml:1:36: error: entryPoints.b.address: :80 is taken by entry point \"a\""},
      {"entryPoints:\n  web: {address: ':80', http: {redirections: {entryPoint: {to: "
       "websecur}}}}\n  websecure: {address: ':443'}",
       "t.yml:2:64: error: entryPoints.web.http.redirections: there is no entry point "
       "\"websecur\"; did you mean \"websecure\"?"},
      {"entryPoints: {web: {address: ':80', http: {redirections: {entryPoint: {scheme: https}}}}}",
       "t.yml:1:59: error: entryPoints.web.http.redirections.entryPoint.to: expected an entry "
       "point's name or :port, got nothing"},
      {"entryPoints: {web: {address: ':80', http: {tls: {certResolver: le}}}}",
       "t.yml:1:64: error: entryPoints.web.http.tls: there is no certificate resolver \"le\""},
      {"entryPoints: {web: {address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.0/40]}}}",
       "t.yml:1:68: error: entryPoints.web.forwardedHeaders.trustedIPs: expected an IP address or "
       "CIDR block, got \"10.0.0.0/40\""},
      {"entryPoints: {web: {address: ':80', transport: {respondingTimeouts: {readTimeout: soon}}}}",
       "t.yml:1:83: error: entryPoints.web.transport.respondingTimeouts.readTimeout: expected a "
       "duration such as 30s, "
       "1m30s or 500ms, or whole seconds, got \"soon\""},
      {"entryPoints: {web: {address: ':80', transport: {keepAliveMaxTime: -1s}}}",
       "t.yml:1:67: error: entryPoints.web.transport.keepAliveMaxTime: expected a duration that is "
       "not negative, got \"-1s\""},
      {"entryPoints: {web: {address: ':80', asDefault: yes}}",
       "t.yml:1:48: error: entryPoints.web.asDefault: expected true or false, got \"yes\""},
      {"certificatesResolvers: {le: {acme: {httpChallenge: {entryPoint: wob}}}}\nentryPoints: "
       "{web: {address: ':80'}}",
       "t.yml:1:65: error: certificatesResolvers.le.acme.httpChallenge: there is no entry point "
       "\"wob\"; did you mean \"web\"?"},
      {"certificatesResolvers: {le: {acme: {dnsChallenge: {delayBeforeCheck: 1}}}}",
       "t.yml:1:37: error: certificatesResolvers.le.acme.dnsChallenge.provider: expected the name "
       "of a DNS provider, got nothing"},
      {"certificatesResolvers: {le: {acme: {keyType: RSA1024}}}",
       "t.yml:1:46: error: certificatesResolvers.le.acme.keyType: expected one of EC256, EC384, "
       "RSA2048, RSA4096, RSA8192, got \"RSA1024\""},
      {"certificatesResolvers: {le: {acme: {caServer: ftp://x}}}",
       "t.yml:1:47: error: certificatesResolvers.le.acme.caServer: expected an http or https url, "
       "got \"ftp://x\""},
      {"providers: {file: {}}",
       "t.yml:1:13: error: providers.file: expected either filename or directory, got neither"},
      {"providers: {file: {filename: a, directory: b}}",
       "t.yml:1:13: error: providers.file: expected either filename or directory, got both"},
      {"providers: {docker: {swarmMode: true}}",
       "t.yml:1:22: error: providers.docker.swarmMode is not an option any more: use "
       "providers.swarm"},
      {"providers: {dockr: {}}",
       "t.yml:1:13: error: providers.dockr: unknown key; did you mean \"docker\"?"},
      {"pilot: {token: x}",
       "t.yml:1:1: error: pilot is not an option any more: Traefik v3 has no Pilot"},
      {"http: {routers: {}}",
       "t.yml:1:1: error: http is not an option any more: routers, services and middlewares belong "
       "in the files of providers.file"},
      {"log: {level: LOUD}",
       "t.yml:1:14: error: log.level: expected one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL, "
       "PANIC, got \"LOUD\""},
      {"ping: {terminatingStatusCode: 99}",
       "t.yml:1:31: error: ping.terminatingStatusCode: expected a whole number from 100 to 599, "
       "got \"99\""},
      {"ping: 7", "t.yml:1:7: error: ping: expected a mapping, true or false, got \"7\""},
      {"log: {Level: INFO, level: INFO}",
       "t.yml:1:20: error: log.level is given twice, in two spellings"},
      {"a", "t.yml:1:1: error: expected a mapping, got \"a\""},
  };
  for (const auto& [text, wanted] : table) EXPECT_EQ(reports(text), lines{wanted}) << text;
}

}  // namespace
}  // namespace stagedoor::configs
