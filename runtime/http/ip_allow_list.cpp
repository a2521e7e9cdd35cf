// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/ip_allow_list.hpp"

#include "runtime/http/status.hpp"

namespace stagedoor::http {

verdict ip_allow_list::on_request(exchange& x) const {
  const auto& s = options_.strategy;
  const bool is_peer = s.depth == 0 && s.excluded.empty() && s.ipv6_subnet == 0;
  if (is_peer) {
    if (any_contains(options_.allowed, x.request.connection->client)) return verdict::proceed;
  } else if (const auto ip = net::address::parse_ip(source_ip(x, s), 0);
             ip && any_contains(options_.allowed, *ip)) {
    return verdict::proceed;
  }
  x.answer.status = options_.reject_status;
  x.answer.body = reason_phrase(options_.reject_status);
  return verdict::respond;
}

}  // namespace stagedoor::http
