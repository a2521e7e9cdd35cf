// SPDX-License-Identifier: Apache-2.0
// The admin API between its socket and the actor that answers.
#pragma once

#include "messages/type_ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::messages {

/// One HTTP request as it came over the admin socket. Replies: admin_response.
struct admin_request {
  std::string method;
  std::string path;   ///< decoded, without query
  std::string query;  ///< as it came
  std::string body;
};
MESSAGE_FIELDS(admin_request, method, path, query, body)

struct admin_response {
  std::uint32_t status = 200;
  std::string body;  ///< JSON
};
MESSAGE_FIELDS(admin_response, status, body)

/// One line of a subsystem's state: "redis" "connected" "yes".
struct status_row {
  std::string subsystem;
  std::string key;
  std::string value;
};
MESSAGE_FIELDS(status_row, subsystem, key, value)

/// Asks a service how it is. Replies: status_rows.
struct report_status {};
MESSAGE_FIELDS(report_status)

struct status_rows {
  std::vector<status_row> rows;
};
MESSAGE_FIELDS(status_rows, rows)

}  // namespace stagedoor::messages
