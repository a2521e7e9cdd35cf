// SPDX-License-Identifier: Apache-2.0
// Traefik's acme.json, so that a machine that changes over asks for no certificate anew.
//
// Read-only. Both layouts are taken: one object a resolver, and the flat one of Traefik 1.x. An
// entry that is no use (no key, another key's certificate) is left out with a warning; of several
// certificates for the same names the one that lasts longest stays.
// Bounded by: |max_acme_json| bytes. On failure: malformed, too_large, not_found, refused.
#pragma once

#include "runtime/acme/certificate_info.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::acme {

inline constexpr std::size_t max_acme_json = 64U << 20U;  ///< bytes

struct stored_account {
  std::string email;
  std::string url;
  std::string key_pem;  ///< empty = none stored
};

struct stored_certificate {
  certificate_info info;
  std::string chain_pem;
  std::string key_pem;
  std::string path;  ///< of the chain, where it is a file of its own
};

struct stored_resolver {
  stored_account account;
  std::vector<stored_certificate> certificates;  ///< by their names
};

struct acme_json {
  std::map<std::string, stored_resolver> resolvers;  ///< of the flat layout under ""
  std::vector<std::string> warnings;
};

[[nodiscard]] result<acme_json> parse_acme_json(std::string_view text);

/// Warns where others may read the file: it holds private keys.
[[nodiscard]] result<acme_json> load_acme_json(const std::string& path);

}  // namespace stagedoor::acme
