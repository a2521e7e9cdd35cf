// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/lifeline.hpp"

#include "runtime/redis/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stagedoor::redis {
namespace {

constexpr int keeper_end = 3;  // the keeper's descriptor

}  // namespace

result<unique_fd> lifeline::renew() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_fault(fault_side::self, "pipe", errno);
  unique_fd theirs(ends[0]);
  take(unique_fd(ends[1]));
  return theirs;
}

void lifeline::take(unique_fd end) {
  const std::lock_guard lock(mutex_);
  end_ = std::move(end);
}

unique_fd lifeline::copy() const {
  const std::lock_guard lock(mutex_);
  return end_ ? unique_fd(::fcntl(end_.get(), F_DUPFD_CLOEXEC, 0)) : unique_fd{};
}

bool lifeline::held() const {
  const std::lock_guard lock(mutex_);
  return static_cast<bool>(end_);
}

void lifeline::let_go() { take({}); }

void lifeline::outlive(bool yes) {
  const std::lock_guard lock(mutex_);
  outlives_ = yes;
}

bool lifeline::outlives() const {
  const std::lock_guard lock(mutex_);
  return outlives_;
}

// It is started by a child that ends at once, so that nobody has to wait for it: the node that
// started it may have been replaced when it ends.
result<void> start_keeper(const std::string& program, pid_t server, unique_fd end) {
  const auto who = identify(server);
  if (!who)
    return fault{fault_kind::not_found, fault_side::self, retryable::yes,
                 fmt::format("process {} has ended", server)};
  std::array<std::string, 4> words{program, "keep-redis", std::to_string(keeper_end),
                                   to_string(*who)};
  std::array<char*, 5> argv{words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                            nullptr};
  const pid_t between = ::fork();
  if (between < 0) return errno_fault(fault_side::self, "fork", errno);
  if (between == 0) {  // only calls that are safe after a fork of a threaded process
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int s : {SIGINT, SIGTERM, SIGHUP}) ::signal(s, SIG_IGN);  // it ends with its server
    ::setpgid(0, 0);
    if (::fork() != 0) ::_exit(0);
    const int nothing = ::open("/dev/null", O_RDWR);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, fd);
    [[maybe_unused]] const int moved = ::chdir("/");  // it is in no folder's way
    if (end.get() == keeper_end)
      ::fcntl(keeper_end, F_SETFD, 0);
    else
      ::dup2(end.get(), keeper_end);
    ::execv(argv[0], argv.data());
    ::_exit(127);  // the server ends with the node then only when the node asks it to
  }
  ::waitpid(between, nullptr, 0);
  return {};
}

void keep(int end, const std::string& server) {
  const auto who = parse_identity(server);
  if (!who) return;
  const unique_fd process(open_process(who->pid));
  if (!process || identify(who->pid) != who) return;
  std::array<pollfd, 2> watched{pollfd{end, POLLIN, 0}, pollfd{process.get(), POLLIN, 0}};
  while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
  }
  if (watched[1].revents == 0) signal_process(process.get(), SIGTERM);
}

}  // namespace stagedoor::redis
