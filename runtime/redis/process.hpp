// SPDX-License-Identifier: Apache-2.0
// What the kernel knows about a process: enough to tell it from another with the same number.
// Runs on: any thread; reads /proc, does not block.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace stagedoor::redis {

/// A process for as long as it lives; numbers are reused, number and start time together are not.
struct process_identity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  ///< clock ticks since boot
  friend bool operator==(const process_identity&, const process_identity&) = default;
};

/// The living process |pid|; nothing when there is none (a zombie is none).
[[nodiscard]] std::optional<process_identity> identify(pid_t pid);

/// The number of its parent; 0 when there is no such process.
[[nodiscard]] pid_t parent_of(pid_t pid);

/// A descriptor of the process, readable once it has ended; -1 and errno on failure.
[[nodiscard]] int open_process(pid_t pid) noexcept;
/// Signals the process behind a descriptor, never another that got its number.
void signal_process(int descriptor, int signal_number) noexcept;

/// "4711 123456", as it stands in our pid files.
[[nodiscard]] std::string to_string(const process_identity& p);
[[nodiscard]] std::optional<process_identity> parse_identity(std::string_view text);

/// |program| itself when it has a slash, else its first place in PATH that may be executed.
[[nodiscard]] std::optional<std::filesystem::path> find_program(const std::string& program);

}  // namespace stagedoor::redis
