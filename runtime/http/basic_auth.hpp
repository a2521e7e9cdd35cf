// SPDX-License-Identifier: Apache-2.0
// Traefik's basicAuth (RFC 7617).
//
// A slow hash is checked by the password_checker while the request waits; a pair that was right is
// remembered by the loop, under a digest with the hash in it, so the next request costs nothing and
// a changed hash is asked again. An unknown user takes as long as a known one.
// Owner: a site. Runs on: the loop of the connection. Bounded by: max_known_passwords,
// max_waiting_checks, longest_check. On failure: 503 when the check cannot be made in time.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/http/htpasswd.hpp"
#include "runtime/http/middleware.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

struct basic_auth_options {
  std::vector<htpasswd_user> users;
  std::string realm = "traefik";
  bool remove_header = false;  ///< Authorization is not sent on
  std::string header_field;    ///< the user is sent on under this name; empty = not
};

class basic_auth final : public middleware {
 public:
  static constexpr milliseconds look_again{3};  ///< while a check is under way
  static constexpr seconds longest_check{10};

  /// On failure: invalid (no users: nobody could get in; a realm that cannot be quoted).
  [[nodiscard]] static result<middleware_ptr> make(std::string qualified_name,
                                                   basic_auth_options options);
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  basic_auth(std::string qualified_name, basic_auth_options options);

  [[nodiscard]] verdict check(exchange& x, const std::string& user,
                              const std::string& password) const;
  [[nodiscard]] verdict decide(exchange& x, bool let_in, std::string_view user) const;

  basic_auth_options options_;
  std::string challenge_;
};

}  // namespace stagedoor::http
