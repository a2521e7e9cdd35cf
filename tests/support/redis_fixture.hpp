// SPDX-License-Identifier: Apache-2.0
// A real redis-server of the test's own: free port, folder of its own, ended by its process id.
#pragma once

#include "runtime/base/ascii.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/reply_reader.hpp"
#include "tests/support/free_port.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace stagedoor::test {

/// A folder that goes away with the test.
class temporary_folder {
 public:
  temporary_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "stagedoor-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// A plain blocking client: what a producer in another language would be.
class redis_cli {
 public:
  explicit redis_cli(std::uint16_t port) { reconnect(port); }

  void reconnect(std::uint16_t port) {
    reader_ = std::make_unique<redis::reply_reader>();
    const auto to = *net::address::parse_ip("127.0.0.1", port);
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd_.get(), to.data(), to.size()) != 0) throw std::runtime_error("connect");
  }

  redis::reply operator()(const redis::command& words) {
    send(words);
    return receive();
  }

  void send(const redis::command& words) {
    std::string bytes;
    redis::encode(words, bytes);
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto n = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n <= 0) throw std::runtime_error("send");
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  redis::reply receive() {
    char buffer[65536];
    for (;;) {
      auto next = reader_->next();
      if (!next) throw std::runtime_error(next.error().detail);
      if (next->has_value()) return **std::move(next);
      const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n <= 0) throw std::runtime_error("recv");
      if (!reader_->feed({buffer, static_cast<std::size_t>(n)})) throw std::runtime_error("feed");
    }
  }

 private:
  unique_fd fd_;
  std::unique_ptr<redis::reply_reader> reader_;
};

class redis_process {
 public:
  explicit redis_process(std::vector<std::string> extra = {}) : extra_(std::move(extra)) {
    port_ = free_port();
    start();
  }
  ~redis_process() { kill(); }
  redis_process(const redis_process&) = delete;
  redis_process& operator=(const redis_process&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }

  /// Starts and waits until it accepts connections.
  void start() {
    int out[2];
    if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    std::vector<std::string> words{"redis-server",
                                   "--bind",
                                   "127.0.0.1",
                                   "--port",
                                   std::to_string(port_),
                                   "--dir",
                                   folder().string(),
                                   "--save",
                                   "",
                                   "--logfile",
                                   ""};
    words.insert(words.end(), extra_.begin(), extra_.end());
    std::vector<char*> argv;
    for (auto& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(out[1], STDOUT_FILENO);
      ::execvp(argv.front(), argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    output_.reset(out[0]);
    await_line("Ready to accept connections");
  }

  void signal(int number) { ::kill(pid_, number); }

  /// kill -9, and gone when this returns.
  void kill() { end(SIGKILL); }
  void terminate() { end(SIGTERM); }

 private:
  void end(int number) {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGCONT);
    ::kill(pid_, number);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    output_.reset();
  }

  void await_line(std::string_view wanted) {
    std::string seen;
    char buffer[4096];
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen.find(wanted) == std::string::npos) {
      pollfd p{output_.get(), POLLIN, 0};
      if (std::chrono::steady_clock::now() > end || ::poll(&p, 1, 20'000) <= 0)
        throw std::runtime_error("redis-server does not start: " + seen);
      const auto n = ::read(output_.get(), buffer, sizeof buffer);
      if (n <= 0) throw std::runtime_error("redis-server ended: " + seen);
      seen.append(buffer, static_cast<std::size_t>(n));
    }
  }

  std::vector<std::string> extra_;
  temporary_folder folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  unique_fd output_;  ///< kept open: a server whose log pipe is closed would get SIGPIPE
};

}  // namespace stagedoor::test
