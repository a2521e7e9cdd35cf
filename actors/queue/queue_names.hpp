// SPDX-License-Identifier: Apache-2.0
// The keys of the task queues, in one place.
//
// queue:<name>, task:<id>, tasks:<user> and the status channels are the platform's public
// contract. What hangs on a queue carries its name in braces, so that a Redis Cluster keeps it in
// the same slot as the queue itself, whose plain name is hashed whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::actors {

/// One run of one node. Neither part contains ':', which separates them in keys.
struct node_identity {
  std::string node;
  std::string incarnation;
  friend bool operator==(const node_identity&, const node_identity&) = default;
};

namespace queue_names {

inline constexpr std::string_view processing_registry = "stagedoor:processing";
/// Who owns the janitor's work: kind "janitor", id "queues"; written by the cluster alone.
inline constexpr std::string_view janitor_owner = "stagedoor:owner:janitor:queues:0";
inline constexpr std::string_view statistics = "stagedoor:stats:queues";

/// Items this run of this node has taken and not settled.
[[nodiscard]] std::string processing(std::string_view queue, const node_identity& who);
/// Items that wait for their time; scores are milliseconds since 1970.
[[nodiscard]] std::string retry(std::string_view queue);
/// Items that nobody could do, newest first.
[[nodiscard]] std::string dead(std::string_view queue);
/// How often an item was begun.
[[nodiscard]] std::string delivery(std::string_view queue, std::string_view raw);
/// Exists for as long as that run of the node is alive.
[[nodiscard]] std::string liveness(const node_identity& who);

[[nodiscard]] std::string task(std::string_view id);
/// The channel of one user's tasks; empty when there is no user.
[[nodiscard]] std::string user_channel(std::string_view user_id);
/// team:status for "team.provision" and so on; empty when the platform has no channel for it.
[[nodiscard]] std::string status_channel(std::string_view task_type);

/// What a processing list's key says; nothing when it is none of ours.
struct processing_list {
  std::string key;
  std::string queue;
  node_identity owner;
  friend bool operator==(const processing_list&, const processing_list&) = default;
};
[[nodiscard]] std::optional<processing_list> parse_processing(std::string_view key);

}  // namespace queue_names
}  // namespace stagedoor::actors
