// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/managed_server.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/log.hpp"
#include "runtime/redis/process.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stagedoor::redis {
namespace {

fault self_fault(fault_kind kind, std::string detail) {
  return {kind, fault_side::self, retryable::yes, std::move(detail)};
}

/// Whether somebody listens on 127.0.0.1:|port| already.
result<void> check_port_is_free(std::uint16_t port) {
  const auto address = net::address::parse_ip("127.0.0.1", port);
  if (!address) return address.error();
  const unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno_fault(fault_side::self, "socket", errno);
  const int on = 1;  // as redis-server does: connections that linger in TIME_WAIT hold nobody up
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address->data(), address->size()) == 0) return {};
  if (errno == EADDRINUSE)
    return fault{fault_kind::conflict, fault_side::operator_input, retryable::yes,
                 fmt::format("{} is in use by another program: stop it, change node.port_offset, "
                             "or point redis.url at it",
                             address->to_string())};
  return errno_fault(fault_side::self, fmt::format("bind {}", address->to_string()), errno);
}

/// The value of "name:value" in an INFO text; empty when missing.
std::string_view info_field(std::string_view info, std::string_view name) {
  for (const auto line : ascii::split(info, '\n'))
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
      return ascii::trim(line.substr(name.size() + 1));
  return {};
}

/// Between fork and exec: only calls that are safe after a fork of a threaded process.
[[noreturn]] void become(const char* program, char* const* argv, int log_fd, int report_fd,
                         pid_t parent, bool dies_with_it) noexcept {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int s : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::signal(s, SIG_DFL);
  ::setpgid(0, 0);  // Ctrl-C in the terminal is for the node, which stops us in its order
  if (dies_with_it) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);  // it died before the line above took hold
  }
  const int null_fd = ::open("/dev/null", O_RDONLY);
  if (null_fd >= 0) ::dup2(null_fd, STDIN_FILENO);
  ::dup2(log_fd, STDOUT_FILENO);
  ::dup2(log_fd, STDERR_FILENO);
  ::execv(program, argv);
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(report_fd, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

std::string describe_exit(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exit {}", WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status)) return fmt::format("signal {}", WTERMSIG(wait_status));
  return fmt::format("status {}", wait_status);
}

managed_server::managed_server(loop& l, managed_server_options options, handlers events)
    : loop_(l),
      options_(std::move(options)),
      handlers_(std::move(events)),
      deadline_([this] { deadline_passed(); }),
      probe_timer_([this] { probe(); }) {}

managed_server::~managed_server() {
  if (pid_ > 0 && !(options_.line && options_.line->outlives())) signal(SIGTERM);
}

// -- lifecycle -------------------------------------------------------------------------------------

void managed_server::start() {
  if (state_ != state::stopped) return;
  answered_ = false;
  if (const auto ready = prepare(); !ready) {
    ended(ready.error());
    return;
  }
  if (!take_over() && !await_predecessor()) launch();
}

void managed_server::stop() {
  if (state_ == state::stopped || state_ == state::stopping) return;
  const auto stopped = fault{fault_kind::closed, fault_side::self, retryable::no, "stopped"};
  if (pid_ != 0 && options_.line && options_.line->outlives()) {
    loop_.unwatch(pidfd_.get());
    pid_ = 0;
    log::info("redis-server goes on without this process", {{"port", options_.port}});
    ended(stopped);
  } else if (pid_ == 0) {
    ended(stopped);
  } else {
    fail(stopped);
  }
}

result<void> managed_server::prepare() {
  std::error_code error;
  std::filesystem::create_directories(directory(), error);
  if (error)
    return self_fault(fault_kind::internal,
                      fmt::format("create {}: {}", directory().string(), error.message()));
  const auto log_file = directory() / "redis.log";
  if (std::filesystem::file_size(log_file, error) > options_.log_bytes && !error)
    std::filesystem::rename(log_file, directory() / "redis.log.1", error);
  return {};
}

result<void> managed_server::watch_process(pid_t pid) {
  pidfd_.reset(open_process(pid));
  if (!pidfd_) return errno_fault(fault_side::self, fmt::format("pidfd_open {}", pid), errno);
  return loop_.watch(pidfd_.get(), EPOLLIN, *this);
}

/// The server that the pid file names, if it runs: watched from now on. 0 = none.
pid_t managed_server::find_running() {
  std::ifstream file(pid_file());
  const auto known = parse_identity(std::string{std::istreambuf_iterator<char>(file), {}});
  if (!known || identify(known->pid) != known) return 0;
  if (!watch_process(known->pid)) return 0;  // it ended just now
  // The number was checked before the descriptor was opened; check that it is still the same.
  if (identify(known->pid) == known) return known->pid;
  loop_.unwatch(pidfd_.get());
  pidfd_.reset();
  return 0;
}

bool managed_server::take_over() {
  if (!options_.line || !options_.line->held()) return false;
  const auto pid = find_running();
  if (pid == 0) return false;
  pid_ = pid;
  // Also a server that this process gave away may come back to it, and is still its child.
  is_child_ = parent_of(pid) == ::getpid();
  log::info("redis-server is taken over", {{"pid", pid_}, {"port", options_.port}});
  watch_start();
  return true;
}

bool managed_server::await_predecessor() {
  const auto pid = find_running();
  if (pid == 0) return false;
  state_ = state::awaiting_predecessor;
  log::info("redis predecessor still runs, asked to end", {{"pid", pid}});
  signal_process(pidfd_.get(), SIGTERM);
  loop_.arm_after(deadline_, options_.predecessor_deadline);
  return true;
}

void managed_server::launch() {
  pidfd_.reset();
  if (const auto free = check_port_is_free(options_.port); !free) {
    ended(free.error());
    return;
  }
  const auto program = find_program(options_.program);
  if (!program) {
    ended(
        {fault_kind::not_found, fault_side::operator_input, retryable::yes,
         fmt::format("no program '{}': install redis-server or set redis.url", options_.program)});
    return;
  }
  const auto child =
      spawn({program->string(), "--bind", "127.0.0.1", "--port", std::to_string(options_.port),
             "--dir", directory().string(), "--appendonly", "yes", "--appendfsync", "everysec",
             "--save", "", "--maxmemory", options_.max_memory, "--maxmemory-policy", "volatile-lru",
             "--daemonize", "no"});
  if (!child) {
    ended(child.error());
    return;
  }
  pid_ = *child;
  is_child_ = true;
  if (const auto identity = identify(pid_))
    std::ofstream(pid_file(), std::ios::trunc) << to_string(*identity) << '\n';
  if (const auto watched = watch_process(pid_); !watched) {
    fail(watched.error());
    return;
  }
  if (const auto kept = have_it_kept(); !kept) {
    fail(kept.error());
    return;
  }
  watch_start();
}

result<void> managed_server::have_it_kept() {
  if (!options_.line) return {};
  auto end = options_.line->renew();
  if (!end) return std::move(end).error();
  return start_keeper(options_.keeper, pid_, *std::move(end));
}

void managed_server::watch_start() {
  state_ = state::starting;
  loop_.arm_after(deadline_, options_.answer_deadline);
  next_note_ = loop_.now() + seconds(1);
  probe();
}

result<pid_t> managed_server::spawn(const std::vector<std::string>& args) {
  const auto log_file = (directory() / "redis.log").string();
  const unique_fd log_fd(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!log_fd) return errno_fault(fault_side::self, fmt::format("open {}", log_file), errno);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return errno_fault(fault_side::self, "pipe", errno);
  const unique_fd report_in(report[0]);
  unique_fd report_out(report[1]);

  std::vector<std::string> owned(args);
  std::vector<char*> argv;
  for (auto& arg : owned) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return errno_fault(fault_side::self, "fork", errno);
  if (child == 0)
    become(argv.front(), argv.data(), log_fd.get(), report_out.get(), parent,
           options_.line == nullptr);

  report_out.reset();
  int error = 0;
  // Ends at once: the child closes its side by exec, or writes why it could not.
  if (::read(report_in.get(), &error, sizeof error) == sizeof error) {
    ::waitpid(child, nullptr, 0);
    return errno_fault(fault_side::self, fmt::format("run {}", args.front()), error);
  }
  return child;
}

// -- the process -----------------------------------------------------------------------------------

void managed_server::on_io(std::uint32_t) {
  loop_.unwatch(pidfd_.get());
  if (state_ == state::awaiting_predecessor) {
    deadline_.cancel();
    launch();
    return;
  }
  int status = 0;
  if (is_child_ && ::waitpid(pid_, &status, WNOHANG) == 0) return;
  const auto how = is_child_ ? describe_exit(status) : std::string("it was taken over");
  pidfd_.reset();
  pid_ = 0;
  if (state_ == state::stopping) {
    ended(end_reason_);
    return;
  }
  ended(self_fault(fault_kind::closed, fmt::format("redis-server ended ({}), see {}", how,
                                                   (directory() / "redis.log").string())));
}

void managed_server::deadline_passed() {
  switch (state_) {
    case state::awaiting_predecessor:
      ended(self_fault(fault_kind::conflict,
                       fmt::format("the redis-server of an earlier run ({}) does not end",
                                   pid_file().string())));
      break;
    case state::starting:
      fail(self_fault(fault_kind::timed_out, answered_
                                                 ? "redis-server did not load its data in time"
                                                 : "redis-server did not answer in time"));
      break;
    case state::stopping:
      log::warning("redis-server does not end, killed", {{"pid", pid_}});
      signal(SIGKILL);
      if (pidfd_) break;  // on_io() follows
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
      ended(end_reason_);
      break;
    case state::running:
    case state::stopped: break;
  }
}

/// Ends the child because of |why|; on_end comes when it is gone.
void managed_server::fail(const fault& why) {
  state_ = state::stopping;
  end_reason_ = why;
  probe_timer_.cancel();
  close_wire();
  signal(SIGTERM);
  loop_.arm_after(deadline_, options_.stop_deadline);
}

/// By number only our own child, which we have not waited for: the number is still its.
void managed_server::signal(int number) noexcept {
  if (pidfd_)
    signal_process(pidfd_.get(), number);
  else if (is_child_)
    ::kill(pid_, number);
}

void managed_server::ended(const fault& why) {
  state_ = state::stopped;
  deadline_.cancel();
  probe_timer_.cancel();
  close_wire();
  pidfd_.reset();
  log::info("redis-server not running", {{"port", options_.port}, {"reason", why.detail}});
  if (handlers_.on_end) handlers_.on_end(why);
}

// -- is it there yet? --------------------------------------------------------------------------------

void managed_server::probe() {
  close_wire();
  wire_ = std::make_unique<wire>(loop_, *this, wire_options{});
  const auto address = net::address::parse_ip("127.0.0.1", options_.port);
  if (!address || !wire_->open(*address)) probe_failed();
}

void managed_server::probe_failed() {
  close_wire();
  if (state_ == state::starting) loop_.arm_after(probe_timer_, options_.probe_interval);
}

void managed_server::wire_opened() { wire_->write(command{"INFO"}); }

void managed_server::wire_lost(const fault&) { probe_failed(); }

void managed_server::wire_reply(reply&& r) {
  if (info_field(r.text, "process_id") != std::to_string(pid_)) {
    fail({fault_kind::conflict, fault_side::operator_input, retryable::yes,
          fmt::format("another Redis answers on 127.0.0.1:{}", options_.port)});
    return;
  }
  if (!std::exchange(answered_, true)) loop_.arm_after(deadline_, options_.load_deadline);
  if (info_field(r.text, "loading") != "0") {
    if (loop_.now() >= next_note_) {
      log::info("redis-server loads its data",
                {{"percent", info_field(r.text, "loading_loaded_perc")}});
      next_note_ = loop_.now() + seconds(1);
    }
    probe_failed();
    return;
  }
  close_wire();
  deadline_.cancel();
  state_ = state::running;
  log::info("redis-server runs", {{"pid", pid_}, {"port", options_.port}});
  if (handlers_.on_ready) handlers_.on_ready();
}

void managed_server::close_wire() {
  if (!wire_) return;
  wire_->close();
  loop_.dispose(std::move(wire_));
}

}  // namespace stagedoor::redis
