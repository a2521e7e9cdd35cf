// SPDX-License-Identifier: Apache-2.0
#include "tests/acme/child_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace stagedoor::test {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const auto& w : words) list.push_back(const_cast<char*>(w.c_str()));
  return list;
}

pid_t spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  auto arguments = pointers(command);
  arguments.push_back(nullptr);
  auto variables = pointers(environment);
  for (char** one = environ; *one != nullptr; ++one) variables.push_back(*one);
  variables.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(command[0] + ": " + std::strerror(error));
  return pid;
}

}  // namespace

child_process::child_process(const std::vector<std::string>& command,
                             const std::vector<std::string>& environment) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  from_.reset(ends[0]);
  const unique_fd to(ends[1]);
  pid_ = spawn(command, environment, to.get());
}

child_process::~child_process() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  if (drain_.joinable()) drain_.join();
}

bool child_process::wait_for_output(const std::string& text, milliseconds patience) {
  const auto until = mono_clock::now() + patience;
  while (output_.find(text) == std::string::npos) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - mono_clock::now()).count();
    pollfd one{from_.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&one, 1, static_cast<int>(left)) <= 0) return false;
    char chunk[4096];
    const auto n = ::read(from_.get(), chunk, sizeof chunk);
    if (n <= 0) return false;
    output_.append(chunk, static_cast<std::size_t>(n));
  }
  return true;
}

void child_process::drain() {
  drain_ = std::thread([fd = from_.get()] {
    char chunk[65536];
    while (::read(fd, chunk, sizeof chunk) > 0) {
    }
  });
}

int run_command(const std::vector<std::string>& command) {
  const unique_fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  int status = 0;
  if (::waitpid(spawn(command, {}, nowhere.get()), &status, 0) < 0 || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

bool wait_for_listener(std::uint16_t port, milliseconds patience) {
  const auto until = mono_clock::now() + patience;
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  while (mono_clock::now() < until) {
    const unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return true;
    ::poll(nullptr, 0, 5);
  }
  return false;
}

}  // namespace stagedoor::test
