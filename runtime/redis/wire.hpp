// SPDX-License-Identifier: Apache-2.0
// One TCP connection to a Redis server, from connect() to its loss: bytes out, replies in.
//
// Knows nothing of commands, deadlines or what follows a loss: see session. Everything written in
// one turn of the loop leaves in one system call at its end; that is what makes pipelining pay.
// Owner: a session or a locator, which hands it to loop::dispose(). Runs on: the loop's thread.
// Bounded by: wire_options; the owner bounds what it writes.
// On failure: the listener's wire_lost(), once; nothing after it.
#pragma once

#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"
#include "runtime/redis/command.hpp"
#include "runtime/redis/reply_reader.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace stagedoor::redis {

struct wire_options {
  seconds keepalive_idle{10};           ///< until the first probe of a silent connection
  seconds keepalive_interval{3};        ///< between probes; three unanswered ones end it
  milliseconds unacknowledged{10'000};  ///< TCP_USER_TIMEOUT: sent bytes the peer never took
  reply_limits replies;
};

class wire final : public io_handler {
 public:
  class listener {
   public:
    virtual void wire_opened() = 0;
    virtual void wire_reply(reply&& r) = 0;
    /// |why|: unreachable (never opened), closed, malformed, too_large, timed_out.
    virtual void wire_lost(const fault& why) = 0;

   protected:
    ~listener() = default;
  };

  wire(loop& l, listener& events, wire_options options);
  ~wire();
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;

  /// Starts the connection; wire_opened() or wire_lost() follows. On failure: unreachable,
  /// overloaded.
  [[nodiscard]] result<void> open(const net::address& to);
  void write(const command& words);
  void write(std::string_view encoded);
  /// Silences the listener and closes. Idempotent.
  void close() noexcept;

  [[nodiscard]] std::size_t unsent() const noexcept { return out_.size() - sent_; }
  /// Our own address, as the server sees it where no NAT is between; "" when not open.
  [[nodiscard]] std::string local_address() const;

 private:
  enum class state : std::uint8_t { idle, connecting, open, closed };

  void on_io(std::uint32_t events) override;
  void connected();
  void read();
  void deliver();
  void flush();
  void schedule(void (wire::*step)());
  void lose(const fault& why);

  loop& loop_;
  listener& listener_;
  const wire_options options_;
  unique_fd fd_;
  state state_ = state::idle;
  net::address peer_;
  reply_reader reader_;
  std::string out_;
  std::size_t sent_ = 0;  ///< bytes of out_ the kernel has taken
  bool hung_up_ = false;  ///< the peer's end was seen: read until it is reached
  bool flush_scheduled_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  ///< for deferred steps
};

}  // namespace stagedoor::redis
