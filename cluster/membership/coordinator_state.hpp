// SPDX-License-Identifier: Apache-2.0
// One node's part in the cluster, as one state: what happens goes in, what is to be done comes out.
//
// It wires membership to reconciling: nobody is handed an event before the fence was looked at, so
// that a process that wakes up from a pause stops before it does anything else.
// The effects that are left to its owner: ask_store, start_owned, renew_proof, stop_owned,
// read_desired; membership_changed is for the log, and `left` is the last one.
// Owner: the cluster's actor; the simulator. Runs on: any one thread. Time is an argument.
#pragma once

#include "cluster/membership/membership_state.hpp"
#include "cluster/membership/reconciler_state.hpp"

namespace stagedoor::cluster {

class coordinator_state {
 public:
  coordinator_state(membership_options membership, membership_state::random_run new_run,
                    reconciler_options reconciler);

  [[nodiscard]] effects start(mono_time now);
  [[nodiscard]] effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;
  [[nodiscard]] effects answered(ticket number, const result<lease_answer>& answer, mono_time now);
  [[nodiscard]] effects hinted(const hint& news, mono_time now);
  [[nodiscard]] effects peer_gone(const node_run& peer, mono_time now);
  [[nodiscard]] effects desired(std::string_view kind, std::uint64_t version,
                                const std::vector<std::string>& ids, mono_time now);
  [[nodiscard]] effects desired_changed(std::string_view kind, std::uint64_t version,
                                        const std::vector<std::string>& added,
                                        const std::vector<std::string>& removed, mono_time now);
  [[nodiscard]] effects stopped(const owned_key& what, mono_time now);
  [[nodiscard]] effects write_refused(const owned_key& what, mono_time now);
  /// Releases everything, step by step, and leaves.
  [[nodiscard]] effects drain(mono_time now);
  /// Leaves now: whoever calls has stopped everything that was owned, and the store takes the
  /// owners of one who left as free.
  [[nodiscard]] effects leave(mono_time now);

  [[nodiscard]] const membership_state& membership() const noexcept { return membership_; }
  [[nodiscard]] const reconciler_state& reconciler() const noexcept { return reconciler_; }

 private:
  /// What membership and reconciler want, each understood by the other first.
  void from_membership(effects wanted, mono_time now, effects& out);
  void from_reconciler(effects wanted, mono_time now, effects& out);
  [[nodiscard]] effects begin(mono_time now);
  [[nodiscard]] effects end(effects out, mono_time now);

  membership_state membership_;
  reconciler_state reconciler_;
};

}  // namespace stagedoor::cluster
