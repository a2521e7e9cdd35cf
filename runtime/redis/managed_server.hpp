// SPDX-License-Identifier: Apache-2.0
// redis-server as a child of ours, for those who bring no Redis.
//
// With a lifeline it ends when nobody holds that any more, and start() takes over the server of
// another process, if its lifeline came with it. Without one it dies with us (PR_SET_PDEATHSIG,
// which the kernel ties to the *thread* that forked: the loop's, so the loop must outlive the
// server). After a kill -9 of the node the old server may still be writing its files when the new
// node starts: it is recognised by the pid file, asked to end, and awaited. A port held by anybody
// else is an error, never a kill; SIGKILL goes only to the process that we started or took over.
// Owner: the Redis supervisor. Runs on: the loop's thread. Bounded by: the deadlines in the
// options; the log is turned over at |log_bytes| when starting. On failure: conflict (port taken,
// predecessor stays), not_found (no such program), timed_out, closed (ended while starting),
// internal.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/redis/lifeline.hpp"
#include "runtime/redis/wire.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace stagedoor::redis {

struct managed_server_options {
  std::filesystem::path data_dir;        ///< files go to data_dir/redis
  std::uint16_t port = 6379;             ///< on 127.0.0.1
  std::string program = "redis-server";  ///< a path, or a name looked up in PATH
  std::string max_memory = "256mb";
  milliseconds predecessor_deadline{10'000};  ///< for the old server to end
  milliseconds answer_deadline{10'000};       ///< until it answers at all
  milliseconds load_deadline{600'000};        ///< until its data is loaded, once it answers
  milliseconds stop_deadline{10'000};         ///< from SIGTERM to SIGKILL
  milliseconds probe_interval{50};
  std::uintmax_t log_bytes = 16U << 20U;
  std::shared_ptr<lifeline> line;  ///< none: it ends with the thread of the loop
  std::string keeper;              ///< the program that knows keep-redis; needed with a lifeline
};

/// How a child ended: "exit 1", "signal 9".
[[nodiscard]] std::string describe_exit(int wait_status);

class managed_server final : public wire::listener, private io_handler {
 public:
  enum class state : std::uint8_t { stopped, awaiting_predecessor, starting, running, stopping };

  struct handlers {
    std::function<void()> on_ready;  ///< it answers and its data is loaded
    /// It is not running any more, or never was; a supervisor may start() again. Also after stop(),
    /// then with kind `closed` and side `self`.
    std::function<void(const fault& why)> on_end;
  };

  managed_server(loop& l, managed_server_options options, handlers events);
  /// A server that still runs is sent SIGTERM and not awaited, unless its lifeline outlives us.
  ~managed_server();
  managed_server(const managed_server&) = delete;
  managed_server& operator=(const managed_server&) = delete;

  /// on_ready or on_end follows, maybe before it returns. Only while stopped.
  void start();
  /// SIGTERM, then SIGKILL at the deadline; on_end follows. Where the lifeline outlives us, the
  /// server is left alone, and on_end follows before it returns.
  void stop();

  [[nodiscard]] state now() const noexcept { return state_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }  ///< 0 = none

 private:
  void on_io(std::uint32_t events) override;  // the process behind pidfd_ has ended
  void wire_opened() override;
  void wire_reply(reply&& r) override;
  void wire_lost(const fault& why) override;

  [[nodiscard]] std::filesystem::path directory() const { return options_.data_dir / "redis"; }
  [[nodiscard]] std::filesystem::path pid_file() const { return directory() / "redis.pid"; }

  [[nodiscard]] result<void> prepare();
  [[nodiscard]] result<void> watch_process(pid_t pid);
  [[nodiscard]] pid_t find_running();
  bool take_over();
  bool await_predecessor();
  void launch();
  [[nodiscard]] result<void> have_it_kept();
  void watch_start();
  void signal(int number) noexcept;
  [[nodiscard]] result<pid_t> spawn(const std::vector<std::string>& args);
  void probe();
  void probe_failed();
  void deadline_passed();
  void fail(const fault& why);
  void ended(const fault& why);
  void close_wire();

  loop& loop_;
  const managed_server_options options_;
  const handlers handlers_;
  state state_ = state::stopped;
  pid_t pid_ = 0;
  bool is_child_ = false;  ///< of this process; else it was taken over
  unique_fd pidfd_;
  std::unique_ptr<wire> wire_;
  bool answered_ = false;  ///< the starting server has answered a probe
  mono_time next_note_{};  ///< next line about the loading
  fault end_reason_;       ///< what on_end will say once the child is gone
  timer deadline_;
  timer probe_timer_;
};

}  // namespace stagedoor::redis
