// SPDX-License-Identifier: Apache-2.0
#include "configs/dynamic_config.hpp"

#include "configs/file_provider.hpp"
#include "configs/service_reader.hpp"
#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

using namespace std::chrono_literals;

dynamic_config good(std::string_view text, const lines& expected = {}) {
  diagnostics out;
  auto file = read_dynamic_file("d.yml", text, variables(), out);
  EXPECT_EQ(reported(out), expected) << text;
  EXPECT_TRUE(file.good);
  return file.config;
}

lines reports(std::string_view text) {
  diagnostics out;
  const auto file = read_dynamic_file("d.yml", text, variables(), out);
  EXPECT_EQ(file.good, !out.has_errors());
  return reported(out);
}

template <class Kind>
Kind middleware_of(std::string_view body) {
  const auto c = good("http: {middlewares: {m: " + std::string(body) + "}}");
  if (c.middlewares.size() != 1 || !std::holds_alternative<Kind>(c.middlewares[0].kind)) {
    ADD_FAILURE() << body;
    return {};
  }
  return std::get<Kind>(c.middlewares[0].kind);
}

TEST(dynamic_config, reads_a_router_with_the_place_of_its_rule) {
  const auto c = good(R"yml(http:
  routers:
    web:
      rule: "Host(`a.b`)"
      service: web
      entryPoints: [websecure]
      middlewares: [secure, other@docker]
      priority: -7
      tls: { certResolver: le }
)yml");
  ASSERT_EQ(c.routers.size(), 1U);
  const auto& r = c.routers[0];
  EXPECT_EQ(r.name, "web@file");
  EXPECT_EQ(r.where, (location{"d.yml", 3, 5}));
  EXPECT_EQ(r.rule, "Host(`a.b`)");
  EXPECT_EQ(r.rule_at, (location{"d.yml", 4, 13}));
  EXPECT_EQ(r.service.name, "web@file");
  EXPECT_EQ(r.entry_points.at(0).name, "websecure");
  EXPECT_EQ(r.middlewares.at(0).name, "secure@file");
  EXPECT_EQ(r.middlewares.at(1).name, "other@docker");
  EXPECT_EQ(r.middlewares.at(1).where, (location{"d.yml", 7, 29}));
  EXPECT_EQ(r.priority, -7);
  ASSERT_TRUE(r.tls);
  EXPECT_EQ(r.tls->cert_resolver, "le");
}

TEST(dynamic_config, reads_a_load_balancer) {
  const auto c = good(R"yml(
http:
  services:
    s:
      loadBalancer:
        servers:
          - { url: "http://127.0.0.1:9001", weight: 3 }
          - { url: "https://[::1]:9002", preservePath: true }
        strategy: p2c
        passHostHeader: false
        healthCheck: { path: /health, interval: 10s, timeout: 1, status: 204, headers: { X: y } }
        sticky: { cookie: { name: c, secure: true, sameSite: lax, maxAge: -1 } }
        serversTransport: t
        responseForwarding: { flushInterval: -1 }
  serversTransports:
    t: { serverName: x, insecureSkipVerify: true, rootCAs: [a.pem], forwardingTimeouts: { dialTimeout: 2s } }
)yml",
                      {"d.yml: warning: known to Traefik, not acted on here: "
                       "http.services.s.loadBalancer.healthCheck (11:9)"});
  const auto& b = std::get<load_balancer>(c.services.at(0).kind);
  ASSERT_EQ(b.servers.size(), 2U);
  EXPECT_EQ(b.servers[0].weight, 3U);
  EXPECT_TRUE(b.servers[1].preserve_path);
  EXPECT_EQ(b.strategy, "p2c");
  EXPECT_FALSE(b.pass_host_header);
  ASSERT_TRUE(b.check);
  EXPECT_EQ(b.check->interval, 10s);
  EXPECT_EQ(b.check->unhealthy_interval, 10s);
  EXPECT_EQ(b.check->timeout, 1s);
  EXPECT_EQ(b.check->headers.at(0).second, "y");
  ASSERT_TRUE(b.sticky);
  EXPECT_EQ(b.sticky->same_site, "lax");
  EXPECT_EQ(b.sticky->max_age, -1);
  EXPECT_EQ(b.transport.name, "t@file");
  EXPECT_LT(b.flush_interval, 0s);
  EXPECT_EQ(c.transports.at(0).dial_timeout, 2s);
}

TEST(dynamic_config, reads_weighted_and_marks_what_is_not_implemented) {
  const auto c = good(R"yml(
http:
  services:
    w: { weighted: { services: [{ name: a, weight: 3 }, { name: b@docker }], healthCheck: {} } }
    m: { mirroring: { service: a } }
)yml",
                      {"d.yml: warning: known to Traefik, not acted on here: "
                       "http.services.w.weighted.healthCheck (4:78)"});
  const auto& w = std::get<weighted_service>(c.services.at(0).kind);
  EXPECT_EQ(w.parts.at(0).service.name, "a@file");
  EXPECT_EQ(w.parts.at(0).weight, 3U);
  EXPECT_EQ(w.parts.at(1).service.name, "b@docker");
  EXPECT_TRUE(w.propagate_health);
  EXPECT_EQ(std::get<unsupported_service>(c.services.at(1).kind).kind, "mirroring");
}

TEST(dynamic_config, reads_the_middlewares_of_the_infrastructure_page) {
  const auto c = good(R"yml(
http:
  middlewares:
    secure-headers:
      headers: { frameDeny: true, contentTypeNosniff: true, browserXssFilter: true, stsIncludeSubdomains: true, stsSeconds: 31536000 }
    rate-limit:
      rateLimit: { average: 100, burst: 50 }
    compress:
      compress: {}
)yml");
  const auto& h = std::get<headers_middleware>(c.middlewares.at(0).kind);
  EXPECT_TRUE(h.frame_deny && h.content_type_nosniff && h.browser_xss_filter &&
              h.sts_include_subdomains);
  EXPECT_EQ(h.sts_seconds, 31536000);
  const auto& r = std::get<rate_limit_middleware>(c.middlewares.at(1).kind);
  EXPECT_EQ(r.average, 100);
  EXPECT_EQ(r.burst, 50);
  EXPECT_EQ(r.period, 1s);
  EXPECT_EQ(std::get<compress_middleware>(c.middlewares.at(2).kind), compress_middleware{});
}

TEST(dynamic_config, reads_every_implemented_kind_of_middleware) {
  const auto headers = middleware_of<headers_middleware>(
      "{headers: {customRequestHeaders: {X-A: b, X-C: ''}, customResponseHeaders: {Server: ''}, "
      "accessControlMaxAge: 5, "
      "accessControlAllowOriginList: 'https://a, https://b', addVaryHeader: true, sslProxyHeaders: "
      "{X-F: https}, "
      "allowedHosts: [a], forceSTSHeader: true, referrerPolicy: no-referrer, "
      "contentSecurityPolicy: x}}");
  EXPECT_EQ(headers.custom_request_headers, (header_pairs{{"X-A", "b"}, {"X-C", ""}}));
  EXPECT_EQ(headers.cors.allow_origins, (std::vector<std::string>{"https://a", "https://b"}));
  EXPECT_EQ(headers.cors.max_age, 5);
  const auto limit = middleware_of<rate_limit_middleware>(
      "{rateLimit: {average: 1, period: 1m, sourceCriterion: {ipStrategy: {depth: 2, excludedIPs: "
      "[10.0.0.1], ipv6Subnet: 64}}}}");
  EXPECT_EQ(limit.period, 1min);
  EXPECT_EQ(limit.source.ip_depth, 2U);
  EXPECT_EQ(limit.source.ipv6_subnet, 64U);
  EXPECT_EQ(
      middleware_of<compress_middleware>("{compress: {encodings: [br], minResponseBodyBytes: 9}}")
          .encodings,
      std::vector<std::string>{"br"});
  EXPECT_EQ(middleware_of<compress_middleware>("{compress: true}"), compress_middleware{});
  EXPECT_EQ(middleware_of<redirect_scheme_middleware>(
                "{redirectScheme: {scheme: https, port: 8443, permanent: true}}")
                .port,
            "8443");
  EXPECT_EQ(middleware_of<redirect_regex_middleware>("{redirectRegex: {regex: ^a, replacement: b}}")
                .replacement,
            "b");
  EXPECT_EQ(
      middleware_of<strip_prefix_middleware>("{stripPrefix: {prefixes: [/a, /b]}}").prefixes.size(),
      2U);
  EXPECT_EQ(middleware_of<add_prefix_middleware>("{addPrefix: {prefix: /x}}").prefix, "/x");
  EXPECT_EQ(middleware_of<replace_path_middleware>("{replacePath: {path: /y}}").path, "/y");
  EXPECT_EQ(middleware_of<chain_middleware>("{chain: {middlewares: [a, b@docker]}}").middlewares,
            (std::vector<std::string>{"a@file", "b@docker"}));
  EXPECT_EQ(middleware_of<basic_auth_middleware>("{basicAuth: {users: ['u:$apr1$x']}}").realm,
            "traefik");
  EXPECT_EQ(middleware_of<unsupported_middleware>("{circuitBreaker: {expression: x}}").kind,
            "circuitBreaker");
}

TEST(dynamic_config, reads_tls) {
  const auto c = good(R"yml(
tls:
  certificates: [{ certFile: /c.pem, keyFile: /k.pem, stores: [default] }]
  options: { default: { minVersion: VersionTLS13 }, modern: { sniStrict: true, alpnProtocols: [http/1.1] } }
  stores: { default: { defaultCertificate: { certFile: a, keyFile: b } } }
)yml");
  EXPECT_EQ(c.certificates.at(0).cert_file, "/c.pem");
  EXPECT_EQ(c.options.at(0).name, "default");
  EXPECT_EQ(c.options.at(0).min_version, "VersionTLS13");
  EXPECT_EQ(c.options.at(1).name, "modern@file");
  ASSERT_TRUE(c.stores.at(0).default_certificate);
}

TEST(dynamic_config, each_mistake_is_named_with_its_place) {
  const std::pair<const char*, const char*> table[] = {
      {"htp: {}", "d.yml:1:1: error: htp: unknown key; did you mean \"http\"?"},
      {"http: {router: {}}",
       "d.yml:1:8: error: http.router: unknown key; did you mean \"routers\"?"},
      {"http: {routers: {r: {rul: x}}}",
       "d.yml:1:22: error: http.routers.r.rul: unknown key; did you mean \"rule\"?"},
      {"http: {routers: {r: {priority: 9223372036854775000}}}",
       "d.yml:1:32: error: http.routers.r.priority: expected a whole number from "
       "-9223372036854775807 to "
       "9223372036854774807, got \"9223372036854775000\""},
      {"http: {routers: {r: {priority: high}}}",
       "d.yml:1:32: error: http.routers.r.priority: expected a whole number from "
       "-9223372036854775807 to "
       "9223372036854774807, got \"high\""},
      {"http: {services: {s: {}}}",
       "d.yml:1:19: error: http.services.s: expected one kind of service, got 0"},
      {"http: {services: {s: {loadBalancer: {}, weighted: {services: [{name: a}]}}}}",
       "d.yml:1:19: error: http.services.s: expected one kind of service, got 2"},
      {"http: {services: {s: {loadbalancers: {}}}}",
       "d.yml:1:23: error: http.services.s.loadbalancers: unknown key; did you mean "
       "\"loadBalancer\"?"},
      {"http: {services: {s: {loadBalancer: {servers: [{url: 127.0.0.1}]}}}}",
       "d.yml:1:54: error: http.services.s.loadBalancer.servers[0].url: expected http://host:port, "
       "https://host:port or "
       "h2c://host:port, got \"127.0.0.1\""},
      {"http: {services: {s: {loadBalancer: {servers: [x]}}}}",
       "d.yml:1:48: error: http.services.s.loadBalancer.servers[0]: expected a mapping, got \"x\""},
      {"http: {services: {s: {loadBalancer: {strategy: best}}}}",
       "d.yml:1:48: error: http.services.s.loadBalancer.strategy: expected one of wrr, p2c, hrw, "
       "leasttime, got \"best\""},
      {"http: {middlewares: {m: {}}}",
       "d.yml:1:22: error: http.middlewares.m: expected a kind of middleware, got nothing"},
      {"http: {middlewares: {m: {compress: false}}}",
       "d.yml:1:22: error: http.middlewares.m: expected a kind of middleware, got nothing"},
      {"http: {middlewares: {m: {compres: {}}}}",
       "d.yml:1:26: error: http.middlewares.m.compres: unknown key; did you mean \"compress\"?"},
      {"http: {middlewares: {m: {compress: {}, retry: {}}}}",
       "d.yml:1:22: error: http.middlewares.m: expected one kind of middleware, got 2"},
      {"http: {middlewares: {m: {ipWhiteList: {}}}}",
       "d.yml:1:26: error: http.middlewares.m.ipWhiteList is not an option any more: use "
       "ipAllowList"},
      {"http: {middlewares: {m: {headers: {sslRedirect: true}}}}",
       "d.yml:1:36: error: http.middlewares.m.headers.sslRedirect is not an option any more: use "
       "the redirectScheme "
       "middleware or an entry point's redirections"},
      {"http: {middlewares: {m: {headers: {framDeny: true}}}}",
       "d.yml:1:36: error: http.middlewares.m.headers.framDeny: unknown key; did you mean "
       "\"frameDeny\"?"},
      {"http: {middlewares: {m: {rateLimit: {average: -1}}}}",
       "d.yml:1:47: error: http.middlewares.m.rateLimit.average: expected a whole number of at "
       "least 0, got \"-1\""},
      {"http: {middlewares: {m: {rateLimit: {sourceCriterion: {requestHost: true, "
       "requestHeaderName: x}}}}}",
       "d.yml:1:38: error: http.middlewares.m.rateLimit.sourceCriterion: expected one of "
       "ipStrategy, requestHeaderName "
       "and requestHost, got 2 of them"},
      {"http: {middlewares: {m: {compress: {encodings: [lzma]}}}}",
       "d.yml:1:48: error: http.middlewares.m.compress.encodings: expected gzip, br or zstd, got "
       "\"lzma\""},
      {"http: {middlewares: {m: {basicAuth: {users: [nobody]}}}}",
       "d.yml:1:45: error: http.middlewares.m.basicAuth.users: expected name:hash, as htpasswd "
       "writes it"},
      {"http: {middlewares: {m: {stripPrefix: {}}}}",
       "d.yml:1:26: error: http.middlewares.m.stripPrefix.prefixes: expected at least one path "
       "prefix, got nothing"},
      {"tls: {certificates: [{certFile: a}]}",
       "d.yml:1:22: error: tls.certificates[0].keyFile: expected a path or a PEM text, got "
       "nothing"},
      {"tls: {options: {o: {minVersion: TLS13}}}",
       "d.yml:1:33: error: tls.options.o.minVersion: expected one of VersionTLS10, VersionTLS11, "
       "VersionTLS12, "
       "VersionTLS13, got \"TLS13\""},
      {"tcp: {routers: {}}", "d.yml: warning: known to Traefik, not acted on here: tcp (1:1)"},
      {"[]", "d.yml:1:1: error: expected a mapping, got a list"},
  };
  for (const auto& [text, wanted] : table) EXPECT_EQ(reports(text), lines{wanted}) << text;
}

TEST(dynamic_config, a_health_check_is_judged_although_nothing_acts_on_it) {
  EXPECT_EQ(reports("http: {services: {s: {loadBalancer: {healthCheck: {interval: 0}}}}}"),
            (lines{"d.yml: warning: known to Traefik, not acted on here: "
                   "http.services.s.loadBalancer.healthCheck (1:38)",
                   "d.yml:1:62: error: http.services.s.loadBalancer.healthCheck.interval: expected "
                   "a duration above zero, got \"0\""}));
}

TEST(dynamic_config, one_bad_element_leaves_the_others_readable) {
  diagnostics out;
  const auto file = read_dynamic_file(
      "d.yml", "http: {middlewares: {a: {compress: {}}, b: {compress: {x: y}}, c: {compress: {}}}}",
      variables(), out);
  EXPECT_FALSE(file.good);
  ASSERT_EQ(file.config.middlewares.size(), 2U);
  EXPECT_EQ(file.config.broken, std::vector<std::string>{"b@file"});
}

TEST(server_url, needs_a_scheme_and_a_host) {
  for (const char* url :
       {"http://a", "HTTPS://a:1/x?y", "h2c://127.0.0.1:80", "http://[::1]", "http://[::1]:80/"})
    EXPECT_TRUE(is_server_url(url)) << url;
  for (const char* url : {"", "http://", "a:80", "ftp://a", "http://a:0", "http://a:x",
                          "http://u@a", "http://a b", "http:///x"})
    EXPECT_FALSE(is_server_url(url)) << url;
}

}  // namespace
}  // namespace stagedoor::configs
