// SPDX-License-Identifier: Apache-2.0
// The serial of a zone that several nodes serve: one of them, the owner, raises it; all use it.
//
// A secondary may ask any node. So a serial must mean the same content everywhere, and never go
// back (RFC 1982): counting changes on each node would do neither, since a node has the names of
// its active teams only. The owner looks at what a change is for all nodes: the version of the
// teams' log, and the serial in the zone's file. It writes "serial version" into the hash
// stagedoor:zones with its proof; serial_follower reads that on every node and hands it to the
// zone. Without a cluster there is neither of them, and zone_state counts by itself.
//
// | receives              | then                                           |
// |-----------------------|------------------------------------------------|
// | messages::owner_proof | writes with this one from now on               |
//
// Owner: the supervisor of serials, as the child named like the zone; the node that owns the zone.
// Runs on: the scheduler. Bounded by: one question at a time. On failure: looks again |interval|
// later.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "configs/defaults.hpp"
#include "messages/cluster.hpp"
#include "messages/dns.hpp"
#include "messages/redis.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::actors {

inline constexpr const char* zones_key = "stagedoor:zones";

/// What is stored for a zone.
struct zone_mark {
  std::uint32_t serial = 0;
  std::uint64_t version = 0;  ///< of the teams' log when it was raised
  friend bool operator==(const zone_mark&, const zone_mark&) = default;
};
[[nodiscard]] std::string to_text(const zone_mark& m);
/// Nothing for what is no mark.
[[nodiscard]] std::optional<zone_mark> parse_zone_mark(std::string_view text);

/// The mark that follows from what is known now; |stored| when nothing changed. |served| is the
/// serial that this node's zone has, |in_file| that of its file; 0 = it has none.
[[nodiscard]] zone_mark next_mark(const std::optional<zone_mark>& stored, std::uint64_t version,
                                  std::uint32_t served, std::uint32_t in_file) noexcept;

class serial_keeper final : public shell {
 public:
  serial_keeper(caf::actor_config& cfg, std::string zone, messages::owner_proof proof,
                milliseconds interval = defaults::serial_interval);
  caf::behavior make_behavior() override;

 private:
  void look();
  void compare(const messages::redis_value& found, const messages::zone_report& zone);
  void again();

  const std::string zone_;
  messages::owner_proof proof_;
  const milliseconds interval_;
  tick_timer timer_;
};

/// On every node of a cluster: gives each zone the serial that its owner keeps.
class serial_follower final : public shell {
 public:
  serial_follower(caf::actor_config& cfg, milliseconds interval = defaults::serial_interval);
  caf::behavior make_behavior() override;

 private:
  void look();
  void found(const messages::redis_value& marks);

  const milliseconds interval_;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
