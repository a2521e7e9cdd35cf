// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/parked_queries.hpp"

namespace stagedoor::dns {

std::optional<snapshot::activation> parked_queries::park(std::string_view label, const query& q,
                                                         const client_ref& client) {
  if (names_ == nullptr) return snapshot::activation::unknown;
  if (q.packet.size() > max_parked_bytes) return snapshot::activation::failed;
  auto& fresh = parked_.emplace_back(*this, client);
  fresh.self = std::prev(parked_.end());
  const auto known = names_->ask(label, fresh);
  if (known)
    parked_.pop_back();
  else
    fresh.packet.assign(q.packet.begin(), q.packet.end());
  return known;
}

void parked_queries::go_on(parked_query& q, snapshot::activation outcome) {
  std::list<parked_query> taken;  // answering may stop the server, and so clear the list
  taken.splice(taken.begin(), parked_, q.self);
  resume_(q.packet, q.client, outcome);
}

}  // namespace stagedoor::dns
