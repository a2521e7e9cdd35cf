// SPDX-License-Identifier: Apache-2.0
// The actor that turns "this node owns that" into a child of the right supervisor, and back.
//
// | receives              | replies        | then                                              |
// |-----------------------|----------------|---------------------------------------------------|
// | messages::own_work    |                | a child of the kind's supervisor does it          |
// | messages::disown_work | messages::done | when that child has ended                         |
//
// The child's id is that of the work, its argument the proof (support/owner_proofs.hpp); newer
// proofs come to it as messages::owner_proof. Says work_ready to "cluster" when it starts.
// Owner: the supervisor of work, after those of the kinds. Runs on: the scheduler.
// Bounded by: what the node owns; |starts_at_once|. On failure: a child that does not start is
// tried again while it is owned.
#pragma once

#include "actors/ownership/owned_work_state.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

namespace stagedoor::actors {

struct owned_work_options {
  /// Kind -> name of the supervisor whose dynamic children do it.
  std::map<std::string, std::string> supervisors;
  milliseconds start_deadline = seconds(10);
  milliseconds stop_deadline = defaults::owner_stop_patience;
  /// CAF looks through all open requests of an actor at each answer.
  std::size_t starts_at_once = 64;
};

class owned_work final : public shell {
 public:
  owned_work(caf::actor_config& cfg, owned_work_options options);
  caf::behavior make_behavior() override;

 private:
  void run(const work_effects& wanted);
  void apply(const start_work& e);
  void apply(const stop_work& e);
  void apply(const hand_proof& e);
  void apply(const work_ended& e);
  void start_some();
  void start(const messages::owner_proof& proof);
  void disowned(const messages::disown_work& m);
  [[nodiscard]] caf::actor supervisor_of(const messages::work_key& work);

  const owned_work_options options_;
  owned_work_state state_;
  tick_timer timer_;
  std::deque<messages::owner_proof> to_start_;
  std::size_t starting_ = 0;
  std::multimap<messages::work_key, promise<messages::done>> waiting_;
};

}  // namespace stagedoor::actors
