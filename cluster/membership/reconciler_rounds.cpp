// SPDX-License-Identifier: Apache-2.0
// How this node comes to own what it should, and lets go of what it should not: in rounds, by what
// the store answers. The rest of reconciler_state says what should be.
#include "cluster/membership/reconciler_state.hpp"

#include <algorithm>
#include <cassert>

namespace stagedoor::cluster {

// -- a round -----------------------------------------------------------------------------------------

void reconciler_state::soon(mono_time now) {
  next_round_ = std::min(next_round_, std::max(now, last_round_ + options_.soonest));
}

mono_time reconciler_state::next_tick() const {
  auto next = next_round_;
  for (const auto& kind : kinds_) next = std::min(next, kind.read_at);
  return next;
}

effects reconciler_state::tick(mono_time now) {
  effects out;
  for (auto& kind : kinds_) {
    if (now < kind.read_at) continue;
    kind.read_at = now + options_.read_interval;
    out.push_back(read_desired{kind.name, kind.version});
  }
  if (now >= next_round_) round(now, out);
  return out;
}

void reconciler_state::round(mono_time now, effects& out) {
  ++counters_.rounds;
  last_round_ = now;
  next_due_ = now + options_.interval;
  more_ = false;
  std::size_t moves = 0;
  if (now >= next_moves_) {
    const auto base = draining_ ? std::max(owned_, most_owned_) : owned_;
    moves = std::max(options_.at_least, base * options_.share_percent / 100);
  }
  const auto allowed = moves;
  for (std::size_t at = items_.size(); at-- > 0;) {
    auto& i = items_[at];
    consider(i, now, moves, out);
    if (i.is == phase::none && !i.is_desired) erase(static_cast<std::uint32_t>(at));
  }
  if (moves != allowed) next_moves_ = now + options_.interval;
  next_round_ = std::max(next_due_, now + options_.soonest);
  flush(out);
  if (!draining_ || told_drained_ || !asked_.empty()) return;
  told_drained_ =
      std::all_of(items_.begin(), items_.end(), [](const item& i) { return i.is == phase::none; });
  if (told_drained_) out.push_back(drained{});
}

void reconciler_state::consider(item& i, mono_time now, std::size_t& moves, effects& out) {
  switch (i.is) {
    case phase::none:
    case phase::unsure: {
      if (!member_ || i.asserting) return;  // one question about an id at a time
      if (!i.wanted) {
        if (i.is == phase::unsure) release(i, highest_);
        return;
      }
      const auto due = std::max(i.due, paused_until_);
      if (now < due)
        next_due_ = std::min(next_due_, due);
      else if (claims_in_flight_ + claims_.size() >= options_.claims_in_flight)
        more_ = true;
      else
        ask_for(i);
      return;
    }
    case phase::owned:
      if (!i.is_desired) {
        stop(i, stop_reason::unwanted, now, out);
      } else if (!i.wanted) {
        if (moves == 0) {
          next_due_ = std::min(next_due_, std::max(next_moves_, now + options_.soonest));
          return;
        }
        --moves;
        ++counters_.moved;
        stop(i, stop_reason::moved, now, out);
      } else if (i.assert_now && !i.asserting) {
        ask_for(i);
      }
      return;
    case phase::stopping:
      if (now >= i.due)
        after_stop(i);
      else
        next_due_ = std::min(next_due_, i.due);
      return;
    case phase::claiming:
    case phase::releasing: return;
  }
}

void reconciler_state::become(item& i, phase next) {
  if (i.is == phase::owned) --owned_;
  if (next == phase::owned) ++owned_;
  i.is = next;
}

void reconciler_state::stop(item& i, stop_reason why, mono_time now, effects& out) {
  become(i, phase::stopping);
  i.due = now + options_.stop_patience;
  i.release_after_stop = why != stop_reason::lost && why != stop_reason::fenced;
  i.assert_now = false;
  out.push_back(stop_owned{key_of(i), why});
}

void reconciler_state::ask_for(item& i) {
  const bool again = i.is == phase::owned;
  if (again)
    i.asserting = true;
  else
    become(i, phase::claiming);
  claims_.push_back({key_of(i), again ? i.number : 0, i.refusals >= 2});
}

void reconciler_state::release(item& i, fence number) {
  become(i, phase::releasing);
  releases_.push_back({key_of(i), number});
}

void reconciler_state::after_stop(item& i) {
  i.due = {};
  if (!i.release_after_stop || !member_)
    become(i, phase::none);
  else if (i.asserting)
    become(i, phase::unsure);  // its fence may be a higher one by now
  else
    release(i, i.number);
}

void reconciler_state::flush(effects& out) {
  for (std::size_t at = 0; at < claims_.size(); at += options_.batch) {
    const auto end = std::min(claims_.size(), at + options_.batch);
    acquire_owners request{self_, highest_, {}};
    asked entry{asked::question::claim, self_.run, {}};
    for (std::size_t i = at; i < end; ++i) {
      entry.keys.push_back(claims_[i].what);
      request.claims.push_back(std::move(claims_[i]));
    }
    claims_in_flight_ += entry.keys.size();
    asked_.emplace(next_ticket_, std::move(entry));
    out.push_back(ask_store{next_ticket_++, std::move(request), options_.patience});
  }
  for (std::size_t at = 0; at < releases_.size(); at += options_.batch) {
    const auto end = std::min(releases_.size(), at + options_.batch);
    release_owners request{self_, {}};
    asked entry{asked::question::release, self_.run, {}};
    for (std::size_t i = at; i < end; ++i) {
      entry.keys.push_back(releases_[i].what);
      request.items.push_back(std::move(releases_[i]));
    }
    asked_.emplace(next_ticket_, std::move(entry));
    out.push_back(ask_store{next_ticket_++, std::move(request), options_.patience});
  }
  claims_.clear();
  releases_.clear();
}

// -- answers ---------------------------------------------------------------------------------------

effects reconciler_state::answered(ticket number, const result<lease_answer>& answer,
                                   mono_time now) {
  effects out;
  const auto found = asked_.find(number);
  if (found == asked_.end()) return out;
  const auto was = std::move(found->second);
  asked_.erase(found);
  if (was.what == asked::question::claim) claims_in_flight_ -= was.keys.size();
  if (more_ || draining_) soon(now);
  const auto* claims = answer ? std::get_if<acquire_outcome>(&*answer) : nullptr;
  const bool released = answer && std::holds_alternative<release_outcome>(*answer);
  if (claims != nullptr && claims->is_member && claims->claims.size() == was.keys.size()) {
    for (std::size_t at = 0; at < was.keys.size(); ++at) {
      auto* i = find(was.keys[at]);
      if (i == nullptr) continue;
      if (i->asserting)
        asserted(*i, claims->claims[at], now, out);
      else if (i->is == phase::claiming)
        claimed(*i, claims->claims[at], now, out);
    }
  } else if (released) {
    for (const auto& key : was.keys)
      if (auto* i = find(key); i != nullptr && i->is == phase::releasing) {
        become(*i, phase::none);
        if (i->wanted || !i->is_desired) soon(now);
      }
  } else {
    no_answer(was, now);
  }
  flush(out);
  return out;
}

void reconciler_state::claimed(item& i, const claim_outcome& outcome, mono_time now, effects& out) {
  if (outcome.is == claim_result::granted) {
    saw_fence(outcome.number);
    i.refusals = 0;
    i.number = outcome.number;
    if (!i.wanted) return release(i, i.number);
    become(i, phase::owned);
    ++counters_.started;
    out.push_back(start_owned{{key_of(i), self_, i.number}});
    return;
  }
  become(i, phase::none);
  if (outcome.is == claim_result::paused) {
    i.due = now + outcome.wait;
  } else {
    const auto replicas = kinds_[i.kind].replicas;
    i.slot = static_cast<std::uint32_t>((i.slot + 1U) % replicas);
    const auto doublings = std::min<std::uint32_t>(i.refusals, 8);
    i.due = now + std::min(options_.retry_longest, options_.retry_first * (1U << doublings));
    if (i.refusals < 255) ++i.refusals;
    if (i.refusals < replicas) i.due = now;
  }
  soon(i.due);
}

void reconciler_state::asserted(item& i, const claim_outcome& outcome, mono_time now,
                                effects& out) {
  i.asserting = false;
  soon(now);
  if (outcome.is == claim_result::granted) {
    saw_fence(outcome.number);
    i.number = outcome.number;
    if (i.is != phase::owned) return;  // being stopped: it is released with this one
    i.assert_now = false;
    out.push_back(renew_proof{{key_of(i), self_, i.number}});
  } else if (outcome.is == claim_result::held && i.is == phase::owned) {
    ++counters_.lost;
    stop(i, stop_reason::lost, now, out);
  }
}

/// The request may have been carried out, may yet be, or not at all.
void reconciler_state::no_answer(const asked& was, mono_time now) {
  for (const auto& key : was.keys) {
    auto* i = find(key);
    if (i == nullptr) continue;
    i->asserting = false;
    if (i->is != phase::claiming && i->is != phase::releasing) continue;
    become(*i, phase::unsure);
    i->due = now + options_.retry_first;
  }
  soon(now + options_.retry_first);
}

// -- events ----------------------------------------------------------------------------------------

effects reconciler_state::hinted(const hint& news, mono_time now) {
  effects out;
  if (!member_) return out;
  for (const auto& key : news.keys) {
    auto* i = find(key);
    if (news.what == hint::about::released) {
      if (auto* kind = find_kind(key.kind); i == nullptr && kind != nullptr) {
        const auto found = kind->index.find(key.id);
        if (found != kind->index.end()) i = &items_[found->second];
      }
      if (i == nullptr || !i->wanted || i->is != phase::none) continue;
      i->slot = key.slot;
      i->due = {};
      soon(now);
    } else if (news.what == hint::about::wanted) {
      // The store believes that we own it. If we do not, a request of ours came late.
      if (i == nullptr || i->is == phase::none) {
        if (releases_.size() < options_.claims_in_flight) releases_.push_back({key, highest_});
      } else if (i->is == phase::unsure) {
        soon(now);
      }
    }
  }
  flush(out);
  return out;
}

effects reconciler_state::stopped(const owned_key& what, mono_time now) {
  effects out;
  auto* i = find(what);
  if (i == nullptr) return out;
  if (i->is == phase::owned) {
    i->release_after_stop = true;
    after_stop(*i);
    i->due = now + options_.retry_longest;
  } else if (i->is == phase::stopping) {
    after_stop(*i);
  }
  soon(now);
  flush(out);
  return out;
}

void reconciler_state::write_refused(const owned_key& what, mono_time now) {
  auto* i = find(what);
  if (i == nullptr || i->is != phase::owned) return;
  i->assert_now = true;
  soon(now);
}

}  // namespace stagedoor::cluster
