// SPDX-License-Identifier: Apache-2.0
// What this node is doing because it owns it, and what it is still stopping.
//
// Orders come faster than children start and stop: work may be taken away while it starts, and
// given back while it stops. Each piece goes through its phases alone, and the newest order wins:
//   own --> starting --started--> running --disown--> stopping --stopped--> (ended)
//           starting --failed--> waiting --its time--> starting
// disown while starting: stopped as soon as it has started. own while stopping: started again, with
// the new proof. own while running: the child gets the newer proof.
// Owner: owned_work. Runs on: the scheduler. No CAF; time is an argument.
// Bounded by: what the cluster lets this node own.
#pragma once

#include "configs/defaults.hpp"
#include "messages/cluster.hpp"
#include "runtime/base/clock.hpp"

#include <map>
#include <variant>
#include <vector>

namespace stagedoor::actors {

/// Start its child and report started() or start_failed().
struct start_work {
  messages::owner_proof proof;
};
/// Stop its child and report stopped().
struct stop_work {
  messages::work_key work;
};
/// Its child writes with this from now on.
struct hand_proof {
  messages::owner_proof proof;
};
/// It does not run (any more): whoever disowned it may be answered.
struct work_ended {
  messages::work_key work;
};
using work_effect = std::variant<start_work, stop_work, hand_proof, work_ended>;
using work_effects = std::vector<work_effect>;

class owned_work_state {
 public:
  explicit owned_work_state(milliseconds retry = defaults::owner_first_pause) : retry_(retry) {}

  [[nodiscard]] work_effects own(const messages::owner_proof& proof);
  [[nodiscard]] work_effects disown(const messages::work_key& work);
  [[nodiscard]] work_effects started(const messages::work_key& work);
  [[nodiscard]] work_effects start_failed(const messages::work_key& work, mono_time now);
  [[nodiscard]] work_effects stopped(const messages::work_key& work);
  [[nodiscard]] work_effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;

  [[nodiscard]] std::size_t size() const noexcept { return work_.size(); }

 private:
  enum class phase : std::uint8_t { starting, waiting, running, stopping };
  struct one {
    messages::owner_proof proof;
    phase is = phase::starting;
    bool wanted = true;
    mono_time again{};  ///< waiting
  };

  const milliseconds retry_;
  std::map<messages::work_key, one> work_;
  std::size_t waiting_ = 0;
};

}  // namespace stagedoor::actors
