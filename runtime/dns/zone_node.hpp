// SPDX-License-Identifier: Apache-2.0
// What the loops know about one name of one zone: the value of the one table of all zones.
//
// Key: the lower-cased owner in wire form, then the zone's id (dns::name_key). The id comes last so
// that the key of every ancestor is a view into the key of the name. Every name between an owner
// and its apex has a node, records or not (empty non-terminals, RFC 4592 section 2.2.2), so the
// closest encloser is found by halving, and a change of one name touches that name, its new or
// vanished ancestors, and the apex.
#pragma once

#include "runtime/dns/rrset.hpp"
#include "runtime/snapshot/table.hpp"

#include <bitset>
#include <cstdint>
#include <memory>

namespace stagedoor::dns {

/// Identifies a zone of this process for as long as it runs; never used twice.
enum class zone_id : std::uint32_t {};

[[nodiscard]] constexpr std::uint32_t raw(zone_id id) noexcept {
  return static_cast<std::uint32_t>(id);
}

/// Label counts at which a zone has delegations or DNAMEs: the only depths at which a query must
/// look for something above its name.
using depth_set = std::bitset<128>;

struct zone_node {
  rrset_block sets;                       ///< empty at an empty non-terminal
  bool wildcard_child = false;            ///< "*.<this>" has a node
  bool delegation = false;                ///< has NS and is not the apex
  bool redirection = false;               ///< has DNAME
  std::unique_ptr<const depth_set> cuts;  ///< only at the apex, null = no cuts in the zone
};

using name_table = snapshot::table_view<zone_node>;
using name_table_writer = snapshot::table_writer<zone_node>;

}  // namespace stagedoor::dns
