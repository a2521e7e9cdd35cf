// SPDX-License-Identifier: Apache-2.0
#include "configs/middleware_settings.hpp"

#include "configs/dynamic_config.hpp"

#include <array>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

void read(section& s, headers_middleware& out) {
  s.pairs("customRequestHeaders", out.custom_request_headers);
  s.pairs("customResponseHeaders", out.custom_response_headers);
  s.boolean("accessControlAllowCredentials", out.cors.allow_credentials);
  s.list("accessControlAllowHeaders", out.cors.allow_headers);
  s.list("accessControlAllowMethods", out.cors.allow_methods);
  s.list("accessControlAllowOriginList", out.cors.allow_origins);
  s.list("accessControlAllowOriginListRegex", out.cors.allow_origin_regexes);
  s.list("accessControlExposeHeaders", out.cors.expose_headers);
  s.number("accessControlMaxAge", out.cors.max_age);
  s.boolean("addVaryHeader", out.cors.add_vary_header);
  s.list("allowedHosts", out.allowed_hosts);
  s.list("hostsProxyHeaders", out.hosts_proxy_headers);
  s.pairs("sslProxyHeaders", out.ssl_proxy_headers);
  s.number("stsSeconds", out.sts_seconds);
  s.boolean("stsIncludeSubdomains", out.sts_include_subdomains);
  s.boolean("stsPreload", out.sts_preload);
  s.boolean("forceSTSHeader", out.force_sts_header);
  s.boolean("frameDeny", out.frame_deny);
  s.text("customFrameOptionsValue", out.custom_frame_options);
  s.boolean("contentTypeNosniff", out.content_type_nosniff);
  s.boolean("browserXssFilter", out.browser_xss_filter);
  s.text("customBrowserXSSValue", out.custom_browser_xss);
  s.text("contentSecurityPolicy", out.content_security_policy);
  s.text("contentSecurityPolicyReportOnly", out.content_security_policy_report_only);
  s.text("publicKey", out.public_key);
  s.text("referrerPolicy", out.referrer_policy);
  s.text("permissionsPolicy", out.permissions_policy);
  s.boolean("isDevelopment", out.is_development);
  s.removed("sslRedirect", "use the redirectScheme middleware or an entry point's redirections");
  s.removed("sslTemporaryRedirect", "use the redirectScheme middleware");
  s.removed("sslHost", "use the redirectRegex middleware");
  s.removed("sslForceHost", "use the redirectRegex middleware");
  s.removed("featurePolicy", "use permissionsPolicy");
}

void read(section& s, source_criterion& out) {
  s.presence("ipStrategy", [&](section& ip) {
    ip.number("depth", out.ip_depth, 0, 1'000);
    ip.list("excludedIPs", out.excluded_ips);
    ip.number("ipv6Subnet", out.ipv6_subnet, 0, 128);
    for (const auto& address : out.excluded_ips)
      if (!is_ip_or_cidr(address)) ip.error("excludedIPs", "IP addresses or CIDR blocks");
  });
  s.text("requestHeaderName", out.request_header);
  s.boolean("requestHost", out.request_host);
  const int given = (s.has("ipStrategy") ? 1 : 0) + (out.request_header.empty() ? 0 : 1) +
                    (out.request_host ? 1 : 0);
  if (given > 1)
    s.context().out.error(
        s.where(), fmt::format("{}: expected one of ipStrategy, requestHeaderName and requestHost, "
                               "got {} of them",
                               s.path(), given));
}

void read(section& s, rate_limit_middleware& out) {
  s.number("average", out.average);
  s.number("burst", out.burst);
  s.duration("period", out.period);
  if (out.period.count() == 0) out.period = std::chrono::seconds{1};
  s.presence("sourceCriterion", [&](section& c) { read(c, out.source); });
  s.idle({"redis"});
}

void read(section& s, compress_middleware& out) {
  s.list("encodings", out.encodings);
  for (const auto& encoding : out.encodings)
    if (encoding != "gzip" && encoding != "br" && encoding != "zstd")
      s.context().out.expected(s.where("encodings"), s.path("encodings"), "gzip, br or zstd",
                               shown(encoding));
  s.text("defaultEncoding", out.default_encoding);
  s.number("minResponseBodyBytes", out.min_response_body_bytes, 0, 1 << 30);
  s.list("excludedContentTypes", out.excluded_content_types);
  s.list("includedContentTypes", out.included_content_types);
  if (!out.excluded_content_types.empty() && !out.included_content_types.empty())
    s.context().out.error(
        s.where("includedContentTypes"),
        fmt::format("{}: expected excludedContentTypes or includedContentTypes, got both",
                    s.path()));
}

void read(section& s, redirect_scheme_middleware& out) {
  s.text("scheme", out.scheme);
  s.text("port", out.port);
  s.boolean("permanent", out.permanent);
  if (out.scheme.empty()) s.error("scheme", "http or https");
}

void read(section& s, redirect_regex_middleware& out) {
  s.text("regex", out.regex);
  s.text("replacement", out.replacement);
  s.boolean("permanent", out.permanent);
  out.regex_at = s.where("regex");
  if (out.regex.empty()) s.error("regex", "a regular expression");
}

void read(section& s, strip_prefix_middleware& out) {
  s.list("prefixes", out.prefixes);
  s.removed("forceSlash", "the stripped path always starts with a slash");
  if (out.prefixes.empty()) s.error("prefixes", "at least one path prefix");
}

void read(section& s, add_prefix_middleware& out) {
  s.text("prefix", out.prefix);
  if (out.prefix.empty()) s.error("prefix", "a path prefix");
}

void read(section& s, replace_path_middleware& out) {
  s.text("path", out.path);
  if (out.path.empty()) s.error("path", "a path");
}

void read(section& s, chain_middleware& out) {
  s.list("middlewares", out.middlewares);
  if (out.middlewares.empty()) s.error("middlewares", "at least one middleware");
}

void read(section& s, basic_auth_middleware& out) {
  s.list("users", out.users);
  s.text("usersFile", out.users_file);
  s.text("realm", out.realm);
  s.text("headerField", out.header_field);
  s.boolean("removeHeader", out.remove_header);
  if (out.users.empty() && out.users_file.empty()) s.error("users", "users or a usersFile");
  for (const auto& user : out.users)
    if (user.find(':') == std::string::npos || user.front() == ':')
      s.context().out.error(
          s.where("users"),
          fmt::format("{}: expected name:hash, as htpasswd writes it", s.path("users")));
}

using reading = middleware_kind (*)(section&);

template <class Kind>
middleware_kind read_kind(section& s) {
  Kind out;
  read(s, out);
  return out;
}

struct kind_row {
  std::string_view key;
  reading how;  ///< nullptr = known, not implemented
};

constexpr std::array kinds = {
    kind_row{"headers", read_kind<headers_middleware>},
    kind_row{"rateLimit", read_kind<rate_limit_middleware>},
    kind_row{"compress", read_kind<compress_middleware>},
    kind_row{"redirectScheme", read_kind<redirect_scheme_middleware>},
    kind_row{"redirectRegex", read_kind<redirect_regex_middleware>},
    kind_row{"stripPrefix", read_kind<strip_prefix_middleware>},
    kind_row{"addPrefix", read_kind<add_prefix_middleware>},
    kind_row{"replacePath", read_kind<replace_path_middleware>},
    kind_row{"chain", read_kind<chain_middleware>},
    kind_row{"basicAuth", read_kind<basic_auth_middleware>},
    kind_row{"buffering", nullptr},
    kind_row{"circuitBreaker", nullptr},
    kind_row{"contentType", nullptr},
    kind_row{"digestAuth", nullptr},
    kind_row{"encodedCharacters", nullptr},
    kind_row{"errors", nullptr},
    kind_row{"forwardAuth", nullptr},
    kind_row{"grpcWeb", nullptr},
    kind_row{"inFlightReq", nullptr},
    kind_row{"ipAllowList", nullptr},
    kind_row{"passTLSClientCert", nullptr},
    kind_row{"plugin", nullptr},
    kind_row{"replacePathRegex", nullptr},
    kind_row{"retry", nullptr},
    kind_row{"stripPrefixRegex", nullptr},
};

}  // namespace

std::optional<middleware_kind> read_middleware(section& s, std::string_view provider) {
  std::optional<middleware_kind> out;
  std::size_t given = 0;
  const auto errors = s.context().out.errors();
  for (const auto& row : kinds) {
    if (row.how == nullptr) {
      if (s.take(row.key) == nullptr) continue;
      out = unsupported_middleware{std::string(row.key)};
    } else {
      if (!s.has(row.key)) {
        (void)s.take(row.key);  // still a candidate for "did you mean"
        continue;
      }
      s.presence(row.key, [&](section& inner) { out = row.how(inner); });
    }
    ++given;
  }
  s.removed("ipWhiteList", "use ipAllowList");
  if (given > 1) {
    s.context().out.error(
        s.where(), fmt::format("{}: expected one kind of middleware, got {}", s.path(), given));
    return std::nullopt;
  }
  if (s.context().out.errors() != errors) return std::nullopt;
  if (!out && (given == 1 || s.empty()))
    s.context().out.error(s.where(),
                          fmt::format("{}: expected a kind of middleware, got nothing", s.path()));
  if (out && std::holds_alternative<chain_middleware>(*out))
    for (auto& name : std::get<chain_middleware>(*out).middlewares)
      name = qualified(name, provider);
  return out;
}

}  // namespace stagedoor::configs
