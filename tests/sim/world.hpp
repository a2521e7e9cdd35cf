// SPDX-License-Identifier: Apache-2.0
// A cluster in virtual time: the nodes' own state classes, a store, a network, and a referee.
//
// One queue of events drives everything and one generator decides all chance, so a seed is a whole
// run. Each node has its own steady clock (another start, up to 2 % fast or slow), each message its
// own delay; a message may be lost, late, or carried out after its sender gave up.
// The referee looks at every write that the store accepts and every start and stop; it throws
// `violation` when an invariant breaks:
// - of one key, accepted writes never go back to a lower fence, and one fence has one holder;
// - a node that is no member owns nothing, and starts nothing;
// - two nodes run one key at a time only where the store was wronged (a living node evicted, lost
//   writes, a clock set ahead), and then only one of them can write;
// - a node moves no more in one interval than its share.
// Owner: a test. Runs on: one thread.
#pragma once

#include "cluster/membership/coordinator_state.hpp"
#include "tests/sim/memory_lease_store.hpp"

#include <deque>
#include <memory>
#include <random>
#include <stdexcept>

namespace stagedoor::test {

using micros = std::chrono::microseconds;

struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What the network does to a message.
struct weather {
  micros longest_delay{2'000};
  std::size_t loss_percent = 0;
};

struct world_counters {
  std::uint64_t events = 0, writes = 0, stale_writes = 0, starts = 0, moves = 0, fenced = 0,
                evicted = 0, failovers = 0, excused_overlaps = 0;
};

/// "0 team a (node-1, fence 7)", for violations.
[[nodiscard]] std::string say(const cluster::ownership& o);

class world {
 public:
  struct running_work {
    cluster::ownership proof;
    std::uint64_t start = 0;  ///< tells two starts of one key apart
  };

  struct sim_node {
    std::string name;
    std::unique_ptr<cluster::coordinator_state> state;
    bool up = false;
    bool frozen = false;
    std::uint64_t process = 0;  ///< counts its lives
    std::int64_t clock_offset = 0;
    std::int64_t clock_ppm = 0;
    std::uint64_t timer = 0;    ///< the one that counts
    mono_time timer_set_for{};  ///< as the node's clock goes
    bool cut_from_store = false;
    std::map<cluster::owned_key, running_work> running;
    std::deque<std::function<void()>> backlog;  ///< what happened while it was frozen
    mono_time last_moves{};
  };

  explicit world(std::uint64_t seed) : random_(seed), store_(lease) {}

  // -- chance and time -------------------------------------------------------------------------------

  [[nodiscard]] std::size_t below(std::size_t n);
  [[nodiscard]] bool chance(std::size_t percent) { return below(100) < percent; }
  [[nodiscard]] micros between(micros low, micros high);
  [[nodiscard]] micros now() const noexcept { return now_; }
  void at(micros when, std::function<void()> what);
  void after(micros wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
  void run_until(micros end);

  // -- what a test, or a fault, does -----------------------------------------------------------------

  std::size_t add_node();
  void start_process(std::size_t n);
  void kill(std::size_t n);
  void freeze(std::size_t n);
  void thaw(std::size_t n);
  void drain(std::size_t n);
  /// |observer| believes that |victim|'s process is gone.
  void report_gone(std::size_t observer, std::size_t victim);
  void cut_peers(std::size_t a, std::size_t b, bool cut);
  void change_desired(const std::string& kind, const std::vector<std::string>& added,
                      const std::vector<std::string>& removed);
  void store_down(bool down) { store_down_ = down; }
  [[nodiscard]] bool is_store_down() const noexcept { return store_down_; }
  /// The store restarts or is promoted |lost| from now, with what it holds at this moment.
  void fail_over_after(micros lost);
  void lose_everything();
  void set_server_clock(std::int64_t jump_ms);

  // -- what it looks like ----------------------------------------------------------------------------

  [[nodiscard]] const std::vector<std::unique_ptr<sim_node>>& nodes() const noexcept {
    return nodes_;
  }
  [[nodiscard]] sim_node& at(std::size_t n) noexcept { return *nodes_[n]; }
  [[nodiscard]] std::size_t live() const;
  [[nodiscard]] const memory_lease_store& store() const noexcept { return store_; }
  [[nodiscard]] const std::set<std::string>& ids(const std::string& kind) {
    return desired_[kind].ids;
  }
  /// "" when everything desired runs on exactly one node each that is not frozen, which the store
  /// agrees to; else what does not.
  [[nodiscard]] std::string missing();
  /// "" when what runs is where placement wants it.
  [[nodiscard]] std::string misplaced();

  weather sky;
  world_counters counters;

  static constexpr milliseconds lease = defaults::lease;
  static const std::map<std::string, std::size_t, std::less<>>& kinds();

 private:
  struct event {
    micros when;
    std::uint64_t sequence;
    std::function<void()> what;
    friend bool operator>(const event& a, const event& b) {
      return std::tie(a.when, a.sequence) > std::tie(b.when, b.sequence);
    }
  };
  struct desired_kind {
    std::uint64_t version = 0;
    std::set<std::string> ids;
  };
  using last_accepted = std::map<cluster::owned_key, cluster::ownership>;

  [[nodiscard]] mono_time local(const sim_node& n) const;
  [[nodiscard]] micros global(const sim_node& n, mono_time when) const;
  [[nodiscard]] micros delay();
  [[nodiscard]] bool lost() { return chance(sky.loss_percent); }
  /// Runs |what| in that life of the node; later, when it is frozen; never, when it is over.
  void in_process(std::size_t n, std::uint64_t process, micros when, std::function<void()> what);
  void step(std::size_t n, cluster::effects wanted);
  void set_timer(std::size_t n);
  void carry_out(std::size_t n, cluster::effect& e);
  void ask(std::size_t n, cluster::lease_request what, milliseconds patience,
           std::function<void(result<cluster::lease_answer>)> done);
  result<cluster::lease_answer> execute(const cluster::lease_request& what);
  void spread_hints();
  void start_work(std::size_t n, const cluster::ownership& proof);
  void keep_writing(std::size_t n, const cluster::owned_key& key, std::uint64_t start);
  void read_desired(std::size_t n, const cluster::read_desired& what);
  void check_overlap(std::size_t n, const cluster::ownership& proof);
  void check_moves(sim_node& n, const cluster::effects& wanted, std::size_t owned_before);

  std::mt19937_64 random_;
  micros now_{0};
  std::uint64_t next_event_ = 0;
  std::vector<event> queue_;  ///< a heap, the earliest first
  std::vector<std::unique_ptr<sim_node>> nodes_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::set<std::pair<std::size_t, std::size_t>> cut_;
  memory_lease_store store_;
  last_accepted accepted_;
  std::set<cluster::node_run> wronged_;  ///< runs that were evicted
  micros excused_until_{0};              ///< for two nodes that run one key
  bool store_down_ = false;
  std::int64_t server_jump_ = 0;  ///< milliseconds
  std::uint64_t epoch_ = 1;
  std::uint64_t next_start_ = 0;
  std::map<std::string, desired_kind> desired_;
};

}  // namespace stagedoor::test
