// SPDX-License-Identifier: Apache-2.0
// Brings back what dead runs of nodes held, and returns put-off tasks to their queues when their
// time has come.
//
// One node of a cluster does this, with a proof of ownership that each script checks; whoever has
// lost the work is told "stale" and writes nothing. A run is dead when its liveness key has gone,
// by Redis' clock. Told that a node is gone, the janitor takes the key away, so that what it held
// need not wait for that. That is as safe as the key running out: should the process be frozen
// only, whatever it writes later about a task that it lost is refused (queue_scripts), and with its
// next sign of life it is alive again. What a frozen process' last BLMOVE may still be handed is
// found too, since a list is not forgotten before it was empty for a while.
// Owner: the janitor actor. Runs on: the scheduler. No CAF type; time comes in as an argument.
// Bounded by: |recover_batch| items and |promote_batch| items in one script; |deaths| known deaths
// that wait for Redis; one note for each registered list of a dead run.
// On failure: a call that Redis did not answer is made again at its next time.
#pragma once

#include "actors/queue/queue_names.hpp"
#include "actors/queue/redis_call.hpp"
#include "configs/defaults.hpp"
#include "messages/cluster.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/redis/reply.hpp"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace stagedoor::actors {

struct janitor_options {
  std::vector<std::string> queues;  ///< whose put-off tasks are looked after
  milliseconds scan_interval = defaults::janitor_scan_interval;  ///< for the lists of dead runs
  milliseconds promote_interval =
      defaults::janitor_promote_interval;  ///< at the longest; a known due time is met
  milliseconds forget_after = defaults::janitor_forget_after;  ///< an empty list of a dead run
  milliseconds death_counts = defaults::liveness_ttl;  ///< then the key has run out by itself
  std::size_t recover_batch = defaults::janitor_recover_batch;
  std::size_t promote_batch = defaults::janitor_promote_batch;
  std::size_t deaths = defaults::janitor_deaths;
};

struct janitor_counters {
  std::uint64_t recovered = 0;  ///< items of dead runs that are in their queues again
  std::uint64_t promoted = 0;   ///< put-off items that are
  std::uint64_t declared = 0;   ///< runs whose liveness key was taken away
  std::uint64_t stale = 0;      ///< scripts that were refused, since another owns the work
};

using janitor_effects = std::vector<ask_redis>;

class janitor_state {
 public:
  janitor_state(node_identity who, messages::owner_proof proof, janitor_options options);

  [[nodiscard]] janitor_effects start(mono_time now);
  [[nodiscard]] janitor_effects answered(call_ticket ticket, const result<redis::reply>& answer,
                                         mono_time now);
  [[nodiscard]] janitor_effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;

  /// Takes over a newer proof and goes on at once; an older one is ignored.
  [[nodiscard]] janitor_effects owned(const messages::owner_proof& proof, mono_time now);
  /// That run is dead or has lost all it had.
  [[nodiscard]] janitor_effects gone(const node_identity& whose, mono_time now);

  [[nodiscard]] const messages::owner_proof& proof() const noexcept { return proof_; }
  /// The last script was refused: another node owns the work, or soon will.
  [[nodiscard]] bool stale() const noexcept { return stale_; }
  [[nodiscard]] const janitor_counters& counters() const noexcept { return counters_; }

 private:
  enum class purpose : std::uint8_t { declare, scan, recover, promote };
  struct asked {
    purpose what;
    std::size_t queue = 0;              ///< of promote
    queue_names::processing_list list;  ///< of recover
    mono_time since;
    std::uint64_t fence = 0;
  };
  struct put_off_queue {
    std::string name;
    mono_time next;
    bool asked = false;
  };
  struct death {
    node_identity whose;
    mono_time told;
  };

  void ask(asked why, redis_call call, janitor_effects& out);
  [[nodiscard]] redis_call owned_call(const redis::script& script) const;
  void declare(mono_time now, janitor_effects& out);
  void scan(mono_time now, janitor_effects& out);
  void recover(const queue_names::processing_list& list, mono_time now, janitor_effects& out);
  void promote(std::size_t queue, mono_time now, janitor_effects& out);
  void declared(bool answered, mono_time now, janitor_effects& out);
  void scanned(const redis::reply& registry, mono_time now, janitor_effects& out);
  void recovered(const asked& was, const redis::reply& answer, mono_time now, janitor_effects& out);
  void promoted(std::size_t queue, const redis::reply& answer, mono_time now);

  const node_identity who_;
  messages::owner_proof proof_;
  const janitor_options options_;
  std::vector<put_off_queue> queues_;
  std::deque<death> deaths_;                      ///< the first is being declared
  std::map<std::string, mono_time> empty_since_;  ///< lists of dead runs
  std::map<call_ticket, asked> asked_;
  call_ticket next_ticket_ = 1;
  mono_time next_declaration_{};
  mono_time next_scan_{};
  bool declaring_ = false;
  bool scanning_ = false;
  bool scan_again_ = false;  ///< a death became known while a look was under way
  bool stale_ = false;
  janitor_counters counters_;
};

}  // namespace stagedoor::actors
