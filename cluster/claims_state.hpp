// SPDX-License-Identifier: Apache-2.0
// Work that is owned for the time of one flow, by whoever asks first.
//
// Placement spreads what is always owned by somebody. A flow (provisioning a team) is different: it
// is owned by the node that happens to run it, and a second one for the same team must wait for the
// first. Its node's lease holds it; when the node dies, the next claim is granted.
//   waiting --asked--> asking --granted--> held --release--> gone
//                      asking --held by another, paused, no answer--> waiting (again after |pause|)
//   waiting --deadline--> failed
// A grant that comes after its claim has failed is released at once.
// Owner: the coordinator. Runs on: the scheduler. No CAF; time is an argument.
// Bounded by: |most|; beyond it claims are refused (overloaded).
#pragma once

#include "cluster/membership/lease_store.hpp"
#include "configs/defaults.hpp"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace stagedoor::cluster {

/// Ask the store and hand the answer to answered().
struct ask_for_claims {
  std::uint64_t number = 0;
  lease_request what;
};
struct claim_granted {
  std::uint64_t id = 0;
  ownership proof;
};
struct claim_failed {
  std::uint64_t id = 0;
  fault why;
};
using claim_effect = std::variant<ask_for_claims, claim_granted, claim_failed>;
using claim_effects = std::vector<claim_effect>;

class claims_state {
 public:
  explicit claims_state(milliseconds pause = defaults::claim_pause,
                        std::size_t most = defaults::open_claims)
      : pause_(pause), most_(most) {}

  // -- membership ------------------------------------------------------------------------------------

  /// Claims are made in this run's name from now on.
  [[nodiscard]] claim_effects joined(const node_run& self, mono_time now);
  /// What is held is void; what waits goes on when we have joined again.
  void fenced();

  // -- orders ----------------------------------------------------------------------------------------

  /// Ends in one claim_granted or claim_failed with |id|, which is the caller's.
  [[nodiscard]] claim_effects claim(std::uint64_t id, owned_key what, mono_time deadline,
                                    fence floor, mono_time now);
  [[nodiscard]] claim_effects release(const ownership& proof);

  // -- callbacks -------------------------------------------------------------------------------------

  [[nodiscard]] claim_effects answered(std::uint64_t number, const result<lease_answer>& answer,
                                       mono_time now);
  [[nodiscard]] claim_effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;

  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }

 private:
  struct one {
    owned_key what;
    mono_time deadline;
    mono_time again;
    std::uint64_t asked = 0;  ///< number of the question that is open; 0 = none
    fault last;               ///< why it was not granted so far
  };
  struct question {
    std::uint64_t claim = 0;
    node_run self;
    owned_key what;
  };

  void ask(std::uint64_t id, one& c, mono_time now, claim_effects& out);

  const milliseconds pause_;
  const std::size_t most_;
  node_run self_;
  bool member_ = false;
  fence floor_ = 0;
  std::map<std::uint64_t, one> open_;
  std::map<std::uint64_t, question> questions_;
  std::uint64_t next_number_ = 1;
};

}  // namespace stagedoor::cluster
