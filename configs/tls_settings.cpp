// SPDX-License-Identifier: Apache-2.0
#include "configs/tls_settings.hpp"

namespace stagedoor::configs {

router_tls read_router_tls(section& s) {
  router_tls out;
  s.text("options", out.options);
  s.text("certResolver", out.cert_resolver);
  out.cert_resolver_at = s.where("certResolver");
  s.items("domains", [&](section& d) {
    tls_domain domain;
    d.text("main", domain.main);
    d.list("sans", domain.sans);
    if (domain.main.empty()) d.error("main", "a host name");
    out.domains.push_back(std::move(domain));
  });
  return out;
}

}  // namespace stagedoor::configs
