// SPDX-License-Identifier: Apache-2.0
// Signed requests of an ACME client (RFC 7515 7.2.2 as profiled by RFC 8555 6.2).
#pragma once

#include "runtime/acme/keys.hpp"

#include <string>

namespace stagedoor::acme {

/// What proves to the CA that an account of its own web site stands behind ours (RFC 8555 7.3.4).
struct external_account {
  std::string kid;
  std::string hmac_key;  ///< base64url, as the CA shows it
};

struct jws_target {
  std::string url;
  std::string nonce;
  std::string account_url;  ///< empty = the key itself identifies us (newAccount)
};

/// |payload| empty is a POST-as-GET (RFC 8555 6.3). On failure: internal.
[[nodiscard]] result<std::string> sign_request(const private_key& key, const jws_target& to,
                                               std::string_view payload);

/// The value of externalAccountBinding. On failure: invalid (the key is not base64url).
[[nodiscard]] result<std::string> bind_external_account(const private_key& key,
                                                        const external_account& account,
                                                        const std::string& new_account_url);

}  // namespace stagedoor::acme
