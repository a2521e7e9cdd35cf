// SPDX-License-Identifier: Apache-2.0
// One thread with one epoll instance; every socket of the program lives in one of these.
//
// A turn: wait for events, read the clock once, run the handlers, fire the timers, run what other
// threads posted, run the end-of-turn hooks (write batches, log buffers), and destroy what was
// disposed of. Everything a loop owns is single-threaded by construction.
// Owner: the composition root. Runs on: its own thread; post() and stop() any thread.
// Bounded by: loop_options::mailbox_limit.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/loop/mailbox.hpp"
#include "runtime/loop/poller.hpp"
#include "runtime/loop/timer_wheel.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace stagedoor {

struct loop_options {
  std::string name = "loop";          ///< thread name, at most 15 characters are shown
  unsigned index = 0;                 ///< position among its siblings, from 0
  std::size_t mailbox_limit = 65536;  ///< tasks from other threads
};

class loop final : private io_handler {
 public:
  using task = mailbox::task;

  explicit loop(loop_options options = {});
  ~loop();
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  // -- lifecycle, any thread -------------------------------------------------------------------

  /// Runs turns on a thread of its own until stop().
  void start();
  /// Ends after the current turn and waits for the thread. Idempotent.
  void stop();
  /// Runs |t| on the loop's thread; false when the mailbox is full or the loop has stopped.
  [[nodiscard]] bool post(task t) { return mailbox_.push(std::move(t)); }
  /// True once stop() has returned: what lives in the loop may then be ended from any one thread.
  [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_acquire); }
  [[nodiscard]] unsigned index() const noexcept { return options_.index; }

  // -- for what lives in the loop, loop thread only (or before start) ------------------------------

  [[nodiscard]] result<void> watch(int fd, std::uint32_t events, io_handler& handler) {
    return poller_.add(fd, events, handler);
  }
  [[nodiscard]] result<void> rewatch(int fd, std::uint32_t events, io_handler& handler) {
    return poller_.change(fd, events, handler);
  }
  void unwatch(int fd) noexcept { poller_.remove(fd); }

  /// The monotonic clock as read at the start of this turn.
  [[nodiscard]] mono_time now() const noexcept { return now_; }
  /// The wall clock as read at the start of this turn, first use.
  [[nodiscard]] wall_time wall_now();

  void arm(timer& t, mono_time deadline) noexcept { timers_.arm(t, deadline); }
  void arm_after(timer& t, mono_clock::duration delay) noexcept { timers_.arm(t, now_ + delay); }

  /// Runs |t| at the end of this turn (or, from a hook, of the next).
  void defer(task t) { deferred_.push_back(std::move(t)); }
  /// Runs |hook| at the end of every turn that had any event; for batching writes.
  void at_turn_end(task hook) { turn_hooks_.push_back(std::move(hook)); }
  /// Destroys |object| when no event of this turn can reach it any more.
  template <class T>
  void dispose(std::unique_ptr<T> object) {
    graveyard_.push_back(std::shared_ptr<void>(std::move(object)));
  }

  /// For jitter and load balancing; not for secrets.
  [[nodiscard]] std::minstd_rand& random() noexcept { return random_; }

  /// Runs one turn, waiting at most |limit|. For tests and for run().
  void turn(std::optional<milliseconds> limit);

 private:
  void on_io(std::uint32_t events) override;  // the mailbox has tasks
  void run();
  void end_turn();

  const loop_options options_;
  poller poller_;
  mailbox mailbox_;
  timer_wheel timers_;
  mono_time now_;
  wall_time wall_now_{};
  bool wall_read_ = false;
  bool has_mail_ = false;
  std::vector<task> deferred_;
  std::vector<task> running_deferred_;
  std::vector<task> turn_hooks_;
  std::vector<std::shared_ptr<void>> graveyard_;
  std::minstd_rand random_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace stagedoor
