// SPDX-License-Identifier: Apache-2.0
// What has to be shown to prove control of a name (RFC 8555 8, RFC 8737).
#pragma once

#include "runtime/acme/keys.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::acme {

enum class challenge_type : std::uint8_t { http_01, dns_01, tls_alpn_01 };

[[nodiscard]] std::string_view to_string(challenge_type type) noexcept;
[[nodiscard]] std::optional<challenge_type> challenge_type_of(std::string_view text) noexcept;

struct challenge {
  challenge_type type = challenge_type::http_01;
  std::string domain;  ///< without "*."
  std::string token;   ///< base64url: safe as the last part of a path
  std::string key_authorization;

  /// http-01: where it is asked for, on port 80.
  [[nodiscard]] std::string path() const;
  /// dns-01: "_acme-challenge.<domain>" and the text of its TXT record. A name and its wildcard
  /// have two values at one owner: add and remove by value.
  [[nodiscard]] std::string record_name() const;
  [[nodiscard]] std::string record_value() const;
};

/// RFC 8555 8.1: at least 128 bits of base64url. Nothing else may become part of a path or record.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

struct certificate_pair {
  std::string chain_pem;
  std::string key_pem;
};

/// tls-alpn-01: what to present for |c|.domain when the client offers "acme-tls/1" (RFC 8737 3).
/// On failure: invalid, internal.
[[nodiscard]] result<certificate_pair> tls_alpn_certificate(const challenge& c);

}  // namespace stagedoor::acme
