// SPDX-License-Identifier: Apache-2.0
// Names that the platform wants to exist, by whatever zone serves them.
#pragma once

#include "messages/type_ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::messages {

/// To the zone directory: {label}.{zone} has the platform's addresses, in the platform's zone and
/// in each of its further zones. Replies: published, when every loop answers it.
struct publish_host_names {
  std::vector<std::string> labels;
};
MESSAGE_FIELDS(publish_host_names, labels)

/// Takes them back. Replies: published.
struct withdraw_host_names {
  std::vector<std::string> labels;
};
MESSAGE_FIELDS(withdraw_host_names, labels)

/// To a zone. Replies: zone_report.
struct report_zone {};
MESSAGE_FIELDS(report_zone)

struct zone_report {
  std::string zone;  ///< "localhost."
  std::uint32_t serial = 0;
  std::uint32_t file_serial = 0;  ///< in the zone's file; 0 = it has none
  std::uint64_t names = 0;
  std::uint64_t records = 0;
  std::string last_error;  ///< of the last time its file was read; empty = none
};
MESSAGE_FIELDS(zone_report, zone, serial, file_serial, names, records, last_error)

}  // namespace stagedoor::messages
