// SPDX-License-Identifier: Apache-2.0
// Commands in, replies out, over one connection that comes back by itself.
//
// Commands of one turn of the loop leave in one write; replies are matched in order. Whatever
// happens, each callback is called exactly once. A command that was never sent ends in
// `unreachable` or `overloaded`; one that was sent and got no answer ends in `closed` or
// `timed_out` and may have run (may_have_run()): only the caller knows whether to repeat it.
// Owner: a client. Runs on: the loop's thread.
// Bounded by: connection_options; at the bound `overloaded` at once.
// On failure: also what to_fault() makes of an error reply.
#pragma once

#include "runtime/redis/session.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace stagedoor::redis {

struct connection_options {
  session_options session;
  std::size_t max_in_flight = 1024;           ///< commands sent and not yet answered
  std::size_t max_queued = 16'384;            ///< commands waiting to be sent
  std::size_t max_queued_bytes = 64U << 20U;  ///< of those
};

struct connection_counters {
  std::uint64_t commands = 0;    ///< accepted
  std::uint64_t replies = 0;     ///< received, error replies included
  std::uint64_t overloaded = 0;  ///< refused at a bound
  std::uint64_t deadlines = 0;   ///< commands whose deadline passed
};

using reply_callback = std::function<void(result<reply>)>;

class connection final : public session::listener {
 public:
  connection(loop& l, net::resolver& names, const endpoint& where, connection_options options);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// |on_ready| runs after each connect, before anything that waits is sent: for prime().
  /// |on_lost| runs after each failed attempt and each loss, before callbacks are failed.
  void start(std::function<void()> on_ready, std::function<void(const fault&)> on_lost);
  /// Fails everything that waits with `closed`. Idempotent.
  void stop();

  /// |done| never runs before command() returns, except with `overloaded` or after stop().
  void command(const redis::command& words, mono_time deadline, reply_callback done);
  /// Ahead of everything that waits; only from on_ready or while ready. Errors are logged.
  void prime(const redis::command& words, mono_time deadline);

  [[nodiscard]] const session& link() const noexcept { return session_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_.size(); }
  [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
  [[nodiscard]] const connection_counters& counters() const noexcept { return counters_; }

 private:
  struct pending {
    mono_time deadline;
    reply_callback done;
  };
  struct waiting {
    std::string encoded;
    pending who;
  };

  void session_ready() override;
  void session_reply(reply&& r) override;
  void session_lost(const fault& why) override;

  void send_waiting();
  void expire();
  void expire_queued(mono_time now);
  void watch_deadline(mono_time deadline);
  void rearm();

  loop& loop_;
  const connection_options options_;
  session session_;
  std::function<void()> on_ready_;
  std::function<void(const fault&)> on_lost_;
  std::deque<pending> in_flight_;
  std::deque<waiting> queue_;
  std::size_t queued_bytes_ = 0;
  bool stopped_ = true;
  std::string last_error_;
  mono_time next_deadline_ = mono_time::max();
  timer deadline_timer_;
  connection_counters counters_;
};

}  // namespace stagedoor::redis
