// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/janitor_state.hpp"

#include "actors/queue/queue_scripts.hpp"

#include <algorithm>
#include <set>

namespace stagedoor::actors {

janitor_state::janitor_state(node_identity who, messages::owner_proof proof,
                             janitor_options options)
    : who_(std::move(who)), proof_(std::move(proof)), options_(std::move(options)) {
  for (const auto& name : options_.queues) queues_.push_back({.name = name, .next = {}});
}

janitor_effects janitor_state::start(mono_time now) { return tick(now); }

janitor_effects janitor_state::tick(mono_time now) {
  janitor_effects out;
  while (!declaring_ && !deaths_.empty() && now - deaths_.front().told >= options_.death_counts)
    deaths_.pop_front();
  if (!declaring_ && !deaths_.empty() && now >= next_declaration_) declare(now, out);
  if (now >= next_scan_ && !scanning_) scan(now, out);
  for (std::size_t i = 0; i < queues_.size(); ++i)
    if (now >= queues_[i].next && !queues_[i].asked) promote(i, now, out);
  return out;
}

mono_time janitor_state::next_tick() const {
  auto next = mono_time::max();
  if (!declaring_ && !deaths_.empty()) next = std::min(next, next_declaration_);
  if (!scanning_) next = std::min(next, next_scan_);
  for (const auto& q : queues_)
    if (!q.asked) next = std::min(next, q.next);
  return next;
}

// -- from the cluster ------------------------------------------------------------------------------

janitor_effects janitor_state::owned(const messages::owner_proof& proof, mono_time now) {
  if (proof.fence <= proof_.fence) return {};
  proof_ = proof;
  stale_ = false;
  next_declaration_ = next_scan_ = now;
  for (auto& q : queues_) q.next = now;
  return tick(now);
}

janitor_effects janitor_state::gone(const node_identity& whose, mono_time now) {
  const auto same = [&](const death& d) { return d.whose == whose; };
  const bool known = std::any_of(deaths_.begin(), deaths_.end(), same);
  // Beyond the limit nothing is lost: the liveness keys run out by themselves.
  if (whose == who_ || known || deaths_.size() >= options_.deaths) return {};
  deaths_.push_back({whose, now});
  return tick(now);
}

// -- calls -----------------------------------------------------------------------------------------

void janitor_state::ask(asked why, redis_call call, janitor_effects& out) {
  const auto ticket = next_ticket_++;
  why.fence = proof_.fence;
  asked_.emplace(ticket, std::move(why));
  out.push_back({ticket, std::move(call)});
}

redis_call janitor_state::owned_call(const redis::script& script) const {
  return {.script = &script,
          .keys = {std::string(queue_names::janitor_owner)},
          .arguments = {proof_.node, proof_.run, std::to_string(proof_.fence)}};
}

void janitor_state::declare(mono_time now, janitor_effects& out) {
  declaring_ = true;
  next_declaration_ = now + options_.promote_interval;
  auto call = owned_call(queue_scripts::declare_dead());
  call.keys.push_back(queue_names::liveness(deaths_.front().whose));
  ask({.what = purpose::declare, .queue = 0, .list = {}, .since = now}, std::move(call), out);
}

void janitor_state::scan(mono_time now, janitor_effects& out) {
  scanning_ = true;
  scan_again_ = false;
  next_scan_ = now + options_.scan_interval;
  ask({.what = purpose::scan, .queue = 0, .list = {}, .since = now},
      {.script = nullptr,
       .keys = {},
       .arguments = {"SMEMBERS", std::string(queue_names::processing_registry)}},
      out);
}

void janitor_state::recover(const queue_names::processing_list& list, mono_time now,
                            janitor_effects& out) {
  const auto empty = empty_since_.find(list.key);
  const bool forget = empty != empty_since_.end() && now - empty->second >= options_.forget_after;
  auto call = owned_call(queue_scripts::recover());
  call.keys.insert(call.keys.end(), {queue_names::liveness(list.owner), list.key, list.queue,
                                     std::string(queue_names::processing_registry)});
  call.arguments.push_back(std::to_string(options_.recover_batch));
  call.arguments.emplace_back(forget ? "forget" : "");
  ask({.what = purpose::recover, .queue = 0, .list = list, .since = now}, std::move(call), out);
}

void janitor_state::promote(std::size_t queue, mono_time now, janitor_effects& out) {
  queues_[queue].asked = true;
  queues_[queue].next = now + options_.promote_interval;
  auto call = owned_call(queue_scripts::promote());
  call.keys.push_back(queue_names::retry(queues_[queue].name));
  call.keys.push_back(queues_[queue].name);
  call.arguments.push_back(std::to_string(options_.promote_batch));
  ask({.what = purpose::promote, .queue = queue, .list = {}, .since = now}, std::move(call), out);
}

// -- answers ---------------------------------------------------------------------------------------

janitor_effects janitor_state::answered(call_ticket ticket, const result<redis::reply>& answer,
                                        mono_time now) {
  janitor_effects out;
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return out;
  const auto was = found->second;
  asked_.erase(found);
  const bool refused = answer && answer->is_text() && answer->text == "stale";
  const bool counts = answer && !refused;
  if (refused) ++counters_.stale;
  // What an older proof was told says nothing about the one that we have now.
  if (was.what != purpose::scan && answer && was.fence == proof_.fence) stale_ = refused;
  switch (was.what) {
    case purpose::declare: declared(counts, now, out); break;
    case purpose::scan:
      scanning_ = false;
      if (counts) scanned(*answer, now, out);
      if (scan_again_) scan(now, out);
      break;
    case purpose::recover:
      if (counts) recovered(was, *answer, now, out);
      break;
    case purpose::promote:
      queues_[was.queue].asked = false;
      if (counts) promoted(was.queue, *answer, now);
      break;
  }
  return out;
}

void janitor_state::declared(bool answered, mono_time now, janitor_effects& out) {
  declaring_ = false;
  if (!answered) return;  // again at next_declaration_
  ++counters_.declared;
  deaths_.pop_front();
  next_declaration_ = now;
  if (!deaths_.empty())
    declare(now, out);
  else if (scanning_)
    scan_again_ = true;
  else
    scan(now, out);
}

void janitor_state::scanned(const redis::reply& registry, mono_time now, janitor_effects& out) {
  std::set<std::string_view> registered;
  for (const auto& member : registry.items) registered.insert(member.text);
  std::erase_if(empty_since_, [&](const auto& e) { return !registered.contains(e.first); });
  for (const auto& member : registry.items) {
    const auto list = queue_names::parse_processing(member.text);
    if (list && list->owner != who_) recover(*list, now, out);
  }
}

void janitor_state::recovered(const asked& was, const redis::reply& answer, mono_time now,
                              janitor_effects& out) {
  if (answer.integer > 0) counters_.recovered += static_cast<std::uint64_t>(answer.integer);
  if (answer.integer == 0)
    empty_since_.emplace(was.list.key, was.since);  // keeps the first time
  else
    empty_since_.erase(was.list.key);
  if (answer.integer > 0 && static_cast<std::size_t>(answer.integer) >= options_.recover_batch)
    recover(was.list, now, out);
}

void janitor_state::promoted(std::size_t queue, const redis::reply& answer, mono_time now) {
  auto& q = queues_[queue];
  const auto moved = answer.at(0).integer;
  const auto wait = answer.at(1).integer;
  counters_.promoted += static_cast<std::uint64_t>(std::max<std::int64_t>(moved, 0));
  if (wait >= 0) q.next = std::min(q.next, now + milliseconds(wait));
}

}  // namespace stagedoor::actors
