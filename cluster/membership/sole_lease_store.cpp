// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/sole_lease_store.hpp"

#include <algorithm>

namespace stagedoor::cluster {

void sole_lease_store::ask(lease_request what, mono_time /*deadline*/, done answer) {
  const auto standing_as = [&](standing is) {
    return lease_standing{is, version_, "sole", last_, milliseconds(0), milliseconds(0)};
  };
  if (auto* join = std::get_if<join_cluster>(&what)) {
    self_ = std::move(join->self);
    ++version_;
    return answer(lease_answer(standing_as(standing::member)));
  }
  if (std::holds_alternative<renew_lease>(what))
    return answer(lease_answer(standing_as(self_ ? standing::member : standing::unknown)));
  if (std::holds_alternative<leave_cluster>(what)) {
    self_.reset();
    ++version_;
    return answer(lease_answer(standing_as(standing::unknown)));
  }
  if (const auto* read = std::get_if<read_members>(&what)) {
    member_list out{version_, read->known_version != version_, {}};
    if (out.changed && self_) out.members.push_back(*self_);
    return answer(lease_answer(std::move(out)));
  }
  if (const auto* acquire = std::get_if<acquire_owners>(&what)) {
    acquire_outcome out{self_.has_value(), {}};
    if (self_)
      for (const auto& c : acquire->claims) {
        last_ = std::max(last_, c.held) + 1;
        out.claims.push_back({claim_result::granted, last_, {}, {}});
      }
    return answer(lease_answer(std::move(out)));
  }
  if (const auto* release = std::get_if<release_owners>(&what))
    return answer(lease_answer(release_outcome{release->items.size()}));
  if (std::holds_alternative<evict_member>(what)) return answer(lease_answer(evict_outcome{false}));
  answer(fault{fault_kind::unsupported, fault_side::self, retryable::no,
               "a node without a cluster has no fence"});
}

}  // namespace stagedoor::cluster
