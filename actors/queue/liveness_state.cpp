// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/liveness_state.hpp"

#include "actors/queue/queue_scripts.hpp"

#include <algorithm>

namespace stagedoor::actors {

liveness_state::liveness_state(node_identity who, liveness_options options)
    : who_(std::move(who)), options_(std::move(options)) {}

liveness_effects liveness_state::start(mono_time now) {
  last_renewed_ = now;
  return tick(now);
}

liveness_effects liveness_state::stop() {
  liveness_effects out;
  stopped_ = true;
  ask({.what = purpose::give_up, .list = {}, .since = {}},
      {.script = nullptr, .keys = {}, .arguments = {"DEL", queue_names::liveness(who_)}}, out);
  return out;
}

liveness_effects liveness_state::tick(mono_time now) {
  liveness_effects out;
  if (stopped_) return out;
  // First our own sign of life: a recovery that takes long must not cost us our own tasks.
  if (now >= next_renewal_ && !renewing_) renew(now, out);
  if (now >= next_scan_ && !scanning_) scan(now, out);
  return out;
}

mono_time liveness_state::next_tick() const {
  auto next = mono_time::max();
  if (!renewing_) next = std::min(next, next_renewal_);
  if (!scanning_) next = std::min(next, next_scan_);
  return next;
}

bool liveness_state::believed_alive(mono_time now) const {
  return now - last_renewed_ < options_.ttl;
}

void liveness_state::ask(asked why, redis_call call, liveness_effects& out) {
  const auto ticket = next_ticket_++;
  asked_.emplace(ticket, std::move(why));
  out.push_back({ticket, std::move(call)});
}

void liveness_state::renew(mono_time now, liveness_effects& out) {
  renewing_ = true;
  next_renewal_ = now + options_.interval;
  redis_call call{
      .script = &queue_scripts::stay_alive(),
      .keys = {queue_names::liveness(who_), std::string(queue_names::processing_registry)},
      .arguments = {std::to_string(options_.ttl.count())}};
  // Every time anew: a Redis that lost its data must learn of our lists again.
  call.arguments.insert(call.arguments.end(), options_.own_lists.begin(), options_.own_lists.end());
  ask({.what = purpose::renew, .list = {}, .since = now}, std::move(call), out);
}

void liveness_state::scan(mono_time now, liveness_effects& out) {
  scanning_ = true;
  next_scan_ = now + options_.interval;
  ask({.what = purpose::scan, .list = {}, .since = now},
      {.script = nullptr,
       .keys = {},
       .arguments = {"SMEMBERS", std::string(queue_names::processing_registry)}},
      out);
}

void liveness_state::recover(const queue_names::processing_list& list, mono_time now,
                             liveness_effects& out) {
  ask({.what = purpose::recover, .list = list, .since = now},
      {.script = &queue_scripts::recover_past(),
       .keys = {list.key, list.queue},
       .arguments = {std::to_string(options_.recover_batch)}},
      out);
}

liveness_effects liveness_state::answered(call_ticket ticket, const result<redis::reply>& answer,
                                          mono_time now) {
  liveness_effects out;
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
      if (!answer || stopped_) break;
      for (const auto& member : answer->items) {
        const auto list = queue_names::parse_processing(member.text);
        if (list && list->owner.node == who_.node && list->owner != who_) recover(*list, now, out);
      }
      break;
    case purpose::recover: {
      if (!answer || answer->integer < 0) break;
      const auto moved = static_cast<std::uint64_t>(answer->integer);
      recovered_ += moved;
      if (moved >= options_.recover_batch && !stopped_) recover(was.list, now, out);
      break;
    }
    case purpose::give_up: break;
  }
  return out;
}

}  // namespace stagedoor::actors
