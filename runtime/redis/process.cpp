// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/process.hpp"

#include "runtime/base/ascii.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace stagedoor::redis {

namespace {

/// The fields of /proc/<pid>/stat from the third on; empty when there is no such process.
std::vector<std::string> stat_fields(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // The second field is the name in parentheses and may contain anything; count from its end.
  const auto name_end = text.rfind(") ");
  if (name_end == std::string::npos) return {};
  const auto fields = ascii::split(std::string_view(text).substr(name_end + 2), ' ');
  return {fields.begin(), fields.end()};
}

}  // namespace

std::optional<process_identity> identify(pid_t pid) {
  const auto fields = stat_fields(pid);
  constexpr std::size_t state_field = 0;
  constexpr std::size_t start_time_field = 19;
  if (fields.size() <= start_time_field || fields[state_field] == "Z") return std::nullopt;
  const auto start = ascii::parse_number<std::uint64_t>(fields[start_time_field]);
  if (!start) return std::nullopt;
  return process_identity{pid, *start};
}

pid_t parent_of(pid_t pid) {
  const auto fields = stat_fields(pid);
  constexpr std::size_t parent_field = 1;
  if (fields.size() <= parent_field) return 0;
  return ascii::parse_number<pid_t>(fields[parent_field]).value_or(0);
}

// By number, since <sys/pidfd.h> of glibc 2.36 lacks C linkage when included from C++.
int open_process(pid_t pid) noexcept { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

void signal_process(int descriptor, int signal_number) noexcept {
  ::syscall(SYS_pidfd_send_signal, descriptor, signal_number, nullptr, 0);
}

std::string to_string(const process_identity& p) {
  return fmt::format("{} {}", p.pid, p.start_time);
}

std::optional<process_identity> parse_identity(std::string_view text) {
  const auto fields = ascii::split(ascii::trim(text), ' ');
  if (fields.size() != 2) return std::nullopt;
  const auto pid = ascii::parse_number<pid_t>(fields[0]);
  const auto start = ascii::parse_number<std::uint64_t>(fields[1]);
  if (!pid || *pid <= 1 || !start) return std::nullopt;
  return process_identity{*pid, *start};
}

std::optional<std::filesystem::path> find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    if (::access(program.c_str(), X_OK) == 0) return program;
    return std::nullopt;
  }
  const char* path = std::getenv("PATH");
  for (const auto folder : ascii::split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    auto candidate = std::filesystem::path(folder.empty() ? "." : folder) / program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace stagedoor::redis
