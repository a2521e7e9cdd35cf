// SPDX-License-Identifier: Apache-2.0
#include "configs/service_reader.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

constexpr std::int64_t largest_weight = 1'000'000;

sticky_cookie read_cookie(section& s) {
  sticky_cookie out;
  s.text("name", out.name);
  s.boolean("secure", out.secure);
  s.boolean("httpOnly", out.http_only);
  s.one_of("sameSite", out.same_site, {"none", "lax", "strict"});
  s.number("maxAge", out.max_age, std::numeric_limits<std::int32_t>::min());
  s.text("path", out.path);
  s.text("domain", out.domain);
  return out;
}

std::optional<sticky_cookie> read_sticky(section& s) {
  std::optional<sticky_cookie> out;
  s.presence("sticky", [&](section& sticky) {
    sticky.presence("cookie", [&](section& c) { out = read_cookie(c); });
  });
  return out;
}

health_check read_health_check(section& s) {
  health_check out;
  s.text("path", out.path);
  s.one_of("mode", out.mode, {"http", "grpc"});
  s.text("method", out.method);
  s.one_of("scheme", out.scheme, {"http", "https"});
  s.text("hostname", out.hostname);
  s.number("port", out.port);
  s.number("status", out.status, 100, 599);
  s.duration("interval", out.interval);
  out.unhealthy_interval = out.interval;
  s.duration("unhealthyInterval", out.unhealthy_interval);
  s.duration("timeout", out.timeout);
  s.boolean("followRedirects", out.follow_redirects);
  s.pairs("headers", out.headers);
  for (const auto& [key, value] :
       {std::pair{"interval", out.interval}, std::pair{"timeout", out.timeout},
        std::pair{"unhealthyInterval", out.unhealthy_interval}})
    if (value.count() <= 0 && s.has(key)) s.error(key, "a duration above zero");
  return out;
}

server read_server(section& s) {
  server out;
  out.where = s.where();
  s.text("url", out.url);
  s.number("weight", out.weight, 0, largest_weight);
  s.boolean("preservePath", out.preserve_path);
  if (!is_server_url(out.url))
    s.error("url", "http://host:port, https://host:port or h2c://host:port");
  return out;
}

load_balancer read_load_balancer(section& s, std::string_view provider) {
  load_balancer out;
  s.items("servers", [&](section& e) { out.servers.push_back(read_server(e)); });
  s.one_of("strategy", out.strategy, {"wrr", "p2c", "hrw", "leasttime"});
  s.boolean("passHostHeader", out.pass_host_header);
  s.presence("healthCheck", [&](section& h) { out.check = read_health_check(h); });
  out.sticky = read_sticky(s);
  std::string transport;
  s.text("serversTransport", transport);
  if (!transport.empty())
    out.transport = {qualified(transport, provider), s.where("serversTransport")};
  s.block("responseForwarding", [&](section& f) {
    std::string interval;
    f.text("flushInterval", interval);
    const auto parsed =
        interval.empty() ? result<nanoseconds>(out.flush_interval) : parse_duration(interval);
    if (parsed) {
      out.flush_interval = *parsed;
    } else {
      f.error("flushInterval", parsed.error().detail);
    }
  });
  // Only teams have their servers checked; those of a service are used whatever they answer.
  s.idle({"healthCheck", "passiveHealthCheck"});
  return out;
}

weighted_service read_weighted(section& s, std::string_view provider) {
  weighted_service out;
  s.items("services", [&](section& e) {
    weighted_service::part part;
    std::string name;
    e.text("name", name);
    if (name.empty()) e.error("name", "the name of a service");
    part.service = {qualified(name, provider), e.where("name")};
    e.number("weight", part.weight, 0, largest_weight);
    out.parts.push_back(std::move(part));
  });
  if (out.parts.empty()) s.error("services", "at least one service");
  out.sticky = read_sticky(s);
  s.presence("healthCheck", [&](section&) { out.propagate_health = true; });
  s.idle({"healthCheck"});
  return out;
}

}  // namespace

bool is_server_url(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return false;
  constexpr std::array schemes = {"http", "https", "h2c"};
  const auto scheme = url.substr(0, colon);
  if (std::none_of(schemes.begin(), schemes.end(),
                   [&](auto s) { return ascii::iequals(scheme, s); }))
    return false;
  auto authority = url.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos || authority.empty()) return false;
  const bool has_port = authority.back() != ']' && authority.rfind(':') != std::string_view::npos;
  const auto address =
      parse_listen_address(has_port ? std::string(authority) : fmt::format("{}:80", authority));
  return address && !address->host.empty() && address->port != 0;
}

std::optional<service> read_service(section& s, std::string name, std::string_view provider) {
  service out;
  out.name = std::move(name);
  out.where = s.where();
  std::size_t given = 0;
  for (const auto* key : {"mirroring", "failover", "highestRandomWeight"}) {
    if (s.take(key) == nullptr) continue;
    out.kind = unsupported_service{key};
    ++given;
  }
  if (s.has("weighted")) ++given;
  s.presence("weighted", [&](section& w) { out.kind = read_weighted(w, provider); });
  if (s.has("loadBalancer")) ++given;
  s.presence("loadBalancer", [&](section& l) { out.kind = read_load_balancer(l, provider); });
  if (given == 1) return out;
  if (given > 1 || s.empty())
    s.context().out.error(s.where(),
                          fmt::format("{}: expected one kind of service, got {}", s.path(), given));
  return std::nullopt;
}

servers_transport read_servers_transport(section& s, std::string name) {
  servers_transport out;
  out.name = std::move(name);
  out.where = s.where();
  s.text("serverName", out.server_name);
  s.boolean("insecureSkipVerify", out.insecure_skip_verify);
  s.boolean("disableHTTP2", out.disable_http2);
  s.list("rootCAs", out.root_cas);
  s.items("certificates", [&](section& c) {
    std::pair<std::string, std::string> pair;
    c.text("certFile", pair.first);
    c.text("keyFile", pair.second);
    if (pair.first.empty()) c.error("certFile", "a path or a PEM text");
    if (pair.second.empty()) c.error("keyFile", "a path or a PEM text");
    out.certificates.push_back(std::move(pair));
  });
  s.number("maxIdleConnsPerHost", out.idle_per_host, 0, 1'000'000);
  s.block("forwardingTimeouts", [&](section& f) {
    f.duration("dialTimeout", out.dial_timeout);
    f.duration("responseHeaderTimeout", out.response_header_timeout);
    f.duration("idleConnTimeout", out.idle_timeout);
    f.idle({"readIdleTimeout", "pingTimeout"});
  });
  s.idle({"cipherSuites", "minVersion", "maxVersion", "peerCertURI", "spiffe"});
  return out;
}

}  // namespace stagedoor::configs
