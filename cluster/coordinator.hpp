// SPDX-License-Identifier: Apache-2.0
// The actor that is this node's part in the cluster: member, owner, and the hand that writes what
// only an owner may write. Carries out what coordinator_state and claims_state decide.
//
// | receives                    | replies                 | then                                  |
// |-----------------------------|-------------------------|---------------------------------------|
// | messages::write_owned       | messages::done          | one fenced script                     |
// | messages::claim_work        | messages::owner_proof   | see claims_state                      |
// | messages::release_work      |                         |                                       |
// | messages::spread_change     | messages::change_spread | the node_agent tells the peers        |
// | messages::owned_ids_changed |                         | the set of a kind changed             |
// | messages::work_ready        |                         | "owned" is told all that is owned     |
// | messages::janitor_ready     |                         | "janitor" is told who went lately     |
// | messages::drain_node        | messages::done          | owners move, then on_left             |
// | messages::report_member     | messages::member_report | what this node says of itself         |
// | messages::list_owners       | messages::owner_listing | the store's records                   |
// | messages::report_status     | messages::status_rows   |                                       |
// | hint_heard, peer_is_gone    |                         | look at the store now                 |
//
// Sends: own_work and disown_work to "owned"; members_are to "agent"; list_owned_ids to whoever
// lists a kind; node_gone to "janitor".
// Owner: the cluster supervisor, before the supervisors of work: when it ends, so do they.
// Runs on: the scheduler. Bounded by: the states. Stops when: told to; it leaves the cluster first.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "cluster/claims_state.hpp"
#include "cluster/local_messages.hpp"
#include "cluster/membership/coordinator_state.hpp"
#include "cluster/proofs.hpp"
#include "messages/admin.hpp"
#include "messages/redis.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::cluster {

struct coordinator_options {
  membership_options membership;
  reconciler_options reconciler;
  std::shared_ptr<lease_store> store;
  /// Kinds whose ids never change.
  std::map<std::string, std::vector<std::string>> fixed_ids;
  /// Who lists the other kinds: kind -> name of a service.
  std::map<std::string, std::string> listed_by;
  /// Calls |heard| with each hint, and with "" when some may have been missed; any thread. Returns
  /// how to stop that.
  std::function<std::function<void()>(std::function<void(std::string)> heard)> subscribe;
  /// No cluster: proofs carry no fence, and owned writes are plain ones.
  bool alone = false;
  /// Remembers each run for the next start of this process; any thread.
  std::function<void(const incarnation&)> remember_run;
  std::function<void()> on_left;  ///< drained, and no member any more
};

class coordinator final : public actors::shell {
 public:
  coordinator(caf::actor_config& cfg, coordinator_options options);
  caf::behavior make_behavior() override;
  void on_exit() override;

 protected:
  void stop_requested(const actors::end_reason& reason) override;

 private:
  // -- effects ---------------------------------------------------------------------------------------
  void run(effects wanted);
  void apply(ask_store& e);
  void apply(const membership_changed& e);
  void apply(const start_owned& e);
  void apply(const renew_proof& e);
  void apply(const stop_owned& e);
  void apply(const read_desired& e);
  void apply(const view_changed&) {}
  void apply(const store_changed&) {}
  void apply(const drained&) {}
  void run(claim_effects wanted);
  void ask(asker who, std::uint64_t number, lease_request what, milliseconds patience);

  // -- messages --------------------------------------------------------------------------------------
  void answered(const store_answered& m);
  void write(const messages::write_owned& m);
  void write_plainly(const messages::write_owned& m);
  void claim(const messages::claim_work& m);
  void gone(const peer_is_gone& m);
  void hinted(const std::string& text);
  void spread(const messages::spread_change& m);
  void show_owners(const messages::list_owners& m);
  [[nodiscard]] messages::member_report report_self();
  [[nodiscard]] messages::status_rows report() const;

  void after_change();
  void look_at_members();
  void tell_who_went_lately();
  [[nodiscard]] messages::owner_proof told(const ownership& proof) const;

  const coordinator_options options_;
  coordinator_state state_;
  claims_state claims_;
  actors::tick_timer timer_;
  std::function<void()> unsubscribe_;
  std::vector<member> known_;  ///< as the agent was told last
  node_run known_self_;
  std::string why_not_ = "Redis has not answered yet";  ///< no member; empty when it is one
  struct departure {
    messages::node_gone who;
    mono_time when;
  };
  std::deque<departure> departures_;  ///< of the last liveness_ttl
  std::map<std::uint64_t, actors::promise<messages::owner_proof>> claimers_;
  struct writer {
    owned_key what;
    actors::promise<messages::done> caller;
  };
  std::map<std::uint64_t, writer> writers_;
  std::uint64_t next_id_ = 1;
  bool leaving_ = false;
  std::uint64_t cpu_ms_ = 0;  ///< of the process, when it was last asked for
  mono_time cpu_at_{};
};

}  // namespace stagedoor::cluster
