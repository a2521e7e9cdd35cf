// SPDX-License-Identifier: Apache-2.0
// Traefik's headers middleware: security fields, own fields in both directions, CORS.
//
// Everything that can be composed when the site is built is; a request costs one list walk.
// Strict-Transport-Security is only said over TLS (RFC 6797 section 7.2), which X-Forwarded-Proto
// alone does not prove.
// Owner: a site. Runs on: the loop of the connection.
#pragma once

#include "runtime/http/middleware.hpp"
#include "runtime/http/regexp.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace stagedoor::http {

using name_values = std::vector<std::pair<std::string, std::string>>;

struct headers_options {
  name_values custom_request;   ///< empty value = the field is deleted; Host sets the authority
  name_values custom_response;  ///< empty value = the field is deleted

  bool frame_deny = false;
  std::string custom_frame_options;  ///< instead of DENY
  bool content_type_nosniff = false;
  bool browser_xss_filter = false;
  std::string custom_browser_xss;  ///< instead of "1; mode=block"
  std::int64_t sts_seconds = 0;    ///< 0 = no Strict-Transport-Security
  bool sts_include_subdomains = false;
  bool sts_preload = false;
  bool force_sts = false;               ///< without TLS too
  std::string content_security_policy;  ///< $NONCE is replaced, afresh for each response
  std::string content_security_policy_report_only;
  std::string public_key;
  std::string referrer_policy;
  std::string permissions_policy;
  bool is_development = false;  ///< allowed_hosts, STS and public_key do nothing

  std::vector<std::string> allowed_hosts;        ///< as in the Host field, port included
  std::vector<std::string> hosts_proxy_headers;  ///< the first that is there counts as the host
  name_values ssl_proxy_headers;                 ///< equal to one of them = the client uses TLS

  bool allow_credentials = false;
  std::vector<std::string> allow_headers;
  std::vector<std::string> allow_methods;
  std::vector<std::string> allow_origins;
  std::vector<std::string> allow_origin_regexps;
  std::vector<std::string> expose_headers;
  std::int64_t max_age = 0;  ///< seconds
  bool add_vary = false;
};

class headers final : public middleware {
 public:
  /// On failure: invalid (a regular expression, a field name or value that cannot be sent).
  [[nodiscard]] static result<middleware_ptr> make(std::string qualified_name,
                                                   headers_options options);

  [[nodiscard]] verdict on_request(exchange& x) const override;
  void on_response(exchange& x, const response_facts& response) const override;

 private:
  headers(std::string qualified_name, headers_options options, std::vector<regexp> origins);

  void compose();
  [[nodiscard]] bool is_secure(const exchange& x) const noexcept;
  [[nodiscard]] bool is_allowed_host(const exchange& x) const noexcept;
  [[nodiscard]] std::string_view allowed_origin(std::string_view origin) const;
  [[nodiscard]] verdict answer_preflight(exchange& x) const;
  void edit_request(exchange& x) const;
  void add_vary_origin(exchange& x, const response_facts& response) const;

  headers_options options_;
  std::vector<regexp> origin_patterns_;
  bool has_cors_ = false;
  name_values always_;         ///< security fields of every response
  name_values secure_;         ///< those of responses over TLS
  std::string allow_headers_;  ///< joined with ','
  std::string allow_methods_;
  std::string expose_headers_;
  std::string max_age_;
};

}  // namespace stagedoor::http
