// SPDX-License-Identifier: Apache-2.0
// What publishers say: a change is visible, so many entries exist.
#pragma once

#include "messages/type_ids.hpp"

#include <cstdint>

namespace stagedoor::messages {

/// The change that was asked for is in every loop of this node.
struct published {
  std::uint64_t version = 0;  ///< of the table
};
MESSAGE_FIELDS(published, version)

/// Replies: entry_count.
struct count_entries {};
MESSAGE_FIELDS(count_entries)

struct entry_count {
  std::uint64_t entries = 0;
  std::uint64_t live_version = 0;
};
MESSAGE_FIELDS(entry_count, entries, live_version)

}  // namespace stagedoor::messages
