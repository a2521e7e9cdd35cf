// SPDX-License-Identifier: Apache-2.0
#include "configs/static_config.hpp"

#include "configs/entry_point_reader.hpp"
#include "configs/yaml_document.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

void read_api(section& s, static_config& out) {
  api_settings api;
  s.boolean("dashboard", api.dashboard);
  s.boolean("insecure", api.insecure);
  s.idle({"dashboard", "insecure", "basePath", "debug", "disableDashboardAd", "dashboardName"});
  out.api = api;
}

void read_ping(section& s, static_config& out) {
  ping_settings ping;
  s.text("entryPoint", ping.entry_point);
  s.boolean("manualRouting", ping.manual_routing);
  s.number("terminatingStatusCode", ping.terminating_status, 100, 599);
  out.ping = std::move(ping);
}

void read_log(section& s, static_config& out) {
  s.one_of("level", out.log.level, {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "PANIC"});
  s.one_of("format", out.log.format, {"common", "json"});
  s.text("filePath", out.log.file_path);
  s.idle({"noColor", "maxSize", "maxAge", "maxBackups", "compress", "otlp"});
}

bool is_status_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = ascii::parse_number<std::uint16_t>(text.substr(0, dash));
  const auto last = dash == std::string_view::npos
                        ? first
                        : ascii::parse_number<std::uint16_t>(text.substr(dash + 1));
  return first && last && *first >= 100 && *first <= *last && *last <= 599;
}

void read_access_log(section& s, static_config& out) {
  access_log_settings log;
  s.text("filePath", log.file_path);
  s.one_of("format", log.format, {"common", "json", "genericCLF"});
  s.number("bufferingSize", log.buffering_size, 0, 1'000'000);
  s.presence("filters", [&](section& f) {
    f.list("statusCodes", log.status_codes);
    for (std::size_t i = 0; i < log.status_codes.size(); ++i)
      if (!is_status_range(log.status_codes[i]))
        f.context().out.expected(f.item_at("statusCodes", i), f.path("statusCodes"),
                                 "a status such as 404 or a range such as 500-599",
                                 shown(log.status_codes[i]));
    f.boolean("retryAttempts", log.retry_attempts);
    f.duration("minDuration", log.min_duration);
  });
  s.idle({"fields", "addInternals", "otlp", "dualOutput"});
  out.access_log = std::move(log);
}

void read_docker(section& s, static_config& out) {
  docker_provider docker;
  docker.where = s.where();
  s.text("endpoint", docker.endpoint);
  s.boolean("exposedByDefault", docker.exposed_by_default);
  s.boolean("watch", docker.watch);
  s.text("network", docker.network);
  s.text("defaultRule", docker.default_rule);
  docker.default_rule_at = s.where("defaultRule");
  s.boolean("allowEmptyServices", docker.allow_empty_services);
  s.boolean("useBindPortIP", docker.use_bind_port_ip);
  s.idle({"constraints", "username", "password", "tls", "httpClientTimeout"});
  s.removed("swarmMode", "use providers.swarm");
  s.removed("swarmModeRefreshSeconds", "use providers.swarm.refreshSeconds");
  out.docker = std::move(docker);
}

void read_file(section& s, static_config& out) {
  file_provider file;
  file.where = s.where();
  s.text("filename", file.filename);
  s.text("directory", file.directory);
  s.boolean("watch", file.watch);
  s.idle({"debugLogGeneratedTemplate"});
  if (file.filename.empty() == file.directory.empty())
    s.context().out.error(file.where,
                          fmt::format("{}: expected either filename or directory, got {}", s.path(),
                                      file.filename.empty() ? "neither" : "both"));
  out.file = std::move(file);
}

void read_providers(section& s, static_config& out) {
  s.duration("providersThrottleDuration", out.provider_throttle);
  s.presence("docker", [&](section& d) { read_docker(d, out); });
  s.presence("file", [&](section& f) { read_file(f, out); });
  s.idle({"precedence", "swarm", "kubernetesIngress", "kubernetesIngressNGINX", "kubernetesCRD",
          "kubernetesGateway", "knative", "rest", "consulCatalog", "nomad", "ecs", "consul", "etcd",
          "zooKeeper", "redis", "http", "plugin"});
  s.removed("marathon", "Traefik v3 has no Marathon provider");
  s.removed("rancher", "Traefik v3 has no Rancher provider");
}

void read_dns_challenge(section& s, certificate_resolver& out) {
  acme_dns_challenge dns;
  dns.where = s.where();
  s.text("provider", dns.provider);
  s.list("resolvers", dns.resolvers);
  s.duration("delayBeforeCheck", dns.delay_before_check);
  s.boolean("disablePropagationCheck", dns.disable_propagation_check);
  s.block("propagation", [&](section& p) {
    p.boolean("disableChecks", dns.disable_propagation_check);
    p.duration("delayBeforeChecks", dns.delay_before_check);
    p.idle({"disableANSChecks", "requireAllRNS"});
  });
  if (dns.provider.empty()) s.error("provider", "the name of a DNS provider");
  out.dns_challenge = std::move(dns);
}

void read_acme(section& s, certificate_resolver& out) {
  s.text("email", out.email);
  s.text("caServer", out.ca_server);
  s.text("storage", out.storage);
  s.one_of("keyType", out.key_type, {"EC256", "EC384", "RSA2048", "RSA4096", "RSA8192"});
  s.text("preferredChain", out.preferred_chain);
  s.text("profile", out.profile);
  s.list("caCertificates", out.ca_certificates);
  std::int64_t lifetime_hours = defaults::certificate_lifetime.count();
  s.number("certificatesDuration", lifetime_hours, 1, 1'000'000);
  out.certificates_duration = defaults::hours{lifetime_hours};
  s.block("eab", [&](section& e) {
    external_account eab;
    e.text("kid", eab.kid);
    e.text("hmacEncoded", eab.hmac);
    if (eab.kid.empty()) e.error("kid", "the key id that the CA handed out");
    if (eab.hmac.empty()) e.error("hmacEncoded", "the base64url key that the CA handed out");
    out.eab = std::move(eab);
  });
  s.presence("httpChallenge", [&](section& h) {
    acme_http_challenge http;
    http.where = h.where("entryPoint");
    h.text("entryPoint", http.entry_point);
    h.idle({"delay"});
    out.http_challenge = std::move(http);
  });
  s.presence("tlsChallenge", [&](section& t) {
    t.idle({"delay"});
    out.tls_challenge = true;
  });
  s.block("dnsChallenge", [&](section& d) { read_dns_challenge(d, out); });
  s.idle({"emailAddresses", "caSystemCertPool", "caServerName", "clientTimeout",
          "clientResponseHeaderTimeout", "disableCommonName"});
  const bool plain_url =
      out.ca_server.starts_with("http://") || out.ca_server.starts_with("https://");
  if (!plain_url) s.error("caServer", "an http or https url");
}

void read_resolvers(section& s, static_config& out) {
  s.each("certificatesResolvers", [&](const std::string& name, section& r) {
    certificate_resolver resolver;
    resolver.name = name;
    resolver.where = r.where();
    r.block("acme", [&](section& a) { read_acme(a, resolver); });
    r.idle({"tailscale"});
    out.resolvers.push_back(std::move(resolver));
  });
}

void read_upstream(section& s, upstream_defaults& out) {
  s.boolean("insecureSkipVerify", out.insecure_skip_verify);
  s.list("rootCAs", out.root_cas);
  s.number("maxIdleConnsPerHost", out.idle_per_host, 0, 1'000'000);
  s.block("forwardingTimeouts", [&](section& f) {
    f.duration("dialTimeout", out.dial_timeout);
    f.duration("responseHeaderTimeout", out.response_header_timeout);
    f.duration("idleConnTimeout", out.idle_timeout);
  });
  s.idle({"cipherSuites", "minVersion", "maxVersion", "spiffe"});
}

void read_root(section& s, static_config& out) {
  s.each("entryPoints", [&](const std::string& name, section& e) {
    out.entry_points.push_back(read_entry_point(name, e));
  });
  read_resolvers(s, out);
  s.block("providers", [&](section& p) { read_providers(p, out); });
  s.presence("api", [&](section& a) { read_api(a, out); });
  s.presence("ping", [&](section& p) { read_ping(p, out); });
  s.block("log", [&](section& l) { read_log(l, out); });
  s.presence("accessLog", [&](section& l) { read_access_log(l, out); });
  s.block("serversTransport", [&](section& t) { read_upstream(t, out.upstream); });
  s.idle({"global", "metrics", "tracing", "hostResolver", "tcpServersTransport", "experimental",
          "core", "spiffe", "ocsp"});
  s.removed("pilot", "Traefik v3 has no Pilot");
  s.removed("http", "routers, services and middlewares belong in the files of providers.file");
  s.removed("tls", "certificates and TLS options belong in the files of providers.file");
}

/// References inside the file itself: the rest is checked where routers are linked.
void check_references(const static_config& c, diagnostics& out) {
  std::vector<std::string_view> names;
  for (const auto& e : c.entry_points) names.push_back(e.name);
  const auto must_exist = [&](const std::string& name, const location& at, std::string_view what) {
    if (c.find_entry_point(name) == nullptr)
      out.error(at, fmt::format("{}: there is no entry point {}{}", what, shown(name),
                                did_you_mean(name, names)));
  };
  for (const auto& e : c.entry_points) {
    if (e.redirection && !e.redirection->to.starts_with(':'))
      must_exist(e.redirection->to, e.redirection->where,
                 fmt::format("entryPoints.{}.http.redirections", e.name));
    if (e.tls && !e.tls->cert_resolver.empty() && c.find_resolver(e.tls->cert_resolver) == nullptr)
      out.error(e.tls->cert_resolver_at,
                fmt::format("entryPoints.{}.http.tls: there is no certificate resolver {}", e.name,
                            shown(e.tls->cert_resolver)));
  }
  for (const auto& r : c.resolvers)
    if (r.http_challenge)
      must_exist(r.http_challenge->entry_point, r.http_challenge->where,
                 fmt::format("certificatesResolvers.{}.acme.httpChallenge", r.name));
}

void check_ports(const static_config& c, diagnostics& out) {
  for (std::size_t i = 0; i < c.entry_points.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (c.entry_points[i].address.port != 0 &&
          c.entry_points[i].address == c.entry_points[j].address)
        out.error(c.entry_points[i].where,
                  fmt::format("entryPoints.{}.address: {} is taken by entry point {}",
                              c.entry_points[i].name, to_string(c.entry_points[i].address),
                              shown(c.entry_points[j].name)));
}

}  // namespace

const entry_point* static_config::find_entry_point(std::string_view name) const noexcept {
  const auto found = std::find_if(entry_points.begin(), entry_points.end(),
                                  [&](const auto& e) { return e.name == name; });
  return found == entry_points.end() ? nullptr : &*found;
}

const certificate_resolver* static_config::find_resolver(std::string_view name) const noexcept {
  const auto found = std::find_if(resolvers.begin(), resolvers.end(),
                                  [&](const auto& r) { return r.name == name; });
  return found == resolvers.end() ? nullptr : &*found;
}

std::vector<std::string> static_config::default_entry_points() const {
  const bool marked = std::any_of(entry_points.begin(), entry_points.end(),
                                  [](const auto& e) { return e.as_default; });
  std::vector<std::string> out;
  for (const auto& e : entry_points) {
    if (e.address.protocol == listen_address::transport::udp) continue;
    if (marked ? e.as_default : e.name != "traefik") out.push_back(e.name);
  }
  return out;
}

static_config read_static_config(const std::string& file, std::string_view text, diagnostics& out) {
  static_config config;
  const auto parsed = parse_yaml(file, text, out);
  if (parsed && parsed->root.type != node::kind::map && parsed->root.type != node::kind::none) {
    const auto at = parsed->root.at;
    out.expected({file, at.line, at.column}, "", "a mapping", described(parsed->root));
  } else if (parsed) {
    reader r{file, out};
    section root(r, parsed->root, "");
    read_root(root, config);
    root.finish();
    if (!r.idle.empty())
      out.warning({file},
                  fmt::format("known to Traefik, not acted on here: {}", fmt::join(r.idle, ", ")));
  }
  if (config.entry_points.empty()) {
    entry_point only;
    only.name = "http";
    only.where = {file};
    only.address.port = 80;
    config.entry_points.push_back(std::move(only));
  }
  const bool named = config.find_entry_point("traefik") != nullptr;
  const bool wanted =
      config.ping && !config.ping->manual_routing && config.ping->entry_point == "traefik";
  if (!named && (wanted || (config.api && config.api->insecure))) {
    entry_point internal;
    internal.name = "traefik";
    internal.where = {file};
    internal.address.port = 8080;
    config.entry_points.push_back(std::move(internal));
  }
  check_references(config, out);
  check_ports(config, out);
  return config;
}

}  // namespace stagedoor::configs
