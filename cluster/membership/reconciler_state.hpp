// SPDX-License-Identifier: Apache-2.0
// Makes what this node owns what it should own: hot-add, join, leave and failover are one path.
//
// Should: the desired set, placed over the members. Has: the owner records it holds. A round looks
// at the difference and asks the store for some of it; the next round looks again, so no event has
// to be handled for its own sake, and one that was lost costs the time until the next round.
// Moving is slow on purpose: at most |share_percent| of what this node owns, and at least
// |at_least|, goes to other nodes in one |interval|. Taking what nobody owns is not.
//
//   none --claim--> claiming --granted--> owned --stop--> stopping --stopped--> releasing --> none
//   claiming/releasing --no answer--> unsure: claimed again, or released, whatever happened
//   owned --failover, refused write--> asserting --granted--> owned
// Owner: coordinator_state. Runs on: any one thread. No actor; time is an argument.
// Bounded by: |most_ids|; |claims_in_flight|. A round is linear in the ids known; a member that
// comes or goes costs one draw an id. On failure: see unsure. Nothing is owned once fenced() was
// called.
#pragma once

#include "cluster/membership/effects.hpp"
#include "cluster/membership/placement.hpp"
#include "configs/defaults.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace stagedoor::cluster {

struct reconciler_options {
  std::map<std::string, std::size_t, std::less<>> kinds;  ///< name -> owners of each id
  milliseconds interval = defaults::owner_moves_interval;
  milliseconds soonest = defaults::owner_rounds_apart;  ///< between two rounds
  milliseconds read_interval = defaults::desired_read;  ///< of the desired set, hints or not
  std::size_t share_percent = defaults::owner_moves_percent;
  std::size_t at_least = defaults::owner_moves_at_least;
  std::size_t batch = defaults::owner_batch;  ///< claims or releases in one request
  std::size_t claims_in_flight = defaults::owner_claims_in_flight;
  std::size_t most_ids = defaults::owned_ids;
  milliseconds retry_first =
      defaults::owner_first_pause;  ///< after a claim that was refused; doubles
  milliseconds retry_longest = defaults::owner_longest_pause;
  milliseconds stop_patience =
      defaults::owner_stop_patience;  ///< then it is released, stopped or not: the fence holds
  milliseconds patience = defaults::owner_patience;  ///< with the store
};

struct reconciler_counters {
  std::uint64_t rounds = 0;
  std::uint64_t started = 0;
  std::uint64_t moved = 0;  ///< stopped because another node should own it
  std::uint64_t lost = 0;   ///< stopped because another node does
};

class reconciler_state {
 public:
  explicit reconciler_state(reconciler_options options);

  // -- what should be --------------------------------------------------------------------------------

  /// The whole set of a kind: the answer to read_desired, which needs none when nothing changed.
  /// Ids above |most_ids| are passed over.
  void desired(std::string_view kind, std::uint64_t version, const std::vector<std::string>& ids,
               mono_time now);
  /// One change; the whole set is read again unless |version| is the next one.
  [[nodiscard]] effects desired_changed(std::string_view kind, std::uint64_t version,
                                        const std::vector<std::string>& added,
                                        const std::vector<std::string>& removed, mono_time now);

  // -- membership ------------------------------------------------------------------------------------

  void joined(const node_run& self, mono_time now);
  [[nodiscard]] effects fenced(mono_time now);
  void view(const std::vector<member>& members, mono_time now);
  /// What is owned is claimed again with the fence it has.
  void store_changed(mono_time now);
  void pause_until(mono_time until) noexcept { paused_until_ = until; }
  void saw_fence(fence number) noexcept;
  void drain(mono_time now);

  // -- events ----------------------------------------------------------------------------------------

  [[nodiscard]] effects tick(mono_time now);
  [[nodiscard]] mono_time next_tick() const;
  [[nodiscard]] effects answered(ticket number, const result<lease_answer>& answer, mono_time now);
  [[nodiscard]] effects hinted(const hint& news, mono_time now);
  /// It stopped: because it was told to, or by itself, and then it is released and tried later.
  [[nodiscard]] effects stopped(const owned_key& what, mono_time now);
  /// A write was refused as stale.
  void write_refused(const owned_key& what, mono_time now);

  // -- state -----------------------------------------------------------------------------------------

  [[nodiscard]] std::size_t owned() const noexcept { return owned_; }
  [[nodiscard]] std::size_t known_ids() const noexcept { return items_.size(); }
  [[nodiscard]] fence highest_fence() const noexcept { return highest_; }
  [[nodiscard]] const reconciler_counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::vector<ownership> list_owned() const;

 private:
  enum class phase : std::uint8_t { none, claiming, unsure, owned, stopping, releasing };

  struct item {
    std::uint32_t kind = 0;
    bool is_desired = true;
    bool wanted = false;      ///< desired, and placed here
    bool assert_now = false;  ///< owned, to be claimed again
    bool asserting = false;   ///< that claim is on its way
    bool release_after_stop = true;
    std::uint8_t refusals = 0;  ///< in a row
    phase is = phase::none;
    std::uint32_t slot = 0;  ///< owned, or the next to be tried
    std::uint64_t hash = 0;
    fence number = 0;
    mono_time due{};  ///< none: not claimed before; stopping: when patience ends
    ranking ranks;
    std::uint64_t seen = 0;  ///< the reading that had it last
    std::string id;
  };

  struct kind_state {
    std::string name;
    std::size_t replicas = 1;
    std::uint64_t version = 0;
    mono_time read_at{};                                   ///< when to compare it again
    std::unordered_map<std::string, std::uint32_t> index;  ///< id -> item
  };

  struct asked {
    enum class question : std::uint8_t { claim, release } what = question::claim;
    incarnation run;
    std::vector<owned_key> keys;
  };

  // Finding.
  kind_state* find_kind(std::string_view name);
  item* find(const owned_key& key);
  [[nodiscard]] owned_key key_of(const item& i) const;
  // What should be.
  void add(kind_state& kind, std::uint32_t kind_index, const std::string& id);
  void erase(std::uint32_t at);
  void want(item& i);
  void want_all();
  void place(item& i);
  [[nodiscard]] std::uint32_t index_of(const std::string& node);
  void place_again(const std::vector<bool>& stale, const std::vector<std::uint32_t>& fresh);
  // A round.
  void round(mono_time now, effects& out);
  void consider(item& i, mono_time now, std::size_t& moves, effects& out);
  void stop(item& i, stop_reason why, mono_time now, effects& out);
  void ask_for(item& i);
  void release(item& i, fence number);
  void after_stop(item& i);
  void flush(effects& out);
  void become(item& i, phase next);
  void soon(mono_time now);
  // Answers.
  void claimed(item& i, const claim_outcome& outcome, mono_time now, effects& out);
  void asserted(item& i, const claim_outcome& outcome, mono_time now, effects& out);
  void no_answer(const asked& was, mono_time now);

  static constexpr std::uint32_t no_index = ~std::uint32_t{0};

  reconciler_options options_;
  std::vector<kind_state> kinds_;
  std::vector<item> items_;
  std::size_t owned_ = 0;
  std::size_t most_owned_ = 0;  ///< since the drain began
  node_run self_;
  bool member_ = false;
  bool draining_ = false;
  bool told_drained_ = false;
  bool more_ = false;  ///< a limit ended the last round
  fence highest_ = 0;
  std::vector<candidate> candidates_;  ///< by index; weight 0 = is not here
  std::vector<std::uint32_t> spare_indexes_;
  std::unordered_map<std::string, std::uint32_t> names_;
  std::uint64_t readings_ = 0;
  std::uint32_t self_index_ = no_index;  ///< our own; no_index when we are not listed
  mono_time next_round_{};
  mono_time last_round_{};
  mono_time next_moves_{};
  mono_time next_due_{};  ///< the earliest thing that the last round put off
  mono_time paused_until_{};
  std::map<ticket, asked> asked_;
  ticket next_ticket_ = 1;
  std::size_t claims_in_flight_ = 0;
  std::vector<claim> claims_;           ///< of this round
  std::vector<release_item> releases_;  ///< of this round
  reconciler_counters counters_;
};

}  // namespace stagedoor::cluster
