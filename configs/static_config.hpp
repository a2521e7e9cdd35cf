// SPDX-License-Identifier: Apache-2.0
// Traefik's static configuration (traefik.yml, v3): what listens where, who issues certificates,
// where routes come from.
//
// Keys are matched in any case. A key that Traefik v3 does not know is an error; one it knows but
// nothing here acts on is named, with its place, in one warning per file; an option that v3 removed
// is an error that says what replaced it.
//
// Runs on: any one thread. On failure: errors in `out`; the value holds what could be read.
#pragma once

#include "configs/defaults.hpp"
#include "configs/diagnostic.hpp"
#include "configs/tls_settings.hpp"
#include "configs/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

/// Sends every request of an entry point elsewhere.
struct entry_redirection {
  std::string to;  ///< another entry point's name, or ":port"
  std::string scheme = "https";
  bool permanent = true;
  std::int64_t priority = 0;  ///< 0 = above every user's router
  location where;
};

struct trusted_peers {
  bool insecure = false;                 ///< trust everybody
  std::vector<std::string> trusted_ips;  ///< addresses or CIDR blocks
};

struct entry_point {
  std::string name;
  location where;
  listen_address address;  ///< as written, without the node's port_offset
  bool as_default = false;
  std::optional<entry_redirection> redirection;
  std::vector<std::string> middlewares;  ///< put before each router's own
  location middlewares_at;
  std::optional<router_tls> tls;  ///< for routers without a tls block
  bool encode_query_semicolons = false;
  bool sanitize_path = true;
  std::uint32_t header_bytes = static_cast<std::uint32_t>(defaults::header_bytes);
  trusted_peers forwarded_headers;
  std::optional<trusted_peers> proxy_protocol;
  nanoseconds read_timeout = defaults::read_timeout;    ///< 0 = none
  nanoseconds write_timeout = defaults::write_timeout;  ///< 0 = none
  nanoseconds idle_timeout = defaults::idle_timeout;
  nanoseconds request_accept_grace{0};
  nanoseconds grace_timeout = defaults::grace_timeout;
  std::uint32_t keep_alive_max_requests = 0;  ///< 0 = no limit
  nanoseconds keep_alive_max_time{0};         ///< 0 = no limit
  std::uint32_t http2_streams = defaults::http2_streams;
};

struct acme_http_challenge {
  std::string entry_point;
  location where;
};

struct acme_dns_challenge {
  std::string provider;
  location where;
  std::vector<std::string> resolvers;
  nanoseconds delay_before_check{0};
  bool disable_propagation_check = false;
};

struct external_account {
  std::string kid;
  std::string hmac;  ///< base64url, as the CA hands it out
};

struct certificate_resolver {
  std::string name;
  location where;
  std::string email;
  std::string ca_server = "https://acme-v02.api.letsencrypt.org/directory";
  std::string storage = "acme.json";  ///< a container path: see rooted()
  std::string key_type = "RSA4096";
  std::string preferred_chain;
  std::string profile;
  std::vector<std::string> ca_certificates;  ///< PEM files that vouch for the CA's own server
  std::optional<external_account> eab;
  nanoseconds certificates_duration = defaults::certificate_lifetime;
  std::optional<acme_http_challenge> http_challenge;
  std::optional<acme_dns_challenge> dns_challenge;
  bool tls_challenge = false;
};

struct docker_provider {
  location where;
  std::string endpoint = "unix:///var/run/docker.sock";
  bool exposed_by_default = true;
  bool watch = true;
  std::string network;
  std::string default_rule = "Host(`{{ normalize .Name }}`)";
  location default_rule_at;
  bool allow_empty_services = false;
  bool use_bind_port_ip = false;
};

struct file_provider {
  location where;
  std::string filename;  ///< exactly one of these two
  std::string directory;
  bool watch = true;
};

struct ping_settings {
  std::string entry_point = "traefik";
  bool manual_routing = false;
  std::uint16_t terminating_status = 503;
};

struct access_log_settings {
  std::string file_path;  ///< empty = standard output
  std::string format = "common";
  std::vector<std::string> status_codes;  ///< "200", "300-302"; the three filters are OR-ed
  bool retry_attempts = false;
  nanoseconds min_duration{0};
  std::uint32_t buffering_size = 0;  ///< lines kept before writing; 0 = none
};

struct log_settings {
  std::string level = "ERROR";
  std::string format = "common";
  std::string file_path;  ///< empty = standard error
};

struct api_settings {
  bool dashboard = true;
  bool insecure = false;
};

struct upstream_defaults {
  bool insecure_skip_verify = false;
  std::vector<std::string> root_cas;
  std::uint32_t idle_per_host = defaults::idle_upstreams_per_host;
  nanoseconds dial_timeout = defaults::dial_timeout;
  nanoseconds response_header_timeout = defaults::response_header_timeout;
  nanoseconds idle_timeout = defaults::idle_upstream_timeout;
};

struct static_config {
  std::vector<entry_point> entry_points;  ///< in file order; never empty after reading
  std::vector<certificate_resolver> resolvers;
  std::optional<docker_provider> docker;
  std::optional<file_provider> file;
  nanoseconds provider_throttle = defaults::provider_throttle;
  std::optional<ping_settings> ping;
  std::optional<access_log_settings> access_log;
  std::optional<api_settings> api;
  log_settings log;
  upstream_defaults upstream;

  [[nodiscard]] const entry_point* find_entry_point(std::string_view name) const noexcept;
  [[nodiscard]] const certificate_resolver* find_resolver(std::string_view name) const noexcept;
  /// Where routers go that name no entry point: those marked asDefault, or else all but `traefik`.
  [[nodiscard]] std::vector<std::string> default_entry_points() const;
};

/// The text of a traefik.yml. Empty text gives the defaults: one entry point `http` on :80.
[[nodiscard]] static_config read_static_config(const std::string& file, std::string_view text,
                                               diagnostics& out);

}  // namespace stagedoor::configs
