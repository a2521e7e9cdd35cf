// SPDX-License-Identifier: Apache-2.0
// Keeps this run of the node known as alive to whoever looks after the queues, and brings back what
// earlier runs of this node held.
//
// Every node has one. What it holds is safe for as long as its liveness key is there, by Redis'
// clock. An earlier run of this node is dead for certain (we hold the lock of its data directory),
// so its items need not wait for the janitor, which may be another node's and is not asked.
// Owner: the liveness actor. Runs on: the scheduler. No CAF; time comes in as an argument.
// Bounded by: one renewal and one look at a time; |recover_batch| items in one script.
// On failure: a call that Redis did not answer is made again at its next time.
#pragma once

#include "actors/queue/queue_names.hpp"
#include "actors/queue/redis_call.hpp"
#include "configs/defaults.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/redis/reply.hpp"

#include <map>
#include <string>
#include <vector>

namespace stagedoor::actors {

struct liveness_options {
  std::vector<std::string> own_lists;  ///< processing lists of this run
  milliseconds ttl = defaults::liveness_ttl;
  milliseconds interval = defaults::liveness_interval;  ///< also of looks at our past
  std::size_t recover_batch = defaults::janitor_recover_batch;
};

using liveness_effects = std::vector<ask_redis>;

class liveness_state {
 public:
  liveness_state(node_identity who, liveness_options options);

  [[nodiscard]] liveness_effects start(mono_time now);
  /// Consumers have let go of everything: our liveness key goes too.
  [[nodiscard]] liveness_effects stop();
  [[nodiscard]] liveness_effects answered(call_ticket ticket, const result<redis::reply>& answer,
                                          mono_time now);
  [[nodiscard]] liveness_effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;

  /// False once Redis has not heard from us for a whole liveness time: others may have our tasks.
  [[nodiscard]] bool believed_alive(mono_time now) const;
  /// Items of our past that are in their queues again.
  [[nodiscard]] std::uint64_t recovered() const noexcept { return recovered_; }

 private:
  enum class purpose : std::uint8_t { renew, scan, recover, give_up };
  struct asked {
    purpose what;
    queue_names::processing_list list;  ///< of recover
    mono_time since;
  };

  void ask(asked why, redis_call call, liveness_effects& out);
  void renew(mono_time now, liveness_effects& out);
  void scan(mono_time now, liveness_effects& out);
  void recover(const queue_names::processing_list& list, mono_time now, liveness_effects& out);

  const node_identity who_;
  const liveness_options options_;
  std::map<call_ticket, asked> asked_;
  call_ticket next_ticket_ = 1;
  mono_time next_renewal_{};
  mono_time next_scan_{};
  mono_time last_renewed_{};  ///< when the last renewal that was answered had been sent
  bool renewing_ = false;
  bool scanning_ = false;
  bool stopped_ = false;
  std::uint64_t recovered_ = 0;
};

}  // namespace stagedoor::actors
