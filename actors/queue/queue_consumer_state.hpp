// SPDX-License-Identifier: Apache-2.0
// One lane of task queues (say queue:dns:high and queue:dns:normal): what to take, when to run it,
// and how each task ends.
//
// Taking: while there is credit, one script moves as many items as there is room for, the queues
// chosen by weight (8:1: high goes first, normal never starves); only when all are empty do
// blocking pops wait on each of them. What this node holds is exactly its processing list, so a
// consumer of another make may work beside us. Safe keeping: an item is parsed only when it is in
// our list. Every end of a task is one script that fails when the item is no longer ours. Whenever
// an answer was lost, and now and then, the list is compared with what we know, and strangers in it
// are adopted. Owner: a queue_consumer. Runs on: the scheduler. No CAF; time comes in as an
// argument. Bounded by: consumer_options::credit items, plus one for each further queue of the
// lane. On failure: store faults are retried for ever; nothing is dropped that Redis has not taken.
#pragma once

#include "actors/queue/queue_names.hpp"
#include "actors/queue/redis_call.hpp"
#include "actors/queue/task.hpp"
#include "actors/queue/task_calls.hpp"
#include "actors/queue/task_runner.hpp"
#include "configs/defaults.hpp"
#include "runtime/redis/reply.hpp"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace stagedoor::actors {

struct queue_share {
  std::string name;          ///< the key producers push to
  std::uint32_t weight = 1;  ///< turns it gets when all queues have work
};

struct consumer_options {
  std::vector<queue_share> queues;              ///< the most urgent first
  std::size_t credit = defaults::queue_credit;  ///< tasks at once
  std::uint32_t max_deliveries = defaults::queue_deliveries;
  seconds task_ttl = defaults::queue_task_ttl;
  milliseconds progress_interval =
      defaults::queue_progress_interval;  ///< between two saves of one task's progress
  milliseconds retry_base = defaults::queue_retry_base;  ///< doubled with each delivery
  milliseconds retry_cap = defaults::queue_retry_cap;
  milliseconds store_retry =
      defaults::queue_store_retry;  ///< before a call that Redis did not answer is repeated
  milliseconds silence_limit =
      defaults::queue_silence;  ///< a run that reports nothing for so long is given up
  milliseconds scan_interval =
      defaults::queue_scan_interval;  ///< between looks into our own processing lists
  milliseconds stop_grace = defaults::queue_stop_grace;  ///< for runs to end when stopping
  milliseconds stop_patience =
      defaults::queue_stop_patience;                        ///< then, for Redis to take things back
  std::size_t dead_letters = defaults::queue_dead_letters;  ///< kept for each queue
  task_limits limits;
  std::uint32_t seed = 1;      ///< of the retries' jitter
  std::uint64_t instance = 0;  ///< tells the consumers of one run of a node apart
};

// -- effects ---------------------------------------------------------------------------------------

enum class pop_order : std::uint8_t { arm, disarm };
/// Arm or disarm the blocking pop of a queue.
struct order_pop {
  std::string queue;
  pop_order order = pop_order::arm;
};
struct start_run {
  run_id run = 0;
  task what;
};
struct cancel_run {
  run_id run = 0;
};
/// After stop(): nothing is held any more, or Redis was waited for long enough.
struct consumer_stopped {};

using consumer_effect = std::variant<ask_redis, order_pop, start_run, cancel_run, consumer_stopped>;
using consumer_effects = std::vector<consumer_effect>;

struct consumer_counters {
  std::uint64_t taken = 0;  ///< items that came into our lists
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t retried = 0;
  std::uint64_t buried = 0;      ///< dead letters
  std::uint64_t duplicates = 0;  ///< answered from the task's hash
  std::uint64_t put_off = 0;     ///< for their not_before
  std::uint64_t given_back = 0;
  std::uint64_t adopted = 0;  ///< found in our list without having been told
  std::uint64_t lost = 0;     ///< somebody else's by the time we were done
};

class queue_consumer_state {
 public:
  queue_consumer_state(node_identity who, consumer_options options);

  // -- orders ----------------------------------------------------------------------------------------

  /// Also adopts what an earlier consumer of this incarnation left.
  [[nodiscard]] consumer_effects start(mono_time now);
  [[nodiscard]] consumer_effects stop(mono_time now);

  // -- from Redis ------------------------------------------------------------------------------------

  [[nodiscard]] consumer_effects popped(const std::string& queue, std::string raw, wall_time wall,
                                        mono_time now);
  /// A disarmed pop has nothing out any more.
  [[nodiscard]] consumer_effects pop_idle(const std::string& queue);
  /// A pop lost its connection: our list may hold what nobody told us of.
  [[nodiscard]] consumer_effects pop_doubtful(const std::string& queue, mono_time now);
  [[nodiscard]] consumer_effects answered(call_ticket ticket, const result<redis::reply>& answer,
                                          wall_time wall, mono_time now);

  // -- from the runner -------------------------------------------------------------------------------

  [[nodiscard]] consumer_effects progressed(run_id run, const task_progress& p, mono_time now);
  [[nodiscard]] consumer_effects finished(run_id run, const task_outcome& outcome, mono_time now);

  // -- time ------------------------------------------------------------------------------------------

  [[nodiscard]] consumer_effects tick(mono_time now);
  [[nodiscard]] std::optional<mono_time> next_tick() const;

  // -- observers -------------------------------------------------------------------------------------

  [[nodiscard]] std::size_t held() const noexcept { return entries_.size(); }
  [[nodiscard]] const consumer_counters& counters() const noexcept { return counters_; }
  /// Keys of our processing lists: for the janitor's registry.
  [[nodiscard]] std::vector<std::string> processing_lists() const;

 private:
  enum class phase : std::uint8_t {
    waiting,    ///< its id is being worked on already; it is decided when that is done
    beginning,  ///< begin was asked
    running,
    settling,  ///< an end was asked
  };
  enum class purpose : std::uint8_t { take, scan, begin, progress, settle };
  enum class ending : std::uint8_t {
    finish_completed,
    finish_failed,
    retry,
    put_off,
    bury,
    give_back
  };

  struct entry {
    std::size_t queue = 0;
    task what;  ///< only raw when it could not be parsed
    phase at = phase::beginning;
    bool adopted = false;    ///< from a scan; the answer that brought it may still come
    bool uncertain = false;  ///< a settling call may have run already
    ending end = ending::give_back;
    redis_call last_call;            ///< to be repeated when Redis did not answer
    std::optional<mono_time> again;  ///< when
    std::string token;               ///< of this delivery
    task_progress shown;             ///< newest progress, saved or not
    std::uint32_t percentage = 0;    ///< highest so far
    bool saving = false;
    bool unsaved = false;
    mono_time last_save{};
    mono_time last_word{};  ///< of the runner
  };
  struct asked {
    purpose what;
    run_id run = 0;
    std::size_t queue = 0;
    std::size_t wanted = 0;
  };
  struct lane_queue {
    queue_share share;
    std::string processing;
    std::int64_t turn = 0;  ///< smooth weighted round robin
    bool pop_out = false;   ///< armed, or disarmed and not yet idle
    bool pop_armed = false;
  };
  using entries = std::map<run_id, entry>;

  void ask(const asked& why, redis_call call, consumer_effects& out);
  void refill(mono_time now, consumer_effects& out);
  void take(std::size_t wanted, consumer_effects& out);
  [[nodiscard]] std::size_t next_turn();
  void scan(consumer_effects& out);
  void arm_all(consumer_effects& out);
  void disarm_all(consumer_effects& out);

  enum class origin : std::uint8_t { told, found };
  void accept(std::size_t queue, std::string raw, origin from, wall_time wall, mono_time now,
              consumer_effects& out);
  void begin(run_id run, consumer_effects& out);
  void begun(run_id run, const redis::reply& r, mono_time now, consumer_effects& out);
  void save_progress(run_id run, mono_time now, consumer_effects& out);
  void end_as(run_id run, const task_outcome& outcome, consumer_effects& out);
  void settle(run_id run, ending how, redis_call call, consumer_effects& out);
  void complete(run_id run, const task_outcome& outcome, consumer_effects& out);
  void retry(run_id run, const fault& why, consumer_effects& out);
  void bury(run_id run, const std::string& reason, consumer_effects& out);
  void give_back(run_id run, consumer_effects& out);
  void settled(run_id run, bool kept);
  void forget(run_id run, consumer_effects& out);
  void repeat_later(run_id run, const fault& why, mono_time now);
  void answered_take(const asked& was, const result<redis::reply>& answer, wall_time wall,
                     mono_time now, consumer_effects& out);
  void answered_scan(const asked& was, const result<redis::reply>& answer, wall_time wall,
                     mono_time now, consumer_effects& out);
  void answered_entry(const asked& was, const result<redis::reply>& answer, mono_time now,
                      consumer_effects& out);
  void tick_entry(run_id run, entry& e, mono_time now, consumer_effects& out);
  void stop_when_empty(consumer_effects& out);
  void look_for_rest(mono_time now);
  [[nodiscard]] held_task held(const entry& e) const;
  [[nodiscard]] std::optional<std::size_t> index_of(const std::string& queue) const;
  [[nodiscard]] bool id_is_busy(const std::string& id) const;

  const node_identity who_;
  const consumer_options options_;
  std::vector<lane_queue> queues_;
  entries entries_;
  std::map<call_ticket, asked> asked_;
  std::uint64_t next_id_ = 1;
  std::size_t taking_ = 0;  ///< items asked for by a take that is not answered
  bool drained_ = false;    ///< the last take found less than it wanted: pops wait now
  std::size_t scans_out_ = 0;
  std::optional<mono_time> take_again_;
  mono_time next_scan_{};
  std::optional<mono_time> stop_deadline_;
  std::optional<mono_time> resting_since_;  ///< stopping, and nothing runs any more
  bool stopped_ = false;
  std::minstd_rand random_;
  consumer_counters counters_;
};

}  // namespace stagedoor::actors
