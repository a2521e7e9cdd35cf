// SPDX-License-Identifier: Apache-2.0
// The command line's side of the admin socket: one request, one answer, with a deadline.
//
// Runs on: main's thread; blocks.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <string>

namespace stagedoor::cluster {

struct admin_answer {
  unsigned status = 0;
  std::string body;
};

/// On failure: unreachable (no node answers on the socket), timed_out, closed, malformed.
[[nodiscard]] result<admin_answer> ask_admin(const std::string& socket_path,
                                             const std::string& method, const std::string& target,
                                             const std::string& body = {},
                                             seconds deadline = seconds(35));

}  // namespace stagedoor::cluster
