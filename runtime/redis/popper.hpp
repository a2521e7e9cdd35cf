// SPDX-License-Identifier: Apache-2.0
// Waits for the next item of a list without losing it: BLMOVE from the queue into a list of our
// own, on a connection of its own, because a blocked connection can do nothing else.
//
// Armed, it waits until one item came, hands it over and is disarmed; the owner arms it again when
// it can take more work. The server's timeout is shorter than ours, so a late reply never meets
// the next command. When a connection ends while a BLMOVE is out, the item may have been moved
// with nobody told: the old connection is killed on the server first (it could still move one),
// then on_adopt asks the owner to look into the destination list, then waiting goes on.
// Owner: a client. Runs on: the loop's thread.
// Bounded by: one item at a time. On failure: retried for ever; on_trouble tells.
#pragma once

#include "runtime/redis/session.hpp"

#include <functional>
#include <memory>
#include <string>

namespace stagedoor::redis {

struct popper_options {
  session_options session;
  std::string source;                 ///< popped at its right end
  std::string destination;            ///< pushed at its left end
  milliseconds server_timeout{5000};  ///< how long Redis may hold one BLMOVE
  milliseconds margin{3000};          ///< our deadline is that much later
  milliseconds pause{500};            ///< before a refused BLMOVE is tried again
};

struct popper_handlers {
  std::function<void(std::string raw)> on_item;      ///< it is in the destination; now disarmed
  std::function<void()> on_adopt;                    ///< the destination may hold an unknown item
  std::function<void()> on_idle;                     ///< disarm() is complete: nothing is out
  std::function<void(const fault& why)> on_trouble;  ///< for status; may be empty
};

class popper final : public session::listener {
 public:
  /// |unblock| runs CLIENT UNBLOCK for the given client on another connection.
  popper(loop& l, net::resolver& names, const endpoint& where, popper_options options,
         popper_handlers handlers, std::function<void(std::int64_t client)> unblock);
  ~popper();
  popper(const popper&) = delete;
  popper& operator=(const popper&) = delete;

  void start();
  void stop();

  void arm();
  /// Stops waiting; on_idle follows, after an item that was on its way.
  void disarm();

  [[nodiscard]] bool armed() const noexcept { return armed_; }
  [[nodiscard]] bool waiting() const noexcept { return outstanding_ == ask::move; }
  [[nodiscard]] const session& link() const noexcept { return session_; }

 private:
  enum class ask : std::uint8_t { none, kill, move };

  void session_ready() override;
  void session_reply(reply&& r) override;
  void session_lost(const fault& why) override;

  void move();
  void moved(reply&& r);
  void refused(const fault& why);
  void settle();

  loop& loop_;
  const popper_options options_;
  const popper_handlers handlers_;
  const std::function<void(std::int64_t)> unblock_;
  session session_;
  bool armed_ = false;
  bool idle_wanted_ = false;          ///< disarm() was called, on_idle not yet
  ask outstanding_ = ask::none;       ///< what the next reply answers
  std::int64_t doubtful_client_ = 0;  ///< connection lost with a BLMOVE out; 0 = none
  std::string doubtful_address_;
  timer deadline_;
  timer pause_;
};

}  // namespace stagedoor::redis
