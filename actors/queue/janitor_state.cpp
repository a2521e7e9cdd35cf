// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/janitor_state.hpp"

#include "actors/queue/queue_scripts.hpp"

#include <algorithm>

namespace stagedoor::actors {

janitor_state::janitor_state(node_identity who, janitor_options options)
    : who_(std::move(who)), options_(std::move(options)) {
  for (const auto& name : options_.queues) queues_.push_back({.name = name, .next = {}});
}

janitor_effects janitor_state::start(mono_time now) {
  last_renewed_ = now;
  return tick(now);
}

janitor_effects janitor_state::stop() {
  janitor_effects out;
  stopped_ = true;
  ask({.what = purpose::renew, .queue = 0, .list = {}, .since = {}},
      {.script = nullptr, .keys = {}, .arguments = {"DEL", queue_names::liveness(who_)}}, out);
  return out;
}

janitor_effects janitor_state::tick(mono_time now) {
  janitor_effects out;
  if (stopped_) return out;
  // First our own sign of life: a recovery that takes long must not cost us our own tasks.
  if (now >= next_renewal_ && !renewing_) renew(now, out);
  if (now >= next_scan_ && !scanning_) scan(now, out);
  for (std::size_t i = 0; i < queues_.size(); ++i)
    if (now >= queues_[i].next && !queues_[i].asked) promote(i, now, out);
  return out;
}

mono_time janitor_state::next_tick() const {
  auto next = mono_time::max();
  if (!renewing_) next = std::min(next, next_renewal_);
  if (!scanning_) next = std::min(next, next_scan_);
  for (const auto& q : queues_)
    if (!q.asked) next = std::min(next, q.next);
  return next;
}

bool janitor_state::believed_alive(mono_time now) const {
  return now - last_renewed_ < options_.liveness_ttl;
}

void janitor_state::ask(asked why, redis_call call, janitor_effects& out) {
  const auto ticket = next_ticket_++;
  asked_.emplace(ticket, std::move(why));
  out.push_back({ticket, std::move(call)});
}

void janitor_state::renew(mono_time now, janitor_effects& out) {
  renewing_ = true;
  next_renewal_ = now + options_.liveness_interval;
  redis_call call{
      .script = &queue_scripts::stay_alive(),
      .keys = {queue_names::liveness(who_), std::string(queue_names::processing_registry)},
      .arguments = {std::to_string(options_.liveness_ttl.count())}};
  // Every time anew: a Redis that lost its data must learn of our lists again.
  call.arguments.insert(call.arguments.end(), options_.own_lists.begin(), options_.own_lists.end());
  ask({.what = purpose::renew, .queue = 0, .list = {}, .since = now}, std::move(call), out);
}

void janitor_state::scan(mono_time now, janitor_effects& out) {
  scanning_ = true;
  next_scan_ = now + options_.scan_interval;
  ask({.what = purpose::scan, .queue = 0, .list = {}, .since = now},
      {.script = nullptr,
       .keys = {},
       .arguments = {"SMEMBERS", std::string(queue_names::processing_registry)}},
      out);
}

void janitor_state::scanned(const redis::reply& registry, mono_time now, janitor_effects& out) {
  for (const auto& member : registry.items) {
    const auto list = queue_names::parse_processing(member.text);
    if (list && list->owner != who_) recover(*list, now, out);
  }
}

void janitor_state::recover(const queue_names::processing_list& list, mono_time now,
                            janitor_effects& out) {
  const bool our_past = list.owner.node == who_.node;
  ask({.what = purpose::recover, .queue = 0, .list = list, .since = now},
      {.script = &queue_scripts::recover(),
       .keys = {queue_names::liveness(list.owner), list.key, list.queue,
                std::string(queue_names::processing_registry)},
       .arguments = {std::to_string(options_.recover_batch), our_past ? "force" : ""}},
      out);
}

void janitor_state::promote(std::size_t queue, mono_time now, janitor_effects& out) {
  queues_[queue].asked = true;
  queues_[queue].next = now + options_.promote_interval;
  ask({.what = purpose::promote, .queue = queue, .list = {}, .since = now},
      {.script = &queue_scripts::promote(),
       .keys = {queue_names::retry(queues_[queue].name), queues_[queue].name},
       .arguments = {std::to_string(options_.promote_batch)}},
      out);
}

janitor_effects janitor_state::answered(call_ticket ticket, const result<redis::reply>& answer,
                                        mono_time now) {
  janitor_effects out;
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return out;
  const auto was = found->second;
  asked_.erase(found);
  switch (was.what) {
    case purpose::renew:
      renewing_ = false;
      if (answer) last_renewed_ = was.since;
      break;
    case purpose::scan:
      scanning_ = false;
      if (answer && !stopped_) scanned(*answer, now, out);
      break;
    case purpose::recover:
      if (!answer || answer->integer < 0) break;
      counters_.recovered += static_cast<std::uint64_t>(answer->integer);
      if (static_cast<std::size_t>(answer->integer) >= options_.recover_batch && !stopped_)
        recover(was.list, now, out);
      break;
    case purpose::promote: {
      auto& q = queues_[was.queue];
      q.asked = false;
      if (!answer) break;
      const auto moved = answer->at(0).integer;
      const auto wait = answer->at(1).integer;
      counters_.promoted += static_cast<std::uint64_t>(std::max<std::int64_t>(moved, 0));
      if (wait >= 0) q.next = std::min(q.next, now + milliseconds(wait));
      break;
    }
  }
  return out;
}

}  // namespace stagedoor::actors
