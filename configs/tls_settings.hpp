// SPDX-License-Identifier: Apache-2.0
// The `tls` block of a router, which an entry point may also hold as the default of its routers.
#pragma once

#include "configs/section.hpp"

#include <string>
#include <vector>

namespace stagedoor::configs {

struct tls_domain {
  std::string main;
  std::vector<std::string> sans;

  friend bool operator==(const tls_domain&, const tls_domain&) = default;
};

/// Its presence alone makes a router answer on TLS connections, and only there.
struct router_tls {
  std::string options;  ///< name of a tls.options entry; empty = default
  std::string
      cert_resolver;  ///< name of a certificatesResolvers entry; empty = certificates at hand
  location cert_resolver_at;
  std::vector<tls_domain> domains;  ///< empty = the hosts of the rule

  /// Same meaning, wherever written.
  friend bool operator==(const router_tls& a, const router_tls& b) {
    return a.options == b.options && a.cert_resolver == b.cert_resolver && a.domains == b.domains;
  }
};

[[nodiscard]] router_tls read_router_tls(section& s);

}  // namespace stagedoor::configs
