// SPDX-License-Identifier: Apache-2.0
// Private keys: of an account (they sign requests) and of certificates.
//
// Runs on: any thread; creating an RSA key takes a core for up to a second, so never on a loop.
// On failure: invalid (no key, encrypted, or of a kind ACME does not take), internal.
#pragma once

#include "runtime/base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace stagedoor::acme {

enum class key_type : std::uint8_t { ec256, ec384, rsa2048, rsa3072, rsa4096 };

/// Traefik's words ("EC256", "RSA4096") and certbot's ("ecdsa", "rsa"), case ignored.
[[nodiscard]] std::optional<key_type> key_type_of(std::string_view word) noexcept;

class private_key {
 public:
  [[nodiscard]] static result<private_key> create(key_type type);
  [[nodiscard]] static result<private_key> from_pem(std::string_view pem);
  /// PKCS#1, SEC 1 or PKCS#8.
  [[nodiscard]] static result<private_key> from_der(std::string_view der);

  [[nodiscard]] std::string pem() const;  ///< PKCS#8, not encrypted

  /// "ES256", "ES384" or "RS256" (RFC 7518 3.1).
  [[nodiscard]] std::string_view algorithm() const noexcept { return algorithm_; }
  /// The public half with its members in the order of RFC 7638 3.2, without blanks.
  [[nodiscard]] const std::string& jwk() const noexcept { return jwk_; }
  /// RFC 7638, base64url.
  [[nodiscard]] std::string thumbprint() const;
  /// As a JWS wants it: R and S side by side, not ASN.1 (RFC 7518 3.4).
  [[nodiscard]] result<std::string> sign(std::string_view bytes) const;

  [[nodiscard]] bool same_public_key(const private_key& other) const noexcept {
    return jwk_ == other.jwk_;
  }
  [[nodiscard]] evp_pkey_st* native() const noexcept { return key_.get(); }

 private:
  explicit private_key(evp_pkey_st* key);
  [[nodiscard]] static result<private_key> adopt(evp_pkey_st* key, std::string_view source);

  std::shared_ptr<evp_pkey_st> key_;  ///< never changes; OpenSSL keys may be read by many threads
  std::string_view algorithm_;        ///< empty = not a kind that ACME takes
  std::string jwk_;
};

[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace stagedoor::acme
