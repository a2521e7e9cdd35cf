// SPDX-License-Identifier: Apache-2.0
// Who is in the cluster and who owns what, decided in one place outside all nodes.
//
// A failure detector can only suspect. Whoever pauses (a frozen process, a partition) does not know
// that time went by, so "one owner" needs an arbiter that sees every write. This is its interface:
// members hold one lease each; an owner record names a run of a node and a fence, a number that is
// never given out twice; an owned write is refused unless it carries exactly that. The lease
// decides who MAY act, the fence decides whose write COUNTS. Requests and answers are values, so
// that states can be tested, and simulated, without a store. Owner: the composition root. Runs on:
// what the implementation says.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stagedoor::cluster {

// -- values ----------------------------------------------------------------------------------------

/// A random number that a node takes each time it joins. All zero = none.
struct incarnation {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  [[nodiscard]] bool known() const noexcept { return high != 0 || low != 0; }
  friend auto operator<=>(const incarnation&, const incarnation&) = default;
};
/// From the system's source of random numbers.
[[nodiscard]] incarnation random_incarnation();
/// 32 lower-case hexadecimal digits.
[[nodiscard]] std::string to_hex(const incarnation& run);
[[nodiscard]] std::optional<incarnation> parse_incarnation(std::string_view hex) noexcept;

/// One run of one node.
struct node_run {
  std::string node;
  incarnation run;
  friend auto operator<=>(const node_run&, const node_run&) = default;
};

/// What a node says of itself.
struct member {
  node_run who;
  std::string address;             ///< where peers reach its cluster port
  std::uint16_t protocol_min = 1;  ///< of the messages between nodes: the lowest that it speaks
  std::uint16_t protocol_max = 1;
  std::string build;
  std::uint32_t capacity = 100;  ///< its share of owned work against the others'; 0 = none
  bool draining = false;         ///< owns less and less, and then leaves
  /// 32 hexadecimal digits, one for the life of the process: what its links and its tasks carry,
  /// while a run ends with each lease that was lost.
  std::string process = std::string(32, '0');
  friend bool operator==(const member&, const member&) = default;
};

/// Something that one node at a time may do. |slot| tells the owners of one id apart where a kind
/// has several.
struct owned_key {
  std::string kind;
  std::string id;
  std::uint32_t slot = 0;
  friend auto operator<=>(const owned_key&, const owned_key&) = default;
};

using fence = std::uint64_t;  ///< 0 = none

/// The owner record, and the proof of ownership that goes with each owned write.
struct ownership {
  owned_key what;
  node_run holder;
  fence number = 0;
  friend bool operator==(const ownership&, const ownership&) = default;
};

// -- requests --------------------------------------------------------------------------------------

/// Becomes a member, or changes what is said of a member (draining).
struct join_cluster {
  member self;
  incarnation previous;  ///< a run of this node that is over for certain: its record gives way
  fence floor = 0;       ///< the highest fence this process has seen
};

struct renew_lease {
  node_run self;
  fence floor = 0;
};

struct leave_cluster {
  node_run self;
};

/// |victim|'s process is known to be gone (its host refused or reset a connection): its owners are
/// free from now on. Should it live all the same, its writes are refused and its next renewal says
/// `evicted`.
struct evict_member {
  node_run self;
  node_run victim;
};

struct read_members {
  node_run self;
  std::uint64_t known_version = 0;  ///< of the view at hand; 0 = none
};

struct claim {
  owned_key what;
  fence held = 0;       ///< what this run owns it with; after a failover the later owner wins
  bool insist = false;  ///< a holder that is alive is told that it is wanted
};

struct acquire_owners {
  node_run self;
  fence floor = 0;
  std::vector<claim> claims;
};

/// Lets go of what this run owns with |number| or less: a release that comes late cannot end what
/// was granted after it was sent.
struct release_item {
  owned_key what;
  fence number = 0;
};

struct release_owners {
  node_run self;
  std::vector<release_item> items;
};

/// Commands that run if, and only if, |proof| is the record. They run in one script: nothing comes
/// between check and write. A command that fails (wrong type) fails the request with those before
/// it done.
struct fenced_write {
  ownership proof;
  std::vector<std::vector<std::string>> commands;
};

using lease_request = std::variant<join_cluster, renew_lease, leave_cluster, evict_member,
                                   read_members, acquire_owners, release_owners, fenced_write>;

// -- answers ---------------------------------------------------------------------------------------

enum class standing : std::uint8_t {
  member,      ///< the lease runs anew
  unknown,     ///< no such member: it ended, or the store lost it
  evicted,     ///< a peer saw the process dead; this run is over
  superseded,  ///< another run has this node's name
};

/// To join, renew and leave.
struct lease_standing {
  standing is = standing::unknown;
  std::uint64_t version = 0;  ///< of the members; differs from the view at hand = read them
  std::string epoch;          ///< changes when the store restarted or failed over
  fence highest = 0;          ///< no fence above it was given out
  milliseconds paused{0};     ///< nothing changes hands for so long
  milliseconds taken_for{0};  ///< superseded: how long the other run's lease goes on
  friend bool operator==(const lease_standing&, const lease_standing&) = default;
};

struct member_list {
  std::uint64_t version = 0;
  bool changed = false;         ///< false: |members| is empty, the view at hand is current
  std::vector<member> members;  ///< by name
  friend bool operator==(const member_list&, const member_list&) = default;
};

struct evict_outcome {
  bool evicted = false;  ///< false: that run is no member (any more), or the asker is none
  friend bool operator==(const evict_outcome&, const evict_outcome&) = default;
};

enum class claim_result : std::uint8_t { granted, held, paused };

struct claim_outcome {
  claim_result is = claim_result::held;
  fence number = 0;      ///< granted
  std::string holder;    ///< held: by which node
  milliseconds wait{0};  ///< paused: for how long
  friend bool operator==(const claim_outcome&, const claim_outcome&) = default;
};

struct acquire_outcome {
  bool is_member = true;              ///< false: nothing was done, |claims| is empty
  std::vector<claim_outcome> claims;  ///< in the order of the request
  friend bool operator==(const acquire_outcome&, const acquire_outcome&) = default;
};

struct release_outcome {
  std::uint64_t released = 0;
  friend bool operator==(const release_outcome&, const release_outcome&) = default;
};

enum class write_result : std::uint8_t { written, stale };

struct write_outcome {
  write_result is = write_result::stale;
  friend bool operator==(const write_outcome&, const write_outcome&) = default;
};

using lease_answer = std::variant<lease_standing, member_list, evict_outcome, acquire_outcome,
                                  release_outcome, write_outcome>;

// -- the store ---------------------------------------------------------------------------------------

class lease_store {
 public:
  using done = std::function<void(result<lease_answer>)>;

  lease_store() = default;
  lease_store(const lease_store&) = delete;
  lease_store& operator=(const lease_store&) = delete;
  virtual ~lease_store() = default;

  /// Never blocks; |answer| runs exactly once, after |deadline| at the latest. A fault does not say
  /// that nothing was done: a request may have run, or may still run later.
  /// Kinds: as the transport's; malformed (an answer that is none).
  virtual void ask(lease_request what, mono_time deadline, done answer) = 0;
};

// -- hints -------------------------------------------------------------------------------------------

/// News that the store spreads so that nobody has to poll. A hint that is lost costs time, no more.
struct hint {
  enum class about : std::uint8_t {
    members,   ///< the members have changed
    released,  ///< |keys| are free
    wanted,    ///< a peer wants |keys|, which the store believes to be ours
  };
  about what = about::members;
  std::vector<owned_key> keys;
  friend bool operator==(const hint&, const hint&) = default;
};

/// A hint and the channel it is published on.
struct published_hint {
  std::string channel;
  std::string text;
  friend bool operator==(const published_hint&, const published_hint&) = default;
};

/// The channel for all nodes, and that of one node.
[[nodiscard]] std::string hint_channel();
[[nodiscard]] std::string hint_channel(std::string_view node);
[[nodiscard]] std::string to_text(const owned_key& key);
/// On failure: malformed.
[[nodiscard]] result<hint> parse_hint(std::string_view text);

}  // namespace stagedoor::cluster
