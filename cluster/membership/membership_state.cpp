// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/membership_state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::cluster {

membership_state::membership_state(membership_options options, random_run new_run)
    : options_(std::move(options)), new_run_(std::move(new_run)) {
  options_.self.who.run = options_.previous;
}

// -- lifecycle -----------------------------------------------------------------------------------

effects membership_state::start(mono_time now) {
  effects out;
  if (phase_ != phase::out) return out;
  phase_ = phase::joining;
  options_.self.who.run = new_run_();
  join(now, out);
  return out;
}

effects membership_state::drain(mono_time now) {
  effects out;
  options_.self.draining = true;
  if (phase_ == phase::member) join(now, out);  // the same run again, with what changed
  return out;
}

effects membership_state::leave(mono_time now) {
  effects out;
  if (phase_ == phase::left) return out;
  if (phase_ == phase::member) ask(question::leave, leave_cluster{self()}, now, out);
  phase_ = phase::left;
  out.push_back(membership_changed{membership_changed::to::left, self(), ""});
  return out;
}

// -- asking ----------------------------------------------------------------------------------------

void membership_state::ask(question what, lease_request request, mono_time now, effects& out) {
  const auto number = next_ticket_++;
  asked_.emplace(number, asked{what, self().run, now, draining()});
  out.push_back(ask_store{number, std::move(request), options_.patience});
}

bool membership_state::renewing() const {
  return waiting_for(question::renew) || waiting_for(question::join);
}

bool membership_state::waiting_for(question what) const {
  return std::any_of(asked_.begin(), asked_.end(), [&](const auto& entry) {
    return entry.second.what == what && entry.second.run == self().run;
  });
}

void membership_state::join(mono_time now, effects& out) {
  next_try_ = now + options_.renew;
  ask(question::join, join_cluster{options_.self, options_.previous, highest_}, now, out);
}

void membership_state::read(mono_time now, effects& out) {
  // While one is on its way, its answer shows whether another is needed.
  if (!waiting_for(question::read)) ask(question::read, read_members{self(), version_}, now, out);
}

// -- events ----------------------------------------------------------------------------------------

effects membership_state::tick(mono_time now) {
  effects out;
  check_fence(now, out);
  if (now < next_try_) return out;
  if (phase_ == phase::joining && !waiting_for(question::join)) join(now, out);
  if (phase_ == phase::member && !renewing()) {
    // Joining again renews too, and makes up for a draining that the store was not told of.
    if (draining() && !told_draining_) {
      join(now, out);
    } else {
      next_try_ = now + options_.renew;
      ask(question::renew, renew_lease{self(), highest_}, now, out);
    }
    if (version_heard_ != version_) read(now, out);
  }
  return out;
}

mono_time membership_state::next_tick() const {
  if (phase_ == phase::out || phase_ == phase::left) return mono_time::max();
  // What is on its way is answered in any case, and then we are asked again.
  if (phase_ == phase::joining) return waiting_for(question::join) ? mono_time::max() : next_try_;
  const auto fence_time = renewed_ + options_.self_fence;
  return renewing() ? fence_time : std::min(next_try_, fence_time);
}

effects membership_state::members_changed(mono_time now) {
  effects out;
  check_fence(now, out);
  ++version_heard_;  // whatever it is now, it is not what we have
  if (phase_ == phase::member) read(now, out);
  return out;
}

effects membership_state::peer_gone(const node_run& peer, mono_time now) {
  effects out;
  check_fence(now, out);
  const bool listed =
      std::any_of(members_.begin(), members_.end(), [&](const member& m) { return m.who == peer; });
  if (phase_ == phase::member && listed && peer.node != self().node)
    ask(question::evict, evict_member{self(), peer}, now, out);
  return out;
}

void membership_state::check_fence(mono_time now, effects& out) {
  if (phase_ == phase::member && now - renewed_ >= options_.self_fence)
    fence_self(fmt::format("the lease was not renewed for {} ms",
                           std::chrono::duration_cast<milliseconds>(now - renewed_).count()),
               now, out);
}

void membership_state::fence_self(std::string why, mono_time now, effects& out) {
  out.push_back(membership_changed{membership_changed::to::fenced, self(), std::move(why)});
  phase_ = phase::joining;
  options_.previous = self().run;  // over for certain: it is we who end it
  options_.self.who.run = new_run_();
  join(now, out);
}

// -- answers ---------------------------------------------------------------------------------------

effects membership_state::answered(ticket number, const result<lease_answer>& answer,
                                   mono_time now) {
  effects out;
  check_fence(now, out);
  const auto found = asked_.find(number);
  if (found == asked_.end()) return out;
  const auto was = found->second;
  asked_.erase(found);
  if (!answer || was.run != self().run || phase_ == phase::left) return out;
  if (const auto* standing = std::get_if<lease_standing>(&*answer)) stood(was, *standing, now, out);
  if (const auto* list = std::get_if<member_list>(&*answer)) listed(*list, now, out);
  if (std::holds_alternative<evict_outcome>(*answer) && phase_ == phase::member) read(now, out);
  return out;
}

void membership_state::stood(const asked& was, const lease_standing& answer, mono_time now,
                             effects& out) {
  const bool failed_over = !epoch_.empty() && epoch_ != answer.epoch;
  epoch_ = answer.epoch;
  saw_fence(answer.highest);
  paused_until_ = now + answer.paused;
  version_heard_ = answer.version;
  if (answer.is != standing::member) {
    if (phase_ == phase::member) {
      fence_self(answer.is == standing::evicted      ? "a peer took this process for dead"
                 : answer.is == standing::superseded ? "another run has this node's name"
                                                     : "the store does not know this run",
                 now, out);
    } else if (answer.is == standing::superseded) {
      if (!std::exchange(told_refused_, true))
        out.push_back(membership_changed{
            membership_changed::to::refused, self(),
            fmt::format("another run has this node's name, for {} ms", answer.taken_for.count())});
      next_try_ = std::min(next_try_, now + answer.taken_for + milliseconds(1));
    } else {
      options_.previous = self().run;
      options_.self.who.run = new_run_();
    }
    return;
  }
  if (phase_ == phase::joining) {
    if (now - was.sent >= options_.self_fence) return;  // too old to count on: join once more
    phase_ = phase::member;
    told_refused_ = false;
    version_ = 0;  // a store that lost its data counts anew
    out.push_back(membership_changed{membership_changed::to::joined, self(), ""});
  } else if (failed_over) {
    version_ = 0;
    out.push_back(store_changed{});
  }
  if (was.what == question::join) told_draining_ = was.draining;
  renewed_ = std::max(renewed_, was.sent);
  if (version_heard_ != version_) read(now, out);
}

void membership_state::listed(const member_list& list, mono_time now, effects& out) {
  const bool behind = version_heard_ != list.version;
  version_heard_ = list.version;
  if (list.changed) {
    version_ = list.version;
    members_ = list.members;
    out.push_back(view_changed{});
  }
  // Something was heard of while the list was on its way: it may be older than that.
  if (behind && phase_ == phase::member) read(now, out);
}

}  // namespace stagedoor::cluster
