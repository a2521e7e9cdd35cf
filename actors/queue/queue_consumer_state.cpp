// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/queue_consumer_state.hpp"

#include "actors/queue/queue_scripts.hpp"

#include <algorithm>

namespace stagedoor::actors {
queue_consumer_state::queue_consumer_state(node_identity who, consumer_options options)
    : who_(std::move(who)), options_(std::move(options)), random_(options_.seed) {
  for (const auto& share : options_.queues)
    queues_.push_back({.share = share, .processing = queue_names::processing(share.name, who_)});
}

// -- orders ------------------------------------------------------------------------------------------

consumer_effects queue_consumer_state::start(mono_time now) {
  consumer_effects out;
  next_scan_ = now + options_.scan_interval;
  scan(out);
  refill(now, out);
  return out;
}

consumer_effects queue_consumer_state::stop(mono_time now) {
  consumer_effects out;
  if (stop_deadline_) return out;
  stop_deadline_ = now + options_.stop_grace;
  disarm_all(out);
  std::vector<run_id> idle;
  for (const auto& [run, e] : entries_)
    if (e.at == phase::waiting) idle.push_back(run);
  for (const auto run : idle) give_back(run, out);
  stop_when_empty(out);
  look_for_rest(now);
  return out;
}

// -- from Redis --------------------------------------------------------------------------------------

consumer_effects queue_consumer_state::popped(const std::string& queue, std::string raw,
                                              wall_time wall, mono_time now) {
  consumer_effects out;
  const auto index = index_of(queue);
  if (!index) return out;
  queues_[*index].pop_out = queues_[*index].pop_armed = false;
  drained_ = false;  // where one is, more may be
  accept(*index, std::move(raw), origin::told, wall, now, out);
  refill(now, out);
  stop_when_empty(out);
  return out;
}

consumer_effects queue_consumer_state::pop_idle(const std::string& queue) {
  consumer_effects out;
  const auto index = index_of(queue);
  if (!index) return out;
  if (!queues_[*index].pop_armed) queues_[*index].pop_out = false;
  stop_when_empty(out);
  return out;
}

consumer_effects queue_consumer_state::pop_doubtful(const std::string& queue, mono_time now) {
  consumer_effects out;
  if (index_of(queue) && !stop_deadline_) {
    next_scan_ = now + options_.scan_interval;
    scan(out);
  }
  return out;
}

consumer_effects queue_consumer_state::answered(call_ticket ticket,
                                                const result<redis::reply>& answer, wall_time wall,
                                                mono_time now) {
  consumer_effects out;
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return out;
  const auto was = found->second;
  asked_.erase(found);
  switch (was.what) {
    case purpose::take: answered_take(was, answer, wall, now, out); break;
    case purpose::scan: answered_scan(was, answer, wall, now, out); break;
    case purpose::begin:
    case purpose::progress:
    case purpose::settle: answered_entry(was, answer, now, out); break;
  }
  refill(now, out);
  stop_when_empty(out);
  look_for_rest(now);
  return out;
}

void queue_consumer_state::answered_take(const asked& was, const result<redis::reply>& answer,
                                         wall_time wall, mono_time now, consumer_effects& out) {
  taking_ = 0;
  if (!answer) {
    take_again_ = now + options_.store_retry;
    // What it took, if it ran, is in our lists.
    if (redis::may_have_run(answer.error())) next_scan_ = std::min(next_scan_, *take_again_);
    return;
  }
  const auto& items = answer->items;
  drained_ = items.size() / 2 < was.wanted;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const auto index = static_cast<std::size_t>(items[i].integer);
    if (index < queues_.size()) accept(index, items[i + 1].text, origin::told, wall, now, out);
  }
}

void queue_consumer_state::answered_scan(const asked& was, const result<redis::reply>& answer,
                                         wall_time wall, mono_time now, consumer_effects& out) {
  --scans_out_;
  if (!answer) {
    next_scan_ = std::min(next_scan_, now + options_.store_retry);
    return;
  }
  std::map<std::string, std::int64_t> strangers;
  for (const auto& item : answer->items) ++strangers[item.text];
  for (const auto& [run, e] : entries_)
    if (e.queue == was.queue) --strangers[e.what.raw];
  for (const auto& [raw, count] : strangers)
    for (auto n = count; n > 0; --n) accept(was.queue, raw, origin::found, wall, now, out);
}

void queue_consumer_state::answered_entry(const asked& was, const result<redis::reply>& answer,
                                          mono_time now, consumer_effects& out) {
  const auto found = entries_.find(was.run);
  if (found == entries_.end()) return;
  auto& e = found->second;
  if (was.what == purpose::progress) {
    e.saving = false;
    if (!answer) e.unsaved = true;  // the next save has the newest values anyway
    if (answer && answer->at(0).text == "lost" && e.at == phase::running) {
      ++counters_.lost;
      out.push_back(cancel_run{was.run});
      forget(was.run, out);
    }
    return;
  }
  if (!answer) {
    repeat_later(was.run, answer.error(), now);
    return;
  }
  if (was.what == purpose::begin) {
    begun(was.run, *answer, now, out);
    return;
  }
  settled(was.run, answer->at(0).text == "kept");
  forget(was.run, out);
}

void queue_consumer_state::repeat_later(run_id run, const fault& why, mono_time now) {
  auto& e = entries_.at(run);
  e.uncertain = e.uncertain || redis::may_have_run(why);
  e.again = now + options_.store_retry;
}

// -- taking ------------------------------------------------------------------------------------------

void queue_consumer_state::ask(const asked& why, redis_call call, consumer_effects& out) {
  const call_ticket ticket = next_id_++;
  asked_.emplace(ticket, why);
  out.push_back(ask_redis{ticket, std::move(call)});
}

void queue_consumer_state::refill(mono_time now, consumer_effects& out) {
  if (stop_deadline_) return;
  if (entries_.size() >= options_.credit) {
    disarm_all(out);
    return;
  }
  if (drained_) {
    arm_all(out);
    return;
  }
  if (taking_ > 0 || (take_again_ && now < *take_again_)) return;
  take_again_.reset();
  take(options_.credit - entries_.size(), out);
}

void queue_consumer_state::take(std::size_t wanted, consumer_effects& out) {
  redis_call call{.script = &queue_scripts::take(), .keys = {}, .arguments = {}};
  for (const auto& q : queues_) {
    call.keys.push_back(q.share.name);
    call.keys.push_back(q.processing);
  }
  for (std::size_t i = 0; i < wanted; ++i) call.arguments.push_back(std::to_string(next_turn()));
  taking_ = wanted;
  ask({.what = purpose::take, .wanted = wanted}, std::move(call), out);
}

/// Smooth weighted round robin: with weights 8 and 1 eight turns of nine are the first queue's.
std::size_t queue_consumer_state::next_turn() {
  std::int64_t total = 0;
  std::size_t best = 0;
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    queues_[i].turn += queues_[i].share.weight;
    total += queues_[i].share.weight;
    if (queues_[i].turn > queues_[best].turn) best = i;
  }
  queues_[best].turn -= total;
  return best;
}

void queue_consumer_state::scan(consumer_effects& out) {
  if (scans_out_ > 0) return;
  const auto most = std::to_string(options_.credit * 4 + queues_.size());
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    ++scans_out_;
    ask({.what = purpose::scan, .queue = i},
        {.script = nullptr, .keys = {}, .arguments = {"LRANGE", queues_[i].processing, "0", most}},
        out);
  }
}

void queue_consumer_state::arm_all(consumer_effects& out) {
  for (auto& q : queues_) {
    if (std::exchange(q.pop_armed, true)) continue;
    q.pop_out = true;
    out.push_back(order_pop{q.share.name, pop_order::arm});
  }
}

void queue_consumer_state::disarm_all(consumer_effects& out) {
  for (auto& q : queues_)
    if (std::exchange(q.pop_armed, false))
      out.push_back(order_pop{q.share.name, pop_order::disarm});
}

void queue_consumer_state::accept(std::size_t queue, std::string raw, origin from, wall_time wall,
                                  mono_time now, consumer_effects& out) {
  if (from == origin::told) {
    // A scan may have seen the item before the answer that brings it.
    const auto seen = std::find_if(entries_.begin(), entries_.end(), [&](const auto& known) {
      return known.second.adopted && known.second.queue == queue && known.second.what.raw == raw;
    });
    if (seen != entries_.end()) {
      seen->second.adopted = false;
      return;
    }
  } else {
    ++counters_.adopted;
  }
  ++counters_.taken;
  const run_id run = next_id_++;
  auto parsed = parse_task(raw, queues_[queue].share.name, options_.limits);
  const bool busy = parsed && id_is_busy(parsed->id);
  auto& e = entries_[run];
  e.queue = queue;
  e.adopted = from == origin::found;
  e.last_word = now;
  if (!parsed) {
    e.what.raw = std::move(raw);
    e.what.queue = queues_[queue].share.name;
    bury(run, parsed.error().detail, out);
    return;
  }
  e.what = *std::move(parsed);
  if (stop_deadline_) {
    give_back(run, out);
  } else if (e.what.not_before && *e.what.not_before > wall) {
    const auto due = std::chrono::ceil<milliseconds>(e.what.not_before->time_since_epoch());
    settle(run, ending::put_off,
           put_off_call(held(e), std::to_string(due.count()), "scheduled", "Waiting for its time"),
           out);
  } else if (busy) {
    e.at = phase::waiting;
  } else {
    begin(run, out);
  }
}

bool queue_consumer_state::id_is_busy(const std::string& id) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& known) { return known.second.what.id == id; });
}

// -- time --------------------------------------------------------------------------------------------

consumer_effects queue_consumer_state::tick(mono_time now) {
  consumer_effects out;
  std::vector<run_id> all;
  for (const auto& [run, e] : entries_) all.push_back(run);
  for (const auto run : all) tick_entry(run, entries_.at(run), now, out);
  if (!stop_deadline_ && now >= next_scan_) {
    next_scan_ = now + options_.scan_interval;
    scan(out);
  }
  refill(now, out);
  look_for_rest(now);
  if (resting_since_ && !stopped_ && now >= *resting_since_ + options_.stop_patience) {
    stopped_ = true;  // what Redis did not take back is found by the janitor
    out.push_back(consumer_stopped{});
  }
  stop_when_empty(out);
  return out;
}

void queue_consumer_state::tick_entry(run_id run, entry& e, mono_time now, consumer_effects& out) {
  if (e.again && now >= *e.again) {
    e.again.reset();
    ask({.what = e.at == phase::beginning ? purpose::begin : purpose::settle, .run = run},
        e.last_call, out);
    return;
  }
  if (e.at != phase::running) return;
  if (stop_deadline_ && now >= *stop_deadline_) {
    out.push_back(cancel_run{run});
    give_back(run, out);
  } else if (now - e.last_word >= options_.silence_limit) {
    out.push_back(cancel_run{run});
    retry(run,
          {fault_kind::timed_out, fault_side::self, retryable::yes,
           "the task's handler reported nothing for too long"},
          out);
  } else if (e.unsaved && !e.saving && now - e.last_save >= options_.progress_interval) {
    save_progress(run, now, out);
  }
}

std::optional<mono_time> queue_consumer_state::next_tick() const {
  if (stopped_) return std::nullopt;
  auto next = resting_since_   ? *resting_since_ + options_.stop_patience
              : stop_deadline_ ? *stop_deadline_
                               : next_scan_;
  if (take_again_ && !stop_deadline_) next = std::min(next, *take_again_);
  for (const auto& [run, e] : entries_) {
    if (e.again) next = std::min(next, *e.again);
    if (e.at != phase::running) continue;
    next = std::min(next, e.last_word + options_.silence_limit);
    if (stop_deadline_) next = std::min(next, *stop_deadline_);
    if (e.unsaved && !e.saving) next = std::min(next, e.last_save + options_.progress_interval);
  }
  return next;
}

void queue_consumer_state::stop_when_empty(consumer_effects& out) {
  if (!stop_deadline_ || stopped_ || !entries_.empty() || taking_ > 0) return;
  if (std::any_of(queues_.begin(), queues_.end(), [](const auto& q) { return q.pop_out; })) return;
  stopped_ = true;
  out.push_back(consumer_stopped{});
}

/// When all runs have ended, only Redis is waited for: it may be away, and the janitor's time
/// comes.
void queue_consumer_state::look_for_rest(mono_time now) {
  if (!stop_deadline_ || resting_since_) return;
  const auto runs = [](const auto& known) { return known.second.at == phase::running; };
  if (std::none_of(entries_.begin(), entries_.end(), runs)) resting_since_ = now;
}

// -- observers ---------------------------------------------------------------------------------------

std::vector<std::string> queue_consumer_state::processing_lists() const {
  std::vector<std::string> keys;
  for (const auto& q : queues_) keys.push_back(q.processing);
  return keys;
}

std::optional<std::size_t> queue_consumer_state::index_of(const std::string& queue) const {
  for (std::size_t i = 0; i < queues_.size(); ++i)
    if (queues_[i].share.name == queue) return i;
  return std::nullopt;
}

}  // namespace stagedoor::actors
