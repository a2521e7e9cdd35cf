// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/connection.hpp"

#include "runtime/base/log.hpp"

#include <fmt/format.h>

namespace stagedoor::redis {
namespace {

fault stopped_fault() {
  return {fault_kind::closed, fault_side::self, retryable::no, "the Redis client is stopped"};
}

}  // namespace

connection::connection(loop& l, net::resolver& names, const endpoint& where,
                       connection_options options)
    : loop_(l),
      options_(std::move(options)),
      session_(l, names, where, options_.session, *this),
      deadline_timer_([this] { expire(); }) {}

connection::~connection() = default;

void connection::start(std::function<void()> on_ready, std::function<void(const fault&)> on_lost) {
  on_ready_ = std::move(on_ready);
  on_lost_ = std::move(on_lost);
  stopped_ = false;
  session_.start();
}

void connection::stop() {
  if (std::exchange(stopped_, true)) return;
  session_.stop();
  deadline_timer_.cancel();
  next_deadline_ = mono_time::max();
  auto sent = std::exchange(in_flight_, {});
  auto unsent = std::exchange(queue_, {});
  queued_bytes_ = 0;
  for (auto& p : sent) p.done(stopped_fault());
  for (auto& w : unsent) w.who.done(stopped_fault());
}

void connection::command(const redis::command& words, mono_time deadline, reply_callback done) {
  if (stopped_) {
    done(stopped_fault());
    return;
  }
  if (session_.ready() && queue_.empty() && in_flight_.size() < options_.max_in_flight &&
      session_.unsent() < options_.max_queued_bytes) {
    session_.write(words);
    in_flight_.push_back({deadline, std::move(done)});
  } else {
    const auto size = encoded_size(words);
    if (queue_.size() >= options_.max_queued || queued_bytes_ + size > options_.max_queued_bytes) {
      ++counters_.overloaded;
      done(fault{fault_kind::overloaded, fault_side::store, retryable::yes,
                 fmt::format("{} commands wait for Redis already", queue_.size())});
      return;
    }
    waiting w{.encoded = {}, .who = {deadline, std::move(done)}};
    w.encoded.reserve(size);
    encode(words, w.encoded);
    queued_bytes_ += size;
    queue_.push_back(std::move(w));
  }
  ++counters_.commands;
  watch_deadline(deadline);
}

void connection::prime(const redis::command& words, mono_time deadline) {
  session_.write(words);
  in_flight_.push_back(
      {deadline, [name = words.front()](const result<reply>& r) {
         if (!r && r.error().side == fault_side::store && !may_have_run(r.error()))
           log::warning("redis command refused", {{"command", name}, {"error", r.error().detail}});
       }});
  watch_deadline(deadline);
}

void connection::session_ready() {
  last_error_.clear();
  if (on_ready_) on_ready_();
  send_waiting();
}

void connection::send_waiting() {
  while (session_.ready() && !queue_.empty() && in_flight_.size() < options_.max_in_flight) {
    auto& w = queue_.front();
    session_.write(std::string_view(w.encoded));
    queued_bytes_ -= w.encoded.size();
    in_flight_.push_back(std::move(w.who));
    queue_.pop_front();
  }
}

void connection::session_reply(reply&& r) {
  if (in_flight_.empty()) {
    session_.drop({fault_kind::malformed, fault_side::store, retryable::yes,
                   "a reply that nothing was asked for"});
    return;
  }
  ++counters_.replies;
  const auto done = std::move(in_flight_.front().done);
  in_flight_.pop_front();
  if (!r.is_error()) {
    done(std::move(r));
  } else {
    auto f = to_fault(r);
    const bool moved = error_code(f.detail) == "READONLY";
    done(f);
    // The master became a replica under us; only looking it up again helps.
    if (moved && session_.ready()) session_.drop(f);
  }
  send_waiting();
}

void connection::session_lost(const fault& why) {
  last_error_ = why.detail;
  if (on_lost_) on_lost_(why);
  const auto now = loop_.now();
  auto sent = std::exchange(in_flight_, {});
  for (auto& p : sent) {
    const bool late = p.deadline <= now;
    if (late) ++counters_.deadlines;
    p.done(fault{late ? fault_kind::timed_out : fault_kind::closed, fault_side::store,
                 retryable::yes,
                 fmt::format("no answer, the command may have run: {}", why.detail)});
  }
}

void connection::watch_deadline(mono_time deadline) {
  if (deadline >= next_deadline_) return;
  next_deadline_ = deadline;
  loop_.arm(deadline_timer_, deadline);
}

void connection::expire() {
  const auto now = loop_.now();
  bool late = false;
  for (const auto& p : in_flight_) late = late || p.deadline <= now;
  // Replies come in order: the one that is late holds up all behind it, and a reply that came
  // after all must not be taken for the answer to the next command.
  if (late)
    session_.drop({fault_kind::timed_out, fault_side::store, retryable::yes,
                   "Redis did not answer before the deadline"});
  expire_queued(now);
  rearm();
}

void connection::expire_queued(mono_time now) {
  std::vector<reply_callback> late;
  std::erase_if(queue_, [&](waiting& w) {
    if (w.who.deadline > now) return false;
    queued_bytes_ -= w.encoded.size();
    late.push_back(std::move(w.who.done));
    return true;
  });
  counters_.deadlines += late.size();
  for (auto& done : late)
    done(fault{fault_kind::unreachable, fault_side::store, retryable::yes,
               fmt::format("not sent before its deadline: {}",
                           last_error_.empty() ? "Redis is slow" : last_error_)});
}

void connection::rearm() {
  auto next = mono_time::max();
  for (const auto& p : in_flight_) next = std::min(next, p.deadline);
  for (const auto& w : queue_) next = std::min(next, w.who.deadline);
  next_deadline_ = next;
  if (next != mono_time::max())
    loop_.arm(deadline_timer_, next);
  else
    deadline_timer_.cancel();
}

}  // namespace stagedoor::redis
