// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/coordinator_state.hpp"

#include <algorithm>

namespace stagedoor::cluster {
namespace {

// Both states number their questions from 1: the lowest bit says whose it is.
constexpr ticket of_membership(ticket inner) { return inner << 1U; }
constexpr ticket of_reconciler(ticket inner) { return (inner << 1U) | 1U; }
constexpr bool is_reconcilers(ticket outer) { return (outer & 1U) != 0; }

}  // namespace

coordinator_state::coordinator_state(membership_options membership,
                                     membership_state::random_run new_run,
                                     reconciler_options reconciler)
    : membership_(std::move(membership), std::move(new_run)), reconciler_(std::move(reconciler)) {}

void coordinator_state::from_membership(effects wanted, mono_time now, effects& out) {
  for (auto& e : wanted) {
    if (auto* ask = std::get_if<ask_store>(&e)) {
      ask->number = of_membership(ask->number);
    } else if (const auto* change = std::get_if<membership_changed>(&e)) {
      if (change->state == membership_changed::to::joined) reconciler_.joined(change->self, now);
      if (change->state == membership_changed::to::fenced)
        from_reconciler(reconciler_.fenced(now), now, out);
    } else if (std::holds_alternative<view_changed>(e)) {
      reconciler_.view(membership_.members(), now);
      continue;
    } else if (std::holds_alternative<store_changed>(e)) {
      reconciler_.store_changed(now);
      continue;
    }
    out.push_back(std::move(e));
  }
}

void coordinator_state::from_reconciler(effects wanted, mono_time now, effects& out) {
  for (auto& e : wanted) {
    if (std::holds_alternative<drained>(e)) {
      from_membership(membership_.leave(now), now, out);
      continue;
    }
    if (auto* ask = std::get_if<ask_store>(&e)) ask->number = of_reconciler(ask->number);
    out.push_back(std::move(e));
  }
}

effects coordinator_state::begin(mono_time now) {
  effects out;
  from_membership(membership_.tick(now), now, out);
  return out;
}

effects coordinator_state::end(effects out, mono_time now) {
  reconciler_.pause_until(membership_.paused_until());
  reconciler_.saw_fence(membership_.highest_fence());
  from_reconciler(reconciler_.tick(now), now, out);
  membership_.saw_fence(reconciler_.highest_fence());
  return out;
}

effects coordinator_state::start(mono_time now) {
  effects out;
  from_membership(membership_.start(now), now, out);
  return end(std::move(out), now);
}

effects coordinator_state::tick(mono_time now) { return end(begin(now), now); }

mono_time coordinator_state::next_tick() const {
  return std::min(membership_.next_tick(), reconciler_.next_tick());
}

effects coordinator_state::answered(ticket number, const result<lease_answer>& answer,
                                    mono_time now) {
  auto out = begin(now);
  if (is_reconcilers(number))
    from_reconciler(reconciler_.answered(number >> 1U, answer, now), now, out);
  else
    from_membership(membership_.answered(number >> 1U, answer, now), now, out);
  return end(std::move(out), now);
}

effects coordinator_state::hinted(const hint& news, mono_time now) {
  auto out = begin(now);
  if (news.what == hint::about::members)
    from_membership(membership_.members_changed(now), now, out);
  else
    from_reconciler(reconciler_.hinted(news, now), now, out);
  return end(std::move(out), now);
}

effects coordinator_state::peer_gone(const node_run& peer, mono_time now) {
  auto out = begin(now);
  from_membership(membership_.peer_gone(peer, now), now, out);
  return end(std::move(out), now);
}

effects coordinator_state::desired(std::string_view kind, std::uint64_t version,
                                   const std::vector<std::string>& ids, mono_time now) {
  auto out = begin(now);
  reconciler_.desired(kind, version, ids, now);
  return end(std::move(out), now);
}

effects coordinator_state::desired_changed(std::string_view kind, std::uint64_t version,
                                           const std::vector<std::string>& added,
                                           const std::vector<std::string>& removed, mono_time now) {
  auto out = begin(now);
  from_reconciler(reconciler_.desired_changed(kind, version, added, removed, now), now, out);
  return end(std::move(out), now);
}

effects coordinator_state::stopped(const owned_key& what, mono_time now) {
  auto out = begin(now);
  from_reconciler(reconciler_.stopped(what, now), now, out);
  return end(std::move(out), now);
}

effects coordinator_state::write_refused(const owned_key& what, mono_time now) {
  auto out = begin(now);
  reconciler_.write_refused(what, now);
  return end(std::move(out), now);
}

effects coordinator_state::drain(mono_time now) {
  auto out = begin(now);
  from_membership(membership_.drain(now), now, out);
  reconciler_.drain(now);
  return end(std::move(out), now);
}

effects coordinator_state::leave(mono_time now) {
  effects out;
  from_membership(membership_.leave(now), now, out);
  return out;
}

}  // namespace stagedoor::cluster
