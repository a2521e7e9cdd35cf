// SPDX-License-Identifier: Apache-2.0
// What is routed where, whoever says so: the model that the file provider, container labels and
// compose files all produce.
//
// Names are qualified (`secure-headers@file`) and references are resolved to qualified names when
// read. Every element keeps the place of its definition, so that what only an upper layer can judge
// (a rule's syntax, a certificate's bytes) is still reported at file, line and column.
#pragma once

#include "configs/defaults.hpp"
#include "configs/diagnostic.hpp"
#include "configs/middleware_settings.hpp"
#include "configs/section.hpp"
#include "configs/tls_settings.hpp"
#include "configs/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stagedoor::configs {

/// A name used by another element, and where.
struct reference {
  std::string name;  ///< qualified, except entry points
  location where;

  friend bool operator==(const reference& a, const reference& b) { return a.name == b.name; }
};

struct router {
  std::string name;
  location where;
  std::string rule;
  location rule_at;
  bool v2_syntax = false;
  reference service;
  std::vector<reference> entry_points;  ///< empty = the default ones
  std::vector<reference> middlewares;
  std::int64_t priority = 0;  ///< 0 = the length of the rule in bytes
  std::optional<router_tls> tls;
};

struct server {
  std::string url;
  location where;
  std::uint32_t weight = 1;
  bool preserve_path = false;
};

struct health_check {
  std::string path;
  std::string mode = "http";
  std::string method = "GET";
  std::string scheme;
  std::string hostname;
  std::uint16_t port = 0;    ///< 0 = the server's
  std::uint16_t status = 0;  ///< 0 = any 2xx or 3xx
  nanoseconds interval = defaults::health_interval;
  nanoseconds unhealthy_interval = defaults::health_interval;
  nanoseconds timeout = defaults::health_timeout;
  bool follow_redirects = true;
  std::vector<std::pair<std::string, std::string>> headers;

  friend bool operator==(const health_check&, const health_check&) = default;
};

struct sticky_cookie {
  std::string name;  ///< empty = derived from the service's name
  bool secure = false;
  bool http_only = false;
  std::string same_site;
  std::int32_t max_age = 0;  ///< seconds; 0 = a session cookie
  std::string path = "/";
  std::string domain;

  friend bool operator==(const sticky_cookie&, const sticky_cookie&) = default;
};

struct load_balancer {
  std::vector<server> servers;
  std::string strategy = "wrr";
  bool pass_host_header = true;
  std::optional<health_check> check;
  std::optional<sticky_cookie> sticky;
  reference transport;                                    ///< empty name = the static default
  nanoseconds flush_interval = defaults::flush_interval;  ///< negative = at once
};

struct weighted_service {
  struct part {
    reference service;
    std::uint32_t weight = 1;
    friend bool operator==(const part&, const part&) = default;
  };
  std::vector<part> parts;
  std::optional<sticky_cookie> sticky;
  bool propagate_health = false;
};

/// Known to Traefik, not implemented here: a router that uses it is not built.
struct unsupported_service {
  std::string kind;
  friend bool operator==(const unsupported_service&, const unsupported_service&) = default;
};

struct service {
  std::string name;
  location where;
  std::variant<load_balancer, weighted_service, unsupported_service> kind;
};

struct middleware {
  std::string name;
  location where;
  middleware_kind kind;
};

struct servers_transport {
  std::string name;
  location where;
  std::string server_name;
  bool insecure_skip_verify = false;
  bool disable_http2 = false;
  std::vector<std::string> root_cas;                              ///< paths or PEM texts
  std::vector<std::pair<std::string, std::string>> certificates;  ///< certificate, key
  std::uint32_t idle_per_host = defaults::idle_upstreams_per_host;
  nanoseconds dial_timeout = defaults::dial_timeout;
  nanoseconds response_header_timeout = defaults::response_header_timeout;
  nanoseconds idle_timeout = defaults::idle_upstream_timeout;
};

struct tls_certificate {
  location where;
  std::string cert_file;  ///< a path or a PEM text
  std::string key_file;
  std::vector<std::string> stores;  ///< empty = default
};

struct tls_options {
  std::string name;  ///< qualified, except `default`
  location where;
  std::string min_version = "VersionTLS12";
  std::string max_version;
  std::vector<std::string> cipher_suites;
  std::vector<std::string> curves;
  std::vector<std::string> alpn = {"h2", "http/1.1", "acme-tls/1"};
  bool sni_strict = false;
};

struct tls_store {
  std::string name;
  location where;
  std::optional<tls_certificate> default_certificate;
};

struct dynamic_config {
  std::string provider;
  std::vector<router> routers;
  std::vector<service> services;
  std::vector<middleware> middlewares;
  std::vector<servers_transport> transports;
  std::vector<tls_certificate> certificates;
  std::vector<tls_options> options;
  std::vector<tls_store> stores;
  /// Qualified names of what was written but not understood, so that its users are not told twice.
  std::vector<std::string> broken;
};

/// `name` as seen from an element of `provider`: itself when it is qualified, else `name@provider`.
[[nodiscard]] std::string qualified(std::string_view name, std::string_view provider);

/// Reads a document with the top-level keys `http` and `tls`. What is wrong with one element is an
/// error in `r.out`; the element is left out, the others are read.
[[nodiscard]] dynamic_config read_dynamic(reader& r, const node& root, std::string_view provider);

}  // namespace stagedoor::configs
