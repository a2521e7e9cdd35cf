// SPDX-License-Identifier: Apache-2.0
// Keeps this run of the node known as alive, brings back what dead ones held, and returns put-off
// tasks to their queues when their time has come.
//
// Every node runs one; each script decides by itself, so several at once do no harm. A run of a
// node is dead when its liveness key has gone, by Redis' clock. An earlier run of *this* node is
// dead for certain (we hold the lock of its data directory), so its items come back at once.
// Owner: the janitor actor. Runs on: the scheduler. No CAF; time comes in as an argument.
// Bounded by: |recover_batch| items and |promote_batch| items in one script.
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

struct janitor_options {
  std::vector<std::string> queues;     ///< whose put-off tasks are looked after
  std::vector<std::string> own_lists;  ///< processing lists of this run
  milliseconds liveness_ttl = defaults::janitor_liveness_ttl;
  milliseconds liveness_interval = defaults::janitor_liveness_interval;
  milliseconds scan_interval = defaults::janitor_scan_interval;  ///< for the lists of dead runs
  milliseconds promote_interval =
      defaults::janitor_promote_interval;  ///< at the longest; a known due time is met
  std::size_t recover_batch = defaults::janitor_recover_batch;
  std::size_t promote_batch = defaults::janitor_promote_batch;
};

struct janitor_counters {
  std::uint64_t recovered = 0;  ///< items of dead runs that are in their queues again
  std::uint64_t promoted = 0;   ///< put-off items that are
};

using janitor_effects = std::vector<ask_redis>;

class janitor_state {
 public:
  janitor_state(node_identity who, janitor_options options);

  [[nodiscard]] janitor_effects start(mono_time now);
  /// Consumers have let go of everything: our liveness key goes too.
  [[nodiscard]] janitor_effects stop();
  [[nodiscard]] janitor_effects answered(call_ticket ticket, const result<redis::reply>& answer,
                                         mono_time now);
  [[nodiscard]] janitor_effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;

  /// False once Redis has not heard from us for a whole liveness time: others may have our tasks.
  [[nodiscard]] bool believed_alive(mono_time now) const;
  [[nodiscard]] const janitor_counters& counters() const noexcept { return counters_; }

 private:
  enum class purpose : std::uint8_t { renew, scan, recover, promote };
  struct asked {
    purpose what;
    std::size_t queue = 0;              ///< of promote
    queue_names::processing_list list;  ///< of recover
    mono_time since;
  };
  struct put_off_queue {
    std::string name;
    mono_time next;
    bool asked = false;
  };

  void ask(asked why, redis_call call, janitor_effects& out);
  void renew(mono_time now, janitor_effects& out);
  void scan(mono_time now, janitor_effects& out);
  void recover(const queue_names::processing_list& list, mono_time now, janitor_effects& out);
  void promote(std::size_t queue, mono_time now, janitor_effects& out);
  void scanned(const redis::reply& registry, mono_time now, janitor_effects& out);

  const node_identity who_;
  const janitor_options options_;
  std::vector<put_off_queue> queues_;
  std::map<call_ticket, asked> asked_;
  call_ticket next_ticket_ = 1;
  mono_time next_renewal_{};
  mono_time next_scan_{};
  mono_time last_renewed_{};  ///< when the last renewal that was answered had been sent
  bool scanning_ = false;
  bool renewing_ = false;
  bool stopped_ = false;
  janitor_counters counters_;
};

}  // namespace stagedoor::actors
