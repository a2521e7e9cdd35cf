// SPDX-License-Identifier: Apache-2.0
// The settings of every kind of middleware that is implemented, one struct a kind, with Traefik's
// defaults.
#pragma once

#include "configs/section.hpp"
#include "configs/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace stagedoor::configs {

using header_pairs = std::vector<std::pair<std::string, std::string>>;

struct cors_settings {
  bool allow_credentials = false;
  std::vector<std::string> allow_headers;
  std::vector<std::string> allow_methods;
  std::vector<std::string> allow_origins;
  std::vector<std::string> allow_origin_regexes;
  std::vector<std::string> expose_headers;
  std::int64_t max_age = 0;  ///< seconds; 0 = not sent
  bool add_vary_header = false;

  friend bool operator==(const cors_settings&, const cors_settings&) = default;
};

struct headers_middleware {
  header_pairs custom_request_headers;   ///< empty value = delete
  header_pairs custom_response_headers;  ///< applied last; empty value = delete
  cors_settings cors;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> hosts_proxy_headers;
  header_pairs ssl_proxy_headers;  ///< a request with one of these exactly counts as secure
  std::int64_t sts_seconds = 0;    ///< 0 = no Strict-Transport-Security
  bool sts_include_subdomains = false;
  bool sts_preload = false;
  bool force_sts_header = false;
  bool frame_deny = false;
  std::string custom_frame_options;  ///< overrides frame_deny
  bool content_type_nosniff = false;
  bool browser_xss_filter = false;
  std::string custom_browser_xss;  ///< overrides browser_xss_filter
  std::string content_security_policy;
  std::string content_security_policy_report_only;
  std::string public_key;
  std::string referrer_policy;
  std::string permissions_policy;
  bool is_development = false;

  friend bool operator==(const headers_middleware&, const headers_middleware&) = default;
};

/// What counts as one client.
struct source_criterion {
  std::uint32_t ip_depth = 0;  ///< n-th address of X-Forwarded-For from the right; 0 = the peer
  std::vector<std::string> excluded_ips;
  std::uint32_t ipv6_subnet = 0;  ///< bits; 0 = the whole address
  std::string request_header;     ///< instead of the address
  bool request_host = false;      ///< instead of the address

  friend bool operator==(const source_criterion&, const source_criterion&) = default;
};

struct rate_limit_middleware {
  std::int64_t average = 0;  ///< requests per period; 0 = no limit
  std::int64_t burst = 1;
  nanoseconds period = std::chrono::seconds{1};
  source_criterion source;

  friend bool operator==(const rate_limit_middleware&, const rate_limit_middleware&) = default;
};

struct compress_middleware {
  std::vector<std::string> encodings = {"gzip", "br", "zstd"};  ///< order breaks ties of equal q
  std::string default_encoding;  ///< for requests that accept anything; empty = none
  std::uint32_t min_response_body_bytes = 1024;
  std::vector<std::string> excluded_content_types;
  std::vector<std::string> included_content_types;

  friend bool operator==(const compress_middleware&, const compress_middleware&) = default;
};

struct redirect_scheme_middleware {
  std::string scheme;
  std::string port;  ///< empty = the scheme's own
  bool permanent = false;

  friend bool operator==(const redirect_scheme_middleware&,
                         const redirect_scheme_middleware&) = default;
};

struct redirect_regex_middleware {
  std::string regex;
  std::string replacement;
  bool permanent = false;
  location regex_at;

  friend bool operator==(const redirect_regex_middleware& a, const redirect_regex_middleware& b) {
    return a.regex == b.regex && a.replacement == b.replacement && a.permanent == b.permanent;
  }
};

struct strip_prefix_middleware {
  std::vector<std::string> prefixes;
  friend bool operator==(const strip_prefix_middleware&, const strip_prefix_middleware&) = default;
};

struct add_prefix_middleware {
  std::string prefix;
  friend bool operator==(const add_prefix_middleware&, const add_prefix_middleware&) = default;
};

struct replace_path_middleware {
  std::string path;
  friend bool operator==(const replace_path_middleware&, const replace_path_middleware&) = default;
};

struct chain_middleware {
  std::vector<std::string> middlewares;  ///< qualified
  friend bool operator==(const chain_middleware&, const chain_middleware&) = default;
};

struct basic_auth_middleware {
  std::vector<std::string> users;  ///< "name:hash", as htpasswd writes them
  std::string users_file;
  std::string realm = "traefik";
  std::string header_field;  ///< tells the upstream who it is
  bool remove_header = false;

  friend bool operator==(const basic_auth_middleware&, const basic_auth_middleware&) = default;
};

/// Known to Traefik, not implemented here: a router that uses it is not built.
struct unsupported_middleware {
  std::string kind;
  friend bool operator==(const unsupported_middleware&, const unsupported_middleware&) = default;
};

using middleware_kind =
    std::variant<unsupported_middleware, headers_middleware, rate_limit_middleware,
                 compress_middleware, redirect_scheme_middleware, redirect_regex_middleware,
                 strip_prefix_middleware, add_prefix_middleware, replace_path_middleware,
                 chain_middleware, basic_auth_middleware>;

/// Reads `{ headers: {...} }`: exactly one kind. Nothing when the kind is unknown, missing or given
/// twice, which is an error in the section's reader.
[[nodiscard]] std::optional<middleware_kind> read_middleware(section& s, std::string_view provider);

}  // namespace stagedoor::configs
