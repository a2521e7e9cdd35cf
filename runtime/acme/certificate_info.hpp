// SPDX-License-Identifier: Apache-2.0
// What a certificate says about itself, and when to replace it.
//
// On failure: invalid (no certificate in the text, or more than |max_chain|).
#pragma once

#include "runtime/acme/keys.hpp"
#include "runtime/base/clock.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::acme {

inline constexpr std::size_t max_chain = 16;  ///< certificates in one PEM text

struct certificate_info {
  std::vector<std::string> names;  ///< DNS names and IP addresses of the leaf, sorted, lower case
  wall_time not_before;
  wall_time not_after;
  std::string serial;  ///< hexadecimal
  std::string issuer;  ///< common name
  std::string
      ari_id;  ///< how renewalInfo knows it (RFC 9773 4.1); empty without an authority key id
  std::size_t chain_length = 0;
};

/// Of the first certificate in |pem|, which is the leaf.
[[nodiscard]] result<certificate_info> inspect_chain(std::string_view pem);

/// Whether the leaf was issued for |key|. On failure: invalid.
[[nodiscard]] result<bool> belongs_to(std::string_view chain_pem, const private_key& key);

/// A chain cut in two: what certbot calls cert.pem and chain.pem.
struct split_chain {
  std::string leaf;
  std::string issuers;
};
[[nodiscard]] split_chain split_pem(std::string_view chain_pem);

/// When a third of the lifetime is left, or half of it when it is below ten days.
[[nodiscard]] wall_time renewal_time(wall_time not_before, wall_time not_after) noexcept;

}  // namespace stagedoor::acme
