// SPDX-License-Identifier: Apache-2.0
// What keeps a redis-server alive: it runs for as long as some process has the end of its lifeline.
//
// A server that dies with the process that started it cannot outlive an upgrade, and one that does
// not is left behind by a crash. So its end is tied to a pipe instead: a keeper, a small process
// beside the server, waits for the pipe to close and then asks the server to end. Whoever takes
// over from a node gets a copy of the pipe's end, and with it the server.
// Owner: the node, shared with its managed_server. Runs on: any thread. Bounded by: one descriptor
// here, one process for each server.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

#include <mutex>
#include <string>
#include <sys/types.h>

namespace stagedoor::redis {

class lifeline {
 public:
  /// Lets go of the server that was held, and holds the one that gets the other end, which is
  /// returned. On failure: internal.
  [[nodiscard]] result<unique_fd> renew();
  /// Holds the server that another process held.
  void take(unique_fd end);
  /// For another process; none when nothing is held.
  [[nodiscard]] unique_fd copy() const;
  [[nodiscard]] bool held() const;
  /// The server ends, unless another process holds it too.
  void let_go();

  /// Whether the server goes on when its managed_server is stopped: somebody else has it by then.
  void outlive(bool yes);
  [[nodiscard]] bool outlives() const;

 private:
  mutable std::mutex mutex_;
  unique_fd end_;
  bool outlives_ = false;
};

/// Starts the keeper of the process |server|: |program| keep-redis <descriptor> <pid> <start time>.
/// It holds nothing of this process but |end|. On failure: not_found, internal.
[[nodiscard]] result<void> start_keeper(const std::string& program, pid_t server, unique_fd end);

/// The keeper itself: returns when the pipe behind |end| is closed by all who held it and |server|
/// was asked to end, or when |server| has ended.
void keep(int end, const std::string& server);

}  // namespace stagedoor::redis
