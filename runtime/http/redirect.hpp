// SPDX-License-Identifier: Apache-2.0
// Traefik's redirectScheme and redirectRegex.
//
// Temporary: 302 for GET, 307 for all others; permanent: 301 and 308, so that no method changes on
// the way (RFC 9110 sections 15.4.8 and 15.4.9). A redirect to where the request already is would
// never end, so it is let through.
// Owner: a site. Runs on: the loop of the connection.
#pragma once

#include "runtime/http/middleware.hpp"
#include "runtime/http/regexp.hpp"

#include <string>
#include <string_view>

namespace stagedoor::http {

struct redirect_scheme_options {
  std::string scheme = "https";
  std::string port;  ///< empty = the scheme's own
  bool permanent = false;
};

/// Sees X-Forwarded-Proto of a trusted peer: behind a balancer that ends TLS nothing is redirected.
class redirect_scheme final : public middleware {
 public:
  redirect_scheme(std::string qualified_name, redirect_scheme_options options);
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  redirect_scheme_options options_;
  std::string port_suffix_;  ///< ":8443", empty for the scheme's own port
};

/// The pattern is matched with scheme://host[:port]/path?query, default ports left out.
class redirect_regex final : public middleware {
 public:
  redirect_regex(std::string qualified_name, regexp pattern, std::string replacement,
                 bool permanent)
      : middleware(std::move(qualified_name)),
        pattern_(std::move(pattern)),
        replacement_(std::move(replacement)),
        permanent_(permanent) {}
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  regexp pattern_;
  std::string replacement_;
  bool permanent_;
};

}  // namespace stagedoor::http
