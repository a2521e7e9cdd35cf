// SPDX-License-Identifier: Apache-2.0
// The lease store's decisions as Lua, and its requests as calls of these scripts.
//
// Three things that a plain "key with a TTL" gets wrong are settled here, at the top of every
// script:
// - Time. Redis counts a TTL by its host's wall clock. Ours is a clock in the store that each
// script
//   moves on by what went by since the last one, but never backwards and never by more than
//   |longest_step|: a clock set one hour ahead ends no lease, one set back prolongs none, and time
//   in which Redis was away (so that nobody could renew) does not count. Nor has any of our keys a
//   TTL, which `maxmemory-policy volatile-lru` would take as leave to evict a living member.
// - Failover. A promoted replica, or a restart, has another master_replid and may have lost the
// last
//   writes. Whoever comes first finds that: nothing changes hands for one lease (owners re-assert
//   what they hold), and fences go on 2^20 above where they were, so that none is given out twice.
//   A server also takes another id when its first replica comes: one pause that was not needed.
// - Memory. A script that has written may write on when Redis is above maxmemory, so each begins
// with
//   a write that changes nothing: tenants who fill Redis cannot end a lease.
// The scripts name keys by an owner record's content, as Redis Cluster forbids; nor do we run on
// one.
//
// Keys: stagedoor:cluster (hash: wall, clock, epoch, fence, version, paused), stagedoor:members
// (hash: node -> record), stagedoor:leases (sorted set: node -> end, by our clock),
// stagedoor:evicted (hash: node -> incarnation, until its next join),
// stagedoor:owner:<kind>:<id>:<slot> (hash: node, run, fence). Channels: stagedoor:hints,
// stagedoor:hints:<node>. Bounded by: one small record a node and an owned key; |largest_batch|
// keys a call.
#pragma once

#include "cluster/membership/lease_store.hpp"
#include "runtime/redis/reply.hpp"
#include "runtime/redis/script.hpp"

namespace stagedoor::cluster {

inline constexpr std::size_t largest_batch = 64;         ///< claims or releases in one script
inline constexpr milliseconds longest_step{1'500};       ///< of the store's clock, a script
inline constexpr fence failover_jump = fence{1} << 20U;  ///< above what a lost second can give out

/// Lua: run_all(at) runs the commands that append_commands() wrote, from ARGV[at] on.
inline constexpr std::string_view run_commands = R"lua(
local function run_all(at)
  while at <= #ARGV do
    local words = tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, at + words))
    at = at + words + 1
  end
end
)lua";
/// Of each command: how many words it has, then the words.
void append_commands(std::vector<std::string>& arguments,
                     const std::vector<std::vector<std::string>>& commands);

struct script_call {
  const redis::script* script = nullptr;
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
};

class lease_scripts {
 public:
  /// |wall_ms| is a Lua expression: milliseconds by the server's clock. Tests put their own there.
  explicit lease_scripts(milliseconds lease, std::string_view wall_ms = server_clock);

  /// |what| must name its node and have no more than |largest_batch| claims or items.
  /// Kinds: as encode_member.
  [[nodiscard]] result<script_call> call(const lease_request& what) const;
  /// Kinds: malformed.
  [[nodiscard]] static result<lease_answer> answer(const lease_request& what,
                                                   const redis::reply& reply);

  static constexpr std::string_view server_clock =
      "(function() local t = redis.call('TIME') "
      "return t[1] * 1000 + math.floor(t[2] / 1000) end)()";

 private:
  std::string lease_;
  redis::script join_, renew_, leave_, evict_, read_, acquire_, release_, write_;
};

}  // namespace stagedoor::cluster
