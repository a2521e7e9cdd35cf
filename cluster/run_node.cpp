// SPDX-License-Identifier: Apache-2.0
#include "cluster/check.hpp"
#include "cluster/commands.hpp"
#include "cluster/handover.hpp"
#include "cluster/node.hpp"
#include "cluster/release.hpp"
#include "cluster/service_manager.hpp"
#include "runtime/base/log.hpp"

#include <csignal>
#include <fmt/format.h>
#include <optional>
#include <pthread.h>
#include <thread>
#include <unistd.h>

namespace stagedoor::cluster {
namespace {

/// Turns signals into calls, on a thread of its own: nothing is done inside a signal handler.
class signal_watcher {
 public:
  /// Before any other thread exists, so that all inherit the mask.
  signal_watcher() {
    ::sigemptyset(&watched_);
    for (const int s : {SIGINT, SIGTERM, SIGUSR1}) ::sigaddset(&watched_, s);
    ::pthread_sigmask(SIG_BLOCK, &watched_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error code
  }
  ~signal_watcher() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    ::pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }

  void start(node& n) {
    thread_ = std::thread([this, &n] {
      for (int signal = 0; ::sigwait(&watched_, &signal) == 0 && !stopping_;)
        if (signal == SIGUSR1)
          n.reopen_logs();
        else
          n.request_stop();
    });
  }

 private:
  sigset_t watched_{};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

int run_node(const settings_source& from, start_mode mode) {
  signal_watcher signals;
  auto config = check_everything(from.path, from.named);
  fmt::print(stderr, "{}", config.problems.print());
  if (config.problems.has_errors()) return exit_failed;
  log::set_level(config.node.log_level);
  const auto name = config.node.node.name;
  const auto admin = config.node.admin.socket;

  std::optional<successor> takes_over;
  if (mode == start_mode::take_over) {
    auto met = successor::meet(config.node.node.data_dir, version());
    if (!met) {
      log::error("nothing taken over", {{"node", name}, {"error", to_string(met.error())}});
      return exit_failed;
    }
    takes_over = *std::move(met);
  }
  node n({from.path, from.named, std::move(config), version()}, std::move(takes_over));
  if (const auto started = n.start(); !started) {
    log::error("node did not start", {{"node", name}, {"error", to_string(started.error())}});
    return exit_failed;
  }
  signals.start(n);
  const auto ready = n.wait_until_ready();
  if (!ready) {
    log::error("node did not start", {{"node", name}, {"error", to_string(ready.error())}});
    n.stop();
    return exit_failed;
  }
  if (*ready) {
    log::info("node is ready", {{"node", name}, {"version", version()}, {"admin", admin}});
    notify_service_manager(fmt::format("READY=1\nMAINPID={}", ::getpid()));
  }
  const auto gave_up = n.wait();
  if (gave_up)
    log::error("node gave up", {{"node", name}, {"reason", *gave_up}});
  else if (n.replaced())
    log::info("node is replaced, finishes what is open", {{"node", name}});
  else
    log::info("node stops", {{"node", name}});
  if (!n.replaced()) notify_service_manager("STOPPING=1");
  n.stop();
  log::info("node has stopped", {{"node", name}});
  return gave_up ? exit_gave_up : exit_ok;
}

}  // namespace stagedoor::cluster
