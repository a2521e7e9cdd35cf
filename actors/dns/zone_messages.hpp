// SPDX-License-Identifier: Apache-2.0
// What is said to the zones of one node.
#pragma once

#include "actors/support/local_messages.hpp"
#include "runtime/base/result.hpp"
#include "runtime/dns/zone_data.hpp"

#include <memory>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// Replies: messages::published, when live in every loop; or the fault of zone_state::add_records.
struct add_zone_records {
  std::vector<dns::record> records;
};

/// Replies: messages::published.
struct remove_zone_records {
  std::vector<dns::record_match> matches;
};

/// A zone's file was read again (on another thread: a large one takes seconds).
struct zone_file_read {
  std::shared_ptr<const result<dns::zone_data>> content;
};

/// From the serial_follower: what the zone's owner says its serial is.
struct use_serial {
  std::uint32_t serial = 0;
};

}  // namespace stagedoor::actors
