// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/jws.hpp"

#include "runtime/base/base64.hpp"
#include "runtime/client/json.hpp"

#include <fmt/format.h>

namespace stagedoor::acme {

namespace {

// All parts are base64url, so nothing needs escaping.
std::string flattened(std::string_view head, std::string_view payload, std::string_view signature) {
  return fmt::format(R"({{"protected":"{}","payload":"{}","signature":"{}"}})", head, payload,
                     base64url_encode(signature));
}

std::string dumped(const client::json& value) {
  return value.dump(-1, ' ', false, client::json::error_handler_t::replace);
}

}  // namespace

result<std::string> sign_request(const private_key& key, const jws_target& to,
                                 std::string_view payload) {
  client::json head;
  head["alg"] = key.algorithm();
  head["nonce"] = to.nonce;
  head["url"] = to.url;
  if (to.account_url.empty())
    head["jwk"] = client::json::parse(key.jwk());
  else
    head["kid"] = to.account_url;
  const auto first = base64url_encode(dumped(head));
  const auto second = base64url_encode(payload);
  auto signature = key.sign(first + "." + second);
  if (!signature) return std::move(signature).error();
  return flattened(first, second, *signature);
}

result<std::string> bind_external_account(const private_key& key, const external_account& account,
                                          const std::string& new_account_url) {
  const auto secret = base64url_decode(account.hmac_key.substr(0, account.hmac_key.find('=')));
  if (!secret || secret->empty())
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 "external account: the HMAC key is not base64url"};
  client::json head;
  head["alg"] = "HS256";
  head["kid"] = account.kid;
  head["url"] = new_account_url;
  const auto first = base64url_encode(dumped(head));
  const auto second = base64url_encode(key.jwk());
  return flattened(first, second, hmac_sha256(*secret, first + "." + second));
}

}  // namespace stagedoor::acme
