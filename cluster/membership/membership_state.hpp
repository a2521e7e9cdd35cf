// SPDX-License-Identifier: Apache-2.0
// One node's membership: joins, renews its lease, fences itself in time, joins again, leaves.
//
// A node that cannot renew must stop what it owns before the store lets others have it, and cannot
// ask when that is. So it counts on its own steady clock from when the renewal was SENT: the
// store's lease began no earlier.
//   |lease|      4 s     the store's clock, from when the renewal was carried out
//   |self_fence| 3 s     our clock, from when it was sent
//   |renew|      1 s     two tries before the fence, each with 1 s for its answer
//   |check|      250 ms  how late tick() may be called, and the fence be noticed
// Left for stopping and for clocks that drift: 4 - 3 - 0.25 = 0.75 s, a fifth of the lease.
// A frozen node: its lease ends 4 s after the last renewal, which is at most at the moment it
// froze; another node's renewal finds that up to 1 s later and tells all; they read the members,
// acquire and start within 0.5 s: 5.5 s, and 6 s are promised. A killed one, whose host refuses or
// resets connections, is evicted by the peer that saw it, without waiting for the lease.
//
//   out --start--> joining --member--> member --not renewed, unknown, evicted, superseded-->
//   joining
//                                      member --leave--> left
// Each way back into joining takes a new incarnation, so nothing of the old life can be accepted.
// Owner: coordinator_state. Runs on: any one thread. No actor; time is an argument.
// Bounded by: one question to the store of each sort at a time.
// On failure: what the store does not answer is asked again with the next renewal.
#pragma once

#include "cluster/membership/effects.hpp"
#include "configs/defaults.hpp"

#include <algorithm>
#include <functional>
#include <map>

namespace stagedoor::cluster {

struct membership_options {
  member self;           ///< the incarnation in it is not used
  incarnation previous;  ///< of this node's last life, when it is known to be over
  milliseconds self_fence = defaults::self_fence;
  milliseconds renew = defaults::lease_renew;
  milliseconds patience = defaults::lease_patience;  ///< with the store
};

class membership_state {
 public:
  using random_run = std::function<incarnation()>;

  membership_state(membership_options options, random_run new_run);

  // -- lifecycle -----------------------------------------------------------------------------------

  [[nodiscard]] effects start(mono_time now);
  /// Keeps the lease but asks to own nothing: placement passes over us.
  [[nodiscard]] effects drain(mono_time now);
  /// Gives the lease up; nothing owned may be running.
  [[nodiscard]] effects leave(mono_time now);

  // -- events --------------------------------------------------------------------------------------

  /// Before anything else is done with an event: after a pause the first thing to notice is that we
  /// may be no member any more.
  [[nodiscard]] effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;
  [[nodiscard]] effects answered(ticket number, const result<lease_answer>& answer, mono_time now);
  /// A hint says that the members changed.
  [[nodiscard]] effects members_changed(mono_time now);
  /// A link to that run broke and its host refuses or resets new ones.
  [[nodiscard]] effects peer_gone(const node_run& peer, mono_time now);
  /// A fence was given to us.
  void saw_fence(fence number) noexcept { highest_ = std::max(highest_, number); }

  // -- state ---------------------------------------------------------------------------------------

  [[nodiscard]] bool is_member() const noexcept { return phase_ == phase::member; }
  [[nodiscard]] const node_run& self() const noexcept { return options_.self.who; }
  [[nodiscard]] bool draining() const noexcept { return options_.self.draining; }
  [[nodiscard]] const std::vector<member>& members() const noexcept { return members_; }
  [[nodiscard]] fence highest_fence() const noexcept { return highest_; }
  /// Nothing changes hands until then.
  [[nodiscard]] mono_time paused_until() const noexcept { return paused_until_; }
  /// When the lease that holds was asked for.
  [[nodiscard]] mono_time last_renewed() const noexcept { return renewed_; }

 private:
  enum class phase : std::uint8_t { out, joining, member, left };
  enum class question : std::uint8_t { join, renew, read, evict, leave };
  struct asked {
    question what;
    incarnation run;
    mono_time sent;
    bool draining;
  };

  void ask(question what, lease_request request, mono_time now, effects& out);
  [[nodiscard]] bool waiting_for(question what) const;
  [[nodiscard]] bool renewing() const;
  void join(mono_time now, effects& out);
  void read(mono_time now, effects& out);
  void fence_self(std::string why, mono_time now, effects& out);
  void check_fence(mono_time now, effects& out);
  void stood(const asked& was, const lease_standing& answer, mono_time now, effects& out);
  void listed(const member_list& list, mono_time now, effects& out);

  membership_options options_;
  random_run new_run_;
  phase phase_ = phase::out;
  std::map<ticket, asked> asked_;
  ticket next_ticket_ = 1;
  mono_time renewed_{};   ///< when the renewal that counts was sent
  mono_time next_try_{};  ///< of joining or renewing
  mono_time paused_until_{};
  std::string epoch_;  ///< "" = none seen
  fence highest_ = 0;
  std::uint64_t version_ = 0;        ///< of |members_|
  std::uint64_t version_heard_ = 0;  ///< the newest the store told us of
  std::vector<member> members_;
  bool told_draining_ = false;  ///< the store knows that we drain
  bool told_refused_ = false;
};

}  // namespace stagedoor::cluster
