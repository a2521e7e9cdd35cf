// SPDX-License-Identifier: Apache-2.0
#include "cluster/claims_state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::cluster {

void claims_state::ask(std::uint64_t id, one& c, mono_time now, claim_effects& out) {
  if (!member_ || c.asked != 0) return;
  c.asked = next_number_++;
  c.again = now + pause_;
  questions_.emplace(c.asked, question{id, self_, c.what});
  out.push_back(ask_for_claims{c.asked, acquire_owners{self_, floor_, {{c.what, 0, false}}}});
}

claim_effects claims_state::joined(const node_run& self, mono_time now) {
  claim_effects out;
  self_ = self;
  member_ = true;
  for (auto& [id, c] : open_) {
    c.asked = 0;
    ask(id, c, now, out);
  }
  return out;
}

void claims_state::fenced() {
  member_ = false;
  for (auto& [id, c] : open_) c.asked = 0;
}

claim_effects claims_state::claim(std::uint64_t id, owned_key what, mono_time deadline, fence floor,
                                  mono_time now) {
  claim_effects out;
  floor_ = std::max(floor_, floor);
  if (open_.size() >= most_) {
    out.push_back(claim_failed{id,
                               {fault_kind::overloaded, fault_side::self, retryable::yes,
                                fmt::format("{} claims are open already", most_)}});
    return out;
  }
  const auto where =
      open_
          .emplace(id, one{std::move(what), deadline, now, 0,
                           fault{fault_kind::unreachable, fault_side::store, retryable::yes,
                                 "this node is not a member of the cluster at the moment"}})
          .first;
  ask(id, where->second, now, out);
  return out;
}

claim_effects claims_state::release(const ownership& proof) {
  claim_effects out;
  const auto number = next_number_++;  // nobody waits for the answer
  out.push_back(ask_for_claims{number, release_owners{proof.holder, {{proof.what, proof.number}}}});
  return out;
}

claim_effects claims_state::answered(std::uint64_t number, const result<lease_answer>& answer,
                                     mono_time now) {
  claim_effects out;
  const auto found = questions_.extract(number);
  if (found.empty()) return out;
  const auto& asked = found.mapped();
  const auto* got = answer ? std::get_if<acquire_outcome>(&*answer) : nullptr;
  const auto* outcome = got != nullptr && !got->claims.empty() ? &got->claims.front() : nullptr;
  const auto c = open_.find(asked.claim);
  const bool awaited = c != open_.end() && c->second.asked == number;
  if (outcome != nullptr && outcome->is == claim_result::granted) {
    const ownership proof{asked.what, asked.self, outcome->number};
    if (!awaited) return release(proof);
    out.push_back(claim_granted{asked.claim, proof});
    open_.erase(c);
    return out;
  }
  if (!awaited) return out;
  auto& last = c->second.last;
  c->second.asked = 0;
  if (outcome == nullptr) {
    last = answer ? fault{fault_kind::unreachable, fault_side::store, retryable::yes,
                          "this node is not a member of the cluster at the moment"}
                  : answer.error();
  } else if (outcome->is == claim_result::held) {
    last = {fault_kind::conflict, fault_side::peer, retryable::yes,
            fmt::format("{} \"{}\" is in the hands of node {}", asked.what.kind, asked.what.id,
                        outcome->holder)};
  } else {
    last = {fault_kind::unreachable, fault_side::store, retryable::yes,
            "nothing changes hands for a moment: the store was restarted"};
  }
  c->second.again = now + pause_;
  return out;
}

claim_effects claims_state::tick(mono_time now) {
  claim_effects out;
  for (auto it = open_.begin(); it != open_.end();) {
    auto& c = it->second;
    if (now >= c.deadline) {
      out.push_back(claim_failed{it->first, c.last});
      it = open_.erase(it);
      continue;
    }
    if (now >= c.again) ask(it->first, c, now, out);
    ++it;
  }
  return out;
}

mono_time claims_state::next_tick() const {
  auto next = mono_time::max();
  for (const auto& [id, c] : open_) {
    next = std::min(next, c.deadline);
    if (member_ && c.asked == 0) next = std::min(next, c.again);
  }
  return next;
}

}  // namespace stagedoor::cluster
