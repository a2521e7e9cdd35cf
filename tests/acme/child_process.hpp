// SPDX-License-Identifier: Apache-2.0
// A real program beside a test: started with arguments and environment, its output read, and ended
// by its own process id.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/unique_fd.hpp"

#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace stagedoor::test {

class child_process {
 public:
  /// |environment|: "NAME=value", on top of ours. Throws when it cannot be started.
  child_process(const std::vector<std::string>& command,
                const std::vector<std::string>& environment);
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// Reads its output until |text| has come; false when it ends or |patience| passes before.
  [[nodiscard]] bool wait_for_output(const std::string& text, milliseconds patience);
  /// Goes on reading, so that the program never stands at a full pipe.
  void drain();
  [[nodiscard]] const std::string& output() const noexcept { return output_; }

 private:
  pid_t pid_ = -1;
  unique_fd from_;
  std::string output_;
  std::thread drain_;
};

/// Runs to the end; the exit status, or -1.
int run_command(const std::vector<std::string>& command);

/// Waits until somebody listens there; only trying tells, so it tries every few milliseconds.
[[nodiscard]] bool wait_for_listener(std::uint16_t port, milliseconds patience);

}  // namespace stagedoor::test
