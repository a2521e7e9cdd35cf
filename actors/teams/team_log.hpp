// SPDX-License-Identifier: Apache-2.0
// How the desired state of all teams is kept in Redis, so that several nodes can follow it.
//
// The problem: a node that was away must learn what changed without reading a million teams, and a
// node whose store was replaced by an empty one must not take its teams down.
//   stagedoor:teams          hash, slug -> JSON: the teams themselves
//   stagedoor:teams:changes  sorted set, slug by version: the latest changes; the oldest are
//   forgotten stagedoor:teams:state    hash: version  counts changes, each gets the next number
//                                  floor    the highest version that was forgotten: who is behind
//                                           it reads everything
//                                  epoch    made once with the data: another epoch means another
//                                           store, not removed teams
//                                  indexed  "all" or "some" once the two keys below are complete
//   stagedoor:teams:index    sorted set of all slugs: lists them in order
//   stagedoor:teams:tended   set of those that some node must look after, asked for or not
// Each change is one script. What is written is a team's own JSON, so a change can be applied twice
// and out of order: who is told of one reads what is stored now.
// Bounded by: the teams; changes_kept. On failure: a change that is written on behalf of a flow
// names its owner record, and is refused when another node has taken the flow over.
#pragma once

#include "configs/defaults.hpp"
#include "messages/cluster.hpp"
#include "messages/redis.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::actors::team_log {

inline constexpr const char* teams_key = "stagedoor:teams";
inline constexpr const char* state_key = "stagedoor:teams:state";  ///< hash; its field version
inline constexpr const char* tended_key = "stagedoor:teams:tended";

/// Whether some node must look after a team although nobody asks for it.
enum class tending : std::uint8_t { none, wanted };

struct change {
  std::uint64_t version = 0;
  std::string slug;
  std::string spec;  ///< JSON as it is stored now; empty = removed
  tending tended = tending::none;
};

/// Which teams an index must have been built for: those that are checked, or all of them, because
/// a certificate resolver is configured for teams.
enum class indexing : std::uint8_t { none, some, all };

struct page {
  std::string epoch;
  std::uint64_t version = 0;  ///< of the latest change
  std::uint64_t floor = 0;
  std::uint64_t teams = 0;
  std::uint64_t tended = 0;
  indexing index = indexing::none;
  std::vector<change> changes;  ///< oldest first; none when |after| was below the floor
};

// -- scripts --------------------------------------------------------------------------------------
// The proof of a node that runs alone has fence 0, and is not compared with a record.

/// Replies what read_version() reads.
[[nodiscard]] messages::redis_script put(const messages::owner_proof& proof, std::string slug,
                                         std::string spec, tending tended, milliseconds deadline,
                                         std::size_t kept = defaults::team_changes);
/// The same; the version of before when there was no such team.
[[nodiscard]] messages::redis_script remove(const messages::owner_proof& proof, std::string slug,
                                            milliseconds deadline,
                                            std::size_t kept = defaults::team_changes);
/// The changes behind |after|, at most |limit| of them. Replies what read_page() reads.
[[nodiscard]] messages::redis_script since(std::uint64_t after, std::size_t limit,
                                           milliseconds deadline);
/// One step of completing index and tended for a hash that an older version wrote. Replies the
/// cursor of the next step; "0" = complete.
[[nodiscard]] messages::redis_script build_index(std::string cursor, std::size_t count,
                                                 indexing what, milliseconds deadline);
/// Slugs behind |after|, sorted. Replies what read_names() reads.
[[nodiscard]] messages::redis_script names(std::string after, std::size_t limit,
                                           milliseconds deadline);

// -- replies --------------------------------------------------------------------------------------

/// On failure: stale, when the proof is not the newest; invalid, when it is no version.
[[nodiscard]] result<std::uint64_t> read_version(const messages::redis_value& reply);
/// On failure: invalid.
[[nodiscard]] result<page> read_page(const messages::redis_value& reply);

struct name_page {
  std::uint64_t total = 0;
  std::vector<std::string> slugs;
};
/// On failure: invalid; overloaded, while the index is being built.
[[nodiscard]] result<name_page> read_names(const messages::redis_value& reply);

}  // namespace stagedoor::actors::team_log
