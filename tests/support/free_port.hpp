// SPDX-License-Identifier: Apache-2.0
// Ports for the real programs that a test starts.
//
// "Bind to port 0 and look" gives a port that the kernel may give away again before the program
// listens on it: to another test, to the same test's next program, or to a connection going out. So
// ports come from above the kernel's own range, and each is locked by a file for as long as the
// test's process lives. tests/support/process.py takes from the same files.
#pragma once

#include "runtime/base/unique_fd.hpp"

#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace stagedoor::test {

inline constexpr unsigned first_test_port = 61'000;  ///< the kernel gives away 32768 to 60999
inline constexpr unsigned last_test_port = 65'500;

namespace detail {

inline bool can_bind(int kind, std::uint16_t port) {
  const unique_fd fd(::socket(AF_INET, kind | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

}  // namespace detail

/// A port of 127.0.0.1, free for TCP and UDP, that no other test gets while this process lives.
[[nodiscard]] inline std::uint16_t free_port() {
  static std::vector<unique_fd> locks;  // held to the end of the process
  const auto folder = std::filesystem::temp_directory_path() /
                      ("stagedoor-test-ports-" + std::to_string(::getuid()));
  std::filesystem::create_directories(folder);
  constexpr unsigned count = last_test_port - first_test_port;
  const unsigned begin = static_cast<unsigned>(::getpid()) * 17U;
  for (unsigned i = 0; i < count; ++i) {
    const auto port = static_cast<std::uint16_t>(first_test_port + (begin + i) % count);
    unique_fd lock(
        ::open((folder / std::to_string(port)).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666));
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (!detail::can_bind(SOCK_STREAM, port) || !detail::can_bind(SOCK_DGRAM, port)) continue;
    locks.push_back(std::move(lock));
    return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace stagedoor::test
