// SPDX-License-Identifier: Apache-2.0
// certbot's folder (/etc/letsencrypt): read as it is, and written so that certbot and everything
// that was configured with live/<name>/fullchain.pem goes on working.
//
// A new certificate becomes version N+1 in archive/; only when its four files are on disk are the
// links in live/ turned, fullchain.pem last, so whoever watches that one finds the others in place.
// Runs on: any thread that may wait for a disk; never a loop.
// Bounded by: |max_lineages|, |max_pem| bytes a file.
// On failure: not_found, refused, conflict (certbot is at work), invalid, too_large, internal.
#pragma once

#include "runtime/acme/acme_json.hpp"
#include "runtime/acme/challenge.hpp"

namespace stagedoor::acme {

inline constexpr std::size_t max_lineages = 100'000;
inline constexpr std::size_t max_pem = 1U << 20U;  ///< bytes

struct lineage {
  std::string name;
  stored_certificate certificate;  ///< |path| is live/<name>/fullchain.pem
  std::string server;              ///< directory URL, from renewal/<name>.conf
  std::string authenticator;       ///< "webroot", "manual", …
};

struct certbot_tree {
  std::vector<lineage> lineages;  ///< by name
  std::vector<std::string> warnings;
};

/// A folder that is empty or missing has no lineages.
[[nodiscard]] result<certbot_tree> read_certbot(const std::string& folder);

/// certbot's name for these: the first, without "*.".
[[nodiscard]] std::string lineage_name(const std::vector<std::string>& names);

/// |server|: for the renewal file, which is made only when there is none; certbot is told there
/// not to renew what we do. Returns the path of fullchain.pem.
[[nodiscard]] result<std::string> write_lineage(const std::string& folder, const std::string& name,
                                                const certificate_pair& pair,
                                                const std::string& server);

}  // namespace stagedoor::acme
