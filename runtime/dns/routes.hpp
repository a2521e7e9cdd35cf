// SPDX-License-Identifier: Apache-2.0
// Which zone answers a name on a listener: longest suffix match, by hash.
//
// CoreDNS walks all its zones for each query; with thousands of zones that is the cost of a query.
// Here each (zone name, listener) is one key of a snapshot table, and a query probes only at the
// label counts where that listener has zones at all. Server blocks and the zones inside them are
// flattened into one table, so one match decides both.
// Owner: zone_routes one actor, the table a loop. Bounded by: the configuration.
#pragma once

#include "runtime/dns/name.hpp"
#include "runtime/dns/plugins.hpp"
#include "runtime/dns/zone_node.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::dns {

/// One address and port the server listens on, UDP and TCP.
enum class listener_id : std::uint32_t {};
[[nodiscard]] constexpr std::uint32_t raw(listener_id id) noexcept {
  return static_cast<std::uint32_t>(id);
}

/// Value of the route table. Key: lower-cased zone name, then the listener's id. The key with an
/// empty name holds |depths| of the listener.
struct zone_route {
  std::shared_ptr<const plugin_chain> chain;
  std::optional<zone_id> zone;   ///< answered by us, nothing = the chain has no file for it
  std::uint8_t apex_labels = 0;  ///< of |zone|
  std::uint8_t labels = 0;       ///< of this route's own name
  depth_set depths;
};

using route_table = snapshot::table_view<zone_route>;
using route_table_writer = snapshot::table_writer<zone_route>;
inline constexpr unsigned route_shard_bits = 10;

/// The route for |name| with at most |max_labels| labels, or null.
[[nodiscard]] const zone_route* find_route(const route_table& table, query_name& name,
                                           listener_id listener, std::size_t most_labels) noexcept;

struct served_zone {
  wire_name apex;  ///< lower-cased
  zone_id id;
};

/// A server block of a Corefile.
struct server_block {
  std::vector<listener_id> listeners;
  std::vector<wire_name> keys;     ///< zone names in front of the braces, lower-cased
  std::vector<served_zone> zones;  ///< of its file and auto plugins
  std::shared_ptr<const plugin_chain> chain;
};

/// Keeps a route table in step with the server blocks.
class zone_routes {
 public:
  explicit zone_routes(route_table_writer& table) : table_(table) {}

  /// Stages what differs from the blocks set before. On failure: conflict (the same zone name in
  /// two blocks of one listener); nothing is staged then.
  [[nodiscard]] result<void> set_blocks(std::vector<server_block> blocks);

  /// A zone appeared in, or left, the block with index |block| (auto plugin, run-time zones).
  /// Costs the same however many zones there are.
  void add_zone(std::size_t block, served_zone zone);
  void remove_zone(std::size_t block, std::string_view apex);

 private:
  struct block_state {
    server_block block;
    std::map<wire_name, zone_id, std::less<>> zones;
  };
  [[nodiscard]] std::optional<std::size_t> block_of(std::string_view name, listener_id on) const;
  void refresh(std::string_view name, listener_id on);
  void refresh_zone(std::size_t block, std::string_view apex);
  void count_depth(listener_id on, std::size_t labels, int change);

  route_table_writer& table_;
  std::vector<block_state> blocks_;
  std::map<std::pair<listener_id, wire_name>, std::size_t> keys_;  ///< to the block
  std::map<std::pair<listener_id, std::size_t>, std::size_t>
      depths_;  ///< routes with that many labels
};

}  // namespace stagedoor::dns
