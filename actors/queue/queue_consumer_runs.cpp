// SPDX-License-Identifier: Apache-2.0
// The life of one task, from the moment it is ours to its end: the rest of queue_consumer_state
// decides what to take.
#include "actors/queue/queue_consumer_state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {

// -- the life of a task ------------------------------------------------------------------------------

held_task queue_consumer_state::held(const entry& e) const {
  return {e.what, queues_[e.queue].processing, options_.task_ttl};
}

void queue_consumer_state::begin(run_id run, consumer_effects& out) {
  auto& e = entries_.at(run);
  e.at = phase::beginning;
  e.token = fmt::format("{}:{}:{}:{}", who_.node, who_.incarnation, options_.instance, run);
  auto call = begin_call(held(e), e.token, options_.max_deliveries);
  e.last_call = call;
  ask({.what = purpose::begin, .run = run}, std::move(call), out);
}

void queue_consumer_state::begun(run_id run, const redis::reply& r, mono_time now,
                                 consumer_effects& out) {
  auto& e = entries_.at(run);
  const auto& verdict = r.at(0).text;
  if (verdict == "run") {
    e.what.delivery = static_cast<std::uint32_t>(std::max<std::int64_t>(r.at(1).integer, 1));
    if (stop_deadline_) {
      e.at = phase::running;
      give_back(run, out);
      return;
    }
    e.at = phase::running;
    e.last_word = now;
    e.last_save = now - options_.progress_interval;  // the first progress is always saved
    out.push_back(start_run{run, e.what});
    return;
  }
  if (verdict == "spent") {
    bury(run, fmt::format("delivered {} times without an outcome", r.at(1).integer), out);
    return;
  }
  ++(verdict == "duplicate" ? counters_.duplicates : counters_.lost);
  forget(run, out);
}

consumer_effects queue_consumer_state::progressed(run_id run, const task_progress& p,
                                                  mono_time now) {
  consumer_effects out;
  const auto found = entries_.find(run);
  if (found == entries_.end() || found->second.at != phase::running) return out;
  auto& e = found->second;
  const bool new_step = p.step != e.shown.step || p.total_steps != e.shown.total_steps;
  const std::uint32_t by_step = p.total_steps == 0
                                    ? 0
                                    : static_cast<std::uint32_t>(std::min<std::uint64_t>(
                                          100, std::uint64_t{p.step} * 100 / p.total_steps));
  e.shown = p;
  e.percentage = std::max(e.percentage, std::min(p.percentage.value_or(by_step), 100U));
  e.last_word = now;
  e.unsaved = true;
  if (new_step || now - e.last_save >= options_.progress_interval) save_progress(run, now, out);
  return out;
}

void queue_consumer_state::save_progress(run_id run, mono_time now, consumer_effects& out) {
  auto& e = entries_.at(run);
  if (e.saving) return;  // the newest values go when the answer is here, at the next tick
  e.saving = true;
  e.unsaved = false;
  e.last_save = now;
  ask({.what = purpose::progress, .run = run}, progress_call(held(e), e.shown, e.percentage), out);
}

consumer_effects queue_consumer_state::finished(run_id run, const task_outcome& outcome,
                                                mono_time now) {
  consumer_effects out;
  const auto found = entries_.find(run);
  if (found == entries_.end() || found->second.at != phase::running) return out;
  if (found->second.unsaved && !found->second.saving) save_progress(run, now, out);
  end_as(run, outcome, out);
  look_for_rest(now);
  return out;
}

void queue_consumer_state::end_as(run_id run, const task_outcome& outcome, consumer_effects& out) {
  if (!outcome.error) return complete(run, outcome, out);
  switch (outcome.error->kind) {
    case fault_kind::malformed:
    case fault_kind::invalid:
    case fault_kind::too_large:
    case fault_kind::unsupported: return bury(run, outcome.error->detail, out);
    default: break;
  }
  if (outcome.error->retry == retryable::yes) return retry(run, *outcome.error, out);
  complete(run, outcome, out);
}

void queue_consumer_state::settle(run_id run, ending how, redis_call call, consumer_effects& out) {
  auto& e = entries_.at(run);
  e.at = phase::settling;
  e.end = how;
  e.again.reset();
  e.uncertain = false;
  e.last_call = call;
  ask({.what = purpose::settle, .run = run}, std::move(call), out);
}

void queue_consumer_state::complete(run_id run, const task_outcome& outcome,
                                    consumer_effects& out) {
  const auto& e = entries_.at(run);
  if (!outcome.error)
    settle(run, ending::finish_completed, finish_call(held(e), final_status::completed, outcome),
           out);
  else
    settle(run, ending::finish_failed, finish_call(held(e), final_status::failed, outcome), out);
}

void queue_consumer_state::retry(run_id run, const fault& why, consumer_effects& out) {
  const auto& e = entries_.at(run);
  if (e.what.delivery >= options_.max_deliveries) {
    bury(run, fmt::format("gave up after {} deliveries: {}", e.what.delivery, why.detail), out);
    return;
  }
  const auto doublings = std::min<std::uint32_t>(e.what.delivery - 1, 20);
  const auto ceiling =
      std::min(options_.retry_cap.count(), options_.retry_base.count() << doublings);
  // Between half of it and all of it: tasks that failed together do not come back together.
  const auto delay =
      std::uniform_int_distribution<milliseconds::rep>(ceiling / 2, ceiling)(random_);
  settle(run, ending::retry,
         put_off_call(held(e), fmt::format("+{}", delay), "retrying", why.detail), out);
}

void queue_consumer_state::bury(run_id run, const std::string& reason, consumer_effects& out) {
  settle(run, ending::bury, bury_call(held(entries_.at(run)), reason, options_.dead_letters), out);
}

void queue_consumer_state::give_back(run_id run, consumer_effects& out) {
  const auto& e = entries_.at(run);
  const auto begun = e.at == phase::running ? was_begun::yes : was_begun::no;
  settle(run, ending::give_back, give_back_call(held(e), begun), out);
}

void queue_consumer_state::settled(run_id run, bool kept) {
  const auto& e = entries_.at(run);
  // After a call that may have run, "lost" most likely means that it did.
  if (!kept && !e.uncertain) {
    ++counters_.lost;
    return;
  }
  switch (e.end) {
    case ending::finish_completed: ++counters_.completed; break;
    case ending::finish_failed: ++counters_.failed; break;
    case ending::retry: ++counters_.retried; break;
    case ending::put_off: ++counters_.put_off; break;
    case ending::bury: ++counters_.buried; break;
    case ending::give_back: ++counters_.given_back; break;
  }
}

void queue_consumer_state::forget(run_id run, consumer_effects& out) {
  const auto id = entries_.at(run).what.id;
  entries_.erase(run);
  if (id.empty()) return;
  for (const auto& [other, e] : entries_) {
    if (e.at != phase::waiting || e.what.id != id) continue;
    begin(other, out);  // one at a time: the next waits for this one
    return;
  }
}

}  // namespace stagedoor::actors
