// SPDX-License-Identifier: Apache-2.0
// Keeps one connection to Redis alive: find the server, connect, introduce ourselves, and do it
// again after every loss, with growing, jittered pauses.
//
//   stopped -> locating -> connecting -> greeting -> ready -> (lost) waiting -> locating ...
//
// The greeting is AUTH, CLIENT SETNAME, SELECT, with Sentinels ROLE (an old master may still answer
// as a replica), CLIENT ID and PING; a server that is loading its data counts as not there yet.
// Owner: a connection, subscriber or popper. Runs on: the loop's thread.
// Bounded by: session_options. On failure: session_lost(), once for each attempt.
#pragma once

#include "runtime/net/resolver.hpp"
#include "runtime/redis/backoff.hpp"
#include "runtime/redis/endpoint.hpp"
#include "runtime/redis/locator.hpp"
#include "runtime/redis/wire.hpp"

#include <deque>
#include <memory>
#include <string>

namespace stagedoor::redis {

struct session_options {
  std::string name = "stagedoor";      ///< CLIENT SETNAME; no blanks
  milliseconds connect_timeout{5000};  ///< connect and greeting together
  milliseconds backoff_base{50};
  milliseconds backoff_cap{2000};
  milliseconds steady{2000};  ///< a connection that lived as long resets the backoff
  wire_options wires;
};

class session final : public wire::listener {
 public:
  enum class state : std::uint8_t { stopped, locating, connecting, greeting, ready, waiting };

  class listener {
   public:
    virtual void session_ready() = 0;
    virtual void session_reply(reply&& r) = 0;
    /// An attempt failed, or a ready connection ended; the next attempt follows by itself.
    virtual void session_lost(const fault& why) = 0;

   protected:
    ~listener() = default;
  };

  session(loop& l, net::resolver& names, const endpoint& where, session_options options,
          listener& events);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void start();
  /// Closes for good; the listener hears nothing more. Idempotent.
  void stop();

  /// Only while ready.
  void write(const command& words) { wire_->write(words); }
  void write(std::string_view encoded) { wire_->write(encoded); }
  [[nodiscard]] std::size_t unsent() const noexcept { return wire_ ? wire_->unsent() : 0; }

  /// Ends the present connection because of |why|; session_lost() follows before it returns.
  void drop(const fault& why);

  [[nodiscard]] state now() const noexcept { return state_; }
  [[nodiscard]] bool ready() const noexcept { return state_ == state::ready; }
  /// The server's number for this connection (CLIENT ID); 0 = not known.
  [[nodiscard]] std::int64_t client_id() const noexcept { return client_id_; }
  /// Our end of the connection, as CLIENT LIST shows it.
  [[nodiscard]] const std::string& local_address() const noexcept { return local_address_; }
  /// Times the session became ready, the first included.
  [[nodiscard]] std::uint64_t connects() const noexcept { return connects_; }
  /// Times a ready connection ended other than by stop().
  [[nodiscard]] std::uint64_t losses() const noexcept { return losses_; }

 private:
  enum class step : std::uint8_t { must_succeed, may_fail, role, client_id };

  void wire_opened() override;
  void wire_reply(reply&& r) override;
  void wire_lost(const fault& why) override;

  void attempt();
  void connect(const net::address& to);
  void greet(const command& words, step kind);
  void greeted(const reply& r);
  void lost(const fault& why);

  loop& loop_;
  const endpoint endpoint_;
  const session_options options_;
  listener& listener_;
  locator locator_;
  state state_ = state::stopped;
  std::unique_ptr<wire> wire_;
  std::deque<step> greeting_;  ///< what the next replies answer
  std::int64_t client_id_ = 0;
  std::string local_address_;
  std::uint64_t connects_ = 0;
  std::uint64_t losses_ = 0;
  mono_time ready_since_{};
  backoff backoff_;
  timer attempt_timeout_;
  timer retry_;
};

[[nodiscard]] std::string_view to_string(session::state s) noexcept;

}  // namespace stagedoor::redis
