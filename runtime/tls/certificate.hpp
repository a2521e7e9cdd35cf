// SPDX-License-Identifier: Apache-2.0
// A certificate chain with its private key, ready to be served.
//
// Owner: the certificate table and the contexts; copies share the parsed objects.
// Runs on: any thread; immutable. Bounded by: max_pem_bytes, max_chain.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <memory>
#include <openssl/types.h>
#include <string>
#include <string_view>
#include <vector>

struct stack_st_X509;  // OpenSSL's STACK_OF(X509)

namespace stagedoor::tls {

inline constexpr std::size_t max_pem_bytes = 1U << 20U;  ///< of a chain or a key
inline constexpr std::size_t max_chain = 16;             ///< certificates above the leaf

class certificate {
 public:
  /// Holds nothing; only to be assigned to.
  certificate() = default;

  /// Chain (leaf first) and key as PEM text. |name| stands for them in faults.
  /// On failure: malformed, invalid (the key is not the leaf's), too_large.
  [[nodiscard]] static result<certificate> parse(std::string_view chain_pem,
                                                 std::string_view key_pem, std::string_view name);

  /// Each argument is a path, or PEM text itself: both occur in Traefik's files. Reads files, so
  /// not on a loop. On failure: as parse; also not_found, refused with the path.
  [[nodiscard]] static result<certificate> load(const std::string& chain, const std::string& key);

  [[nodiscard]] bool empty() const noexcept { return state_ == nullptr; }

  /// The subject alternative names, lower case, DNS names before addresses; the common name where
  /// there are none. Each is a key of a certificate table: "a.example" or "*.example".
  [[nodiscard]] const std::vector<std::string>& names() const noexcept;
  [[nodiscard]] std::string_view common_name() const noexcept;
  [[nodiscard]] wall_time not_before() const noexcept;
  [[nodiscard]] wall_time not_after() const noexcept;
  /// SHA-256 of the leaf, lower-case hexadecimal.
  [[nodiscard]] std::string_view fingerprint() const noexcept;
  /// Whether one of the names is |host|, or stands for it one label up.
  [[nodiscard]] bool covers(std::string_view host) const noexcept;

  // -- for contexts and sessions ----------------------------------------------------------------

  [[nodiscard]] X509* leaf() const noexcept;
  [[nodiscard]] EVP_PKEY* key() const noexcept;
  [[nodiscard]] stack_st_X509* chain() const noexcept;  ///< above the leaf

 private:
  struct state;
  explicit certificate(std::shared_ptr<const state> s) noexcept : state_(std::move(s)) {}
  std::shared_ptr<const state> state_;
};

}  // namespace stagedoor::tls
