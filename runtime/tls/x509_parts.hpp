// SPDX-License-Identifier: Apache-2.0
// The steps in which a certificate of our own is put together, for those who sign one.
//
// Internal to runtime/tls. Each returns false with the reason on OpenSSL's error queue.
// Runs on: any thread.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/tls/openssl.hpp"
#include "runtime/tls/self_signed.hpp"

#include <string>
#include <vector>

namespace stagedoor::tls {

/// Version 3, a random serial of 127 bits, the validity and the public half of |key|.
[[nodiscard]] bool set_basics(X509* cert, EVP_PKEY* key, wall_time not_before,
                              std::chrono::seconds lifetime);

[[nodiscard]] bool set_common_name(X509* cert, const std::string& name);

/// An extension in OpenSSL's configuration text; |value| must not come from outside.
[[nodiscard]] bool extend(X509* cert, X509* issuer, int nid, const std::string& value);

/// Subject alternative names. Built from the structure, not from configuration text: a name cannot
/// smuggle in a second one with a comma.
[[nodiscard]] bool add_names(X509* cert, const std::vector<std::string>& names);

/// On failure: internal.
[[nodiscard]] result<pem_pair> pem_of(X509* cert, EVP_PKEY* key);

}  // namespace stagedoor::tls
