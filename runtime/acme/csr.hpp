// SPDX-License-Identifier: Apache-2.0
// The request that an order is finalized with (RFC 8555 7.4): names, and proof of the key.
#pragma once

#include "runtime/acme/keys.hpp"

#include <string>
#include <vector>

namespace stagedoor::acme {

enum class common_name : std::uint8_t {
  none,        ///< what RFC 9525 and the CA/Browser Forum want
  first_name,  ///< a few CAs still ask for it
};

/// DER. |names|: DNS names, wildcards and IP addresses. On failure: invalid, internal.
[[nodiscard]] result<std::string> make_csr(const private_key& key,
                                           const std::vector<std::string>& names,
                                           common_name subject = common_name::none);

/// "DNS:a.example,IP:192.0.2.1", as OpenSSL's extension reader wants it; empty when a name holds a
/// character that a host name cannot have.
[[nodiscard]] std::string subject_alternative_names(const std::vector<std::string>& names);

}  // namespace stagedoor::acme
