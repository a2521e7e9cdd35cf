// SPDX-License-Identifier: Apache-2.0
#include "actors/supervision/supervisor_state.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace stagedoor::supervision {
namespace {

constexpr std::uint8_t attempt_limit = 200;

bool is_failure(restart_type type, const end_reason& reason) {
  if (type == restart_type::permanent) return true;
  if (type == restart_type::temporary) return false;
  return reason.kind != end_kind::normal && reason.kind != end_kind::shutdown;
}

std::string in_words(const restart_budget& budget) {
  return "more than " + std::to_string(budget.intensity) + " restarts in " +
         std::to_string(budget.period.count()) + " ms";
}

}  // namespace

supervisor_state::supervisor_state(supervisor_options options,
                                   const std::vector<child_spec>& listed)
    : options_(options),
      dynamic_rank_(static_cast<std::uint32_t>(listed.size())),
      backoff_(options_.backoff, options_.seed) {
  for (const auto& spec : listed) {
    assert(!table_.find(spec.id));
    table_.add(spec.id, origin::listed, static_cast<std::uint32_t>(policies_.size()));
    policies_.push_back(spec.policy);
  }
  policies_.push_back(options_.dynamic);
}

// -- lifecycle ----------------------------------------------------------------------

effects supervisor_state::start(mono_time now) {
  assert(sweep_.now == phase::unborn);
  now_ = now;
  sweep_.now = phase::starting;
  return end_turn();
}

effects supervisor_state::stop(const end_reason& reason, mono_time now) {
  now_ = now;
  close(reason);
  return end_turn();
}

// -- events -------------------------------------------------------------------------

effects supervisor_state::started(instance_id instance, mono_time now) {
  now_ = now;
  auto* c = table_.find(instance);
  if (c && c->state == child_state::starting) {
    table_.clear_deadline(*c);
    set_state(*c, child_state::running);
    answer_starters(*c, std::nullopt);
  }
  return end_turn();
}

effects supervisor_state::ended(instance_id instance, const end_reason& reason, mono_time now) {
  now_ = now;
  auto* c = table_.find(instance);
  if (c && c->alive()) {
    table_.clear_deadline(*c);
    if (c->ending == intent::none)
      gone_by_itself(*c, reason);
    else
      gone_as_intended(*c, reason);
  } else if (c && c->state == child_state::stuck) {
    retire(*c);
  }
  return end_turn();
}

effects supervisor_state::tick(mono_time now) {
  now_ = now;
  armed_.reset();
  while (auto* c = table_.take_due(now)) {
    if (c->state != child_state::waiting)
      overdue(*c);
    else if (covers(*c))
      set_state(*c, child_state::idle);
    else
      launch(*c);
  }
  return end_turn();
}

// -- the life of one child ------------------------------------------------------------

void supervisor_state::launch(child& c) {
  const auto& p = policy(c);
  ++c.starts;
  c.ending = intent::none;
  const bool at_once = p.start == start_mode::when_spawned;
  set_state(c, at_once ? child_state::running : child_state::starting);
  if (!at_once) table_.set_deadline(c, now_ + p.start_deadline);
  out_.emplace_back(
      spawn_child{c.instance(), c.id, c.rare ? c.rare->argument : std::string{}, c.from});
  if (at_once) answer_starters(c, std::nullopt);
}

void supervisor_state::ask_to_stop(child& c, intent why) {
  c.ending = why;
  set_state(c, child_state::stopping);
  table_.set_deadline(c, now_ + policy(c).stop_deadline);
  out_.emplace_back(stop_instance{c.instance()});
}

void supervisor_state::kill(child& c) {
  set_state(c, child_state::killing);
  table_.set_deadline(c, now_ + options_.kill_grace);
  out_.emplace_back(kill_instance{c.instance()});
}

/// A child that was not alive stays down until the sweep comes to it.
void supervisor_state::give_up_waiting(child& c) {
  if (c.state != child_state::waiting) return;
  table_.clear_deadline(c);
  set_state(c, child_state::idle);
}

void supervisor_state::gone_as_intended(child& c, const end_reason& reason) {
  const auto why = std::exchange(c.ending, intent::none);
  answer_stoppers(c, reason);
  if (why == intent::forget || !c.wanted) {
    retire(c);
  } else if (why == intent::regroup || covers(c)) {
    if (policy(c).restart == restart_type::temporary)
      retire(c);
    else
      set_state(c, child_state::idle);
  } else if (why == intent::restart_now) {
    launch(c);
  } else {
    gone_by_itself(
        c, {end_kind::crashed,
            "not started within " + std::to_string(policy(c).start_deadline.count()) + " ms"});
  }
}

void supervisor_state::gone_by_itself(child& c, const end_reason& reason) {
  if (covers(c))
    gone_as_intended(c, reason);  // it only went before it was told to
  else if (is_failure(policy(c).restart, reason))
    failed(c, reason);
  else
    left(c, reason);
}

void supervisor_state::failed(child& c, const end_reason& reason) {
  const bool healthy =
      c.state == child_state::running && now_ - c.since >= options_.backoff.healthy_after;
  if (healthy) c.attempt = 0;
  c.extra().last_end = to_string(reason);
  if (c.from == origin::listed && !budget_.charge(options_.budget, now_))
    return escalate(c, in_words(options_.budget), reason);
  if (c.from == origin::dynamic && !dynamic_budget_.charge(options_.dynamic_budget, now_))
    return escalate(c, in_words(options_.dynamic_budget), reason);
  if (c.from == origin::dynamic &&
      !c.extra().restarts.charge(options_.dynamic_child_budget, now_)) {
    notice(c, verdict::given_up, reason);
    answer_starters(c, fault{fault_kind::closed, fault_side::self, retryable::yes,
                             "failed too often, last: " + to_string(reason)});
    return retire(c);
  }
  const auto wait = backoff_.wait(c.attempt);
  if (c.attempt < attempt_limit) ++c.attempt;
  ++c.restarts;
  notice(c, verdict::restarting, reason, wait);
  const bool alone = options_.how == strategy::one_for_one ||
                     (options_.how == strategy::rest_for_one && c.from == origin::dynamic);
  if (!alone) {
    set_state(c, child_state::idle);
    return regroup(options_.how == strategy::one_for_all ? 0 : c.policy, wait);
  }
  if (wait == milliseconds::zero()) return launch(c);
  set_state(c, child_state::waiting);
  table_.set_deadline(c, now_ + wait);
}

void supervisor_state::left(child& c, const end_reason& reason) {
  notice(c, verdict::left, reason);
  close_if_significant(c);
  answer_starters(c, fault{fault_kind::closed, fault_side::self, retryable::no,
                           "ended before it was started: " + to_string(reason)});
  if (policy(c).restart == restart_type::temporary || c.from == origin::dynamic) return retire(c);
  c.extra().last_end = to_string(reason);
  set_state(c, child_state::idle);
}

void supervisor_state::overdue(child& c) {
  if (c.state == child_state::killing) return abandon(c);
  notice(c, verdict::overdue, {end_kind::killed, {}});
  if (c.state == child_state::starting) c.ending = intent::failed_start;
  kill(c);
}

/// Its handler never returns, and nothing can end it from outside. A listed child must not be
/// started beside it, so the whole supervisor is replaced; a dynamic one keeps its id occupied.
void supervisor_state::abandon(child& c) {
  set_state(c, child_state::stuck);
  c.ending = intent::none;
  const end_reason reason{end_kind::crashed, "cannot be ended"};
  notice(c, verdict::stuck, reason);
  const fault why{fault_kind::timed_out, fault_side::self, retryable::no,
                  "cannot be ended: " + c.id};
  answer_starters(c, why);
  if (c.rare)
    for (const auto request : std::exchange(c.rare->waiting_for_stop, {}))
      out_.emplace_back(answer_fault{request, why});
  if (c.from == origin::listed && !closing_) {
    notice(c, verdict::escalating, reason);
    close({end_kind::crashed, "child " + c.id + " cannot be ended"});
  }
}

/// It is down and stays down: a dynamic child is forgotten, a listed one rests until restart_child.
void supervisor_state::retire(child& c) {
  set_state(c, child_state::idle);
  c.wanted = false;
  answer_starters(c, fault{fault_kind::closed, fault_side::self, retryable::yes,
                           "was stopped or given up: " + c.id});
  answer_stoppers(c, {});
  if (c.from == origin::dynamic) table_.remove(c);
}

// -- the sweep ------------------------------------------------------------------------

void supervisor_state::regroup(std::uint32_t from, milliseconds wait) {
  if (closing_) return;
  const bool running = sweep_.now != phase::none;
  const auto resume_at = running ? std::max(sweep_.resume_at, now_ + wait) : now_ + wait;
  sweep_ = {phase::stopping, running ? std::min(sweep_.from, from) : from, 0, false, false,
            resume_at};
}

void supervisor_state::close(const end_reason& reason) {
  if (closing_) return;
  closing_ = true;
  closing_reason_ = reason;
  sweep_ = {phase::stopping, 0, 0, false, false, {}};
}

void supervisor_state::escalate(child& c, std::string why, const end_reason& reason) {
  notice(c, verdict::escalating, reason);
  set_state(c, child_state::idle);
  close({end_kind::crashed,
         "child " + c.id + ": " + std::move(why) + ", last: " + to_string(reason)});
}

void supervisor_state::run_sweep() {
  if (sweep_.now == phase::stopping && ranks_are_down()) {
    if (closing_) {
      sweep_.now = phase::ended;
      for (auto& c : table_.slots())
        if (c.used && c.state != child_state::stuck)
          answer_starters(c, fault{fault_kind::refused, fault_side::self, retryable::yes,
                                   "the supervisor stopped"});
      out_.emplace_back(finish{closing_reason_});
      return;
    }
    sweep_.now = phase::waiting;
  }
  if (sweep_.now == phase::waiting && now_ >= sweep_.resume_at) {
    sweep_.now = phase::starting;
    sweep_.cursor = sweep_.from;
    sweep_.launched = false;
  }
  if (sweep_.now == phase::starting && ranks_are_up()) {
    sweep_.now = phase::none;
    if (!std::exchange(was_up_, true)) out_.emplace_back(all_started{});
  }
}

bool supervisor_state::ranks_are_down() {
  if (!std::exchange(sweep_.dynamic_asked, true)) {
    for (auto& c : table_.slots()) {
      if (!c.used || c.from == origin::listed) continue;
      give_up_waiting(c);
      if (c.coming_or_up()) ask_to_stop(c, intent::regroup);
    }
  }
  if (live_dynamic_ > 0) return false;
  for (auto rank = dynamic_rank_; rank-- > sweep_.from;) {
    auto& c = table_.slots()[rank];
    give_up_waiting(c);
    if (c.coming_or_up()) ask_to_stop(c, intent::regroup);
    if (c.alive()) return false;
  }
  return true;
}

bool supervisor_state::ranks_are_up() {
  for (; sweep_.cursor < dynamic_rank_; ++sweep_.cursor, sweep_.launched = false) {
    auto& c = table_.slots()[sweep_.cursor];
    if (!std::exchange(sweep_.launched, true) && c.state == child_state::idle && c.wanted)
      launch(c);
    const bool settled =
        c.state == child_state::running || !(c.alive() || c.state == child_state::waiting);
    if (!settled) return false;
  }
  for (auto& c : table_.slots())
    if (c.used && c.from == origin::dynamic && c.state == child_state::idle) launch(c);
  return true;
}

/// The sweep is taking this child down, or holds it down.
bool supervisor_state::covers(const child& c) const noexcept {
  const bool down = sweep_.now == phase::stopping || sweep_.now == phase::waiting;
  return down && c.policy >= sweep_.from;
}

void supervisor_state::close_if_significant(const child& c) {
  if (options_.closes == auto_shutdown::never || c.from == origin::dynamic ||
      policy(c).weight == significance::ordinary)
    return;
  for (std::uint32_t rank = 0; rank < dynamic_rank_; ++rank) {
    const auto& other = table_.slots()[rank];
    const bool lives = other.alive() || other.state == child_state::waiting;
    if (options_.closes == auto_shutdown::all_significant && &other != &c && lives &&
        policy(other).weight == significance::significant)
      return;
  }
  close({end_kind::shutdown, {}});
}

// -- small ones -----------------------------------------------------------------------

void supervisor_state::set_state(child& c, child_state next) {
  const bool was_alive = c.alive();
  c.state = next;
  c.since = now_;
  if (c.from == origin::listed || was_alive == c.alive()) return;
  if (was_alive)
    --live_dynamic_;
  else
    ++live_dynamic_;
}

void supervisor_state::notice(const child& c, verdict what, const end_reason& reason,
                              milliseconds wait) {
  out_.emplace_back(child_notice{c.id, what, reason, wait, c.from});
}

void supervisor_state::answer_starters(child& c, const std::optional<fault>& why) {
  if (!c.rare) return;
  for (const auto request : std::exchange(c.rare->waiting_for_start, {})) {
    if (why)
      out_.emplace_back(answer_fault{request, *why});
    else
      out_.emplace_back(answer_location{request, c.id, c.instance()});
  }
}

void supervisor_state::answer_stoppers(child& c, const end_reason& reason) {
  if (!c.rare) return;
  for (const auto request : std::exchange(c.rare->waiting_for_stop, {}))
    out_.emplace_back(answer_stopped{request, c.id, reason});
}

effects supervisor_state::end_turn() {
  run_sweep();
  auto next = table_.next_deadline();
  if (sweep_.now == phase::waiting && (!next || sweep_.resume_at < *next)) next = sweep_.resume_at;
  // A later alarm can wait: the earlier one that is set will look again.
  if (next && (!armed_ || *next < *armed_)) {
    armed_ = next;
    out_.emplace_back(wake_at{*next});
  }
  return std::exchange(out_, {});
}

}  // namespace stagedoor::supervision
