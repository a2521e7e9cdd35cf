// SPDX-License-Identifier: Apache-2.0
// The JSON objects of a CA (RFC 8555 7.1), as far as a client needs them.
//
// Bounded by: |max_names| authorizations an order and challenges an authorization.
// On failure: malformed (not JSON, or a member that must be there is not).
#pragma once

#include "runtime/acme/challenge.hpp"
#include "runtime/acme/problem.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stagedoor::acme {

inline constexpr std::size_t max_names = 100;

struct directory {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
  std::string revoke_cert;   ///< empty = not offered
  std::string key_change;    ///< empty = not offered
  std::string renewal_info;  ///< empty = not offered
  std::vector<std::string> profiles;
  bool external_account_required = false;
};

enum class object_status : std::uint8_t {
  pending,
  ready,
  processing,
  valid,
  invalid,
  gone,  ///< deactivated, expired, revoked, or a word we do not know
};

struct order_object {
  object_status status = object_status::gone;
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;  ///< only when valid
  std::optional<problem> error;
};

struct challenge_object {
  challenge_type type = challenge_type::http_01;
  object_status status = object_status::pending;
  std::string url;
  std::string token;
  std::optional<problem> error;
};

struct authorization_object {
  object_status status = object_status::gone;
  std::string identifier;
  std::vector<challenge_object> challenges;  ///< of types we know, with tokens we would publish
  std::vector<std::string> offered;          ///< every type's name, for the error message
};

[[nodiscard]] result<directory> parse_directory(std::string_view text);
[[nodiscard]] result<order_object> parse_order(std::string_view text);
[[nodiscard]] result<authorization_object> parse_authorization(std::string_view text);

}  // namespace stagedoor::acme
