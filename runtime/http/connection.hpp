// SPDX-License-Identifier: Apache-2.0
// One client's connection: reads request heads, hands each to a transaction, answers in order.
//
// One request at a time: the next head is not looked at before the answer to the last one is with
// the kernel. So pipelined requests wait in the socket, where the client's own window bounds them.
// Owner: an edge. Runs on: its loop. Bounded by: one block in, what one send could not take out.
// On failure: closes itself.
#pragma once

#include "runtime/http/buffer.hpp"
#include "runtime/http/request_facts.hpp"
#include "runtime/http/transport.hpp"
#include "runtime/loop/loop.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace stagedoor::http {

class edge;
class transaction;

/// What a connection waits for at most until its deadline.
enum class wait_kind : std::uint8_t {
  nothing,
  handshake,
  next_request,
  rest_of_head,
  exchange,
  lingering
};

class connection final : private io_handler {
 public:
  connection(edge& owner, unique_fd fd, const connection_facts& facts);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// |tls|: null, or what a client that begins with a TLS record is served with.
  [[nodiscard]] result<void> start(const tls::server_context* tls);

  transport io;
  buffer in;   ///< received, not used
  buffer out;  ///< composed, not sent
  connection_facts facts;

  // -- for its transaction -------------------------------------------------------------------------

  /// The exchange is over and everything is with the kernel. |keep|: another request may follow.
  void exchange_done(bool keep);
  /// The rest of the request will not be read: its client must be given time to see the answer.
  void leave_unread() noexcept { unread_ = true; }
  /// The exchange cannot be finished, or the client is gone: closes at once.
  void abort();
  /// Has on_deadline() of the transaction called then; mono_time::max() = never.
  void wait_until(wait_kind what, mono_time deadline);
  /// Calls go_on() in the next turn: it has had its share of this one.
  void yield();

  // -- for its edge ----------------------------------------------------------------------------------

  void go_on();
  /// No request after the one under way.
  void drain();

 private:
  friend class edge;
  void on_io(std::uint32_t events) override;
  void serve();
  bool secure();
  bool next_request();
  bool read_more();
  void end();
  void discard();
  void fire();
  void close();

  edge& edge_;
  const tls::server_context* tls_ = nullptr;  ///< until it is known whether it is needed
  std::unique_ptr<transaction> transaction_;  ///< null between requests
  std::string client_ip_;
  timer timer_;
  mono_time deadline_ = mono_time::max();
  mono_time armed_for_ = mono_time::max();
  wait_kind waits_for_ = wait_kind::nothing;
  std::uint64_t discarded_ = 0;  ///< bytes thrown away while lingering
  bool handshaking_ = false;
  bool exchanging_ = false;  ///< the head is complete and its answer is not
  bool serving_ = false;     ///< serve() is on the stack
  bool unread_ = false;      ///< the client may still be sending a request that was answered
  bool last_ = false;        ///< no further request
  bool closed_ = false;
  bool yielding_ = false;
  connection* previous_ = nullptr;  ///< in the edge's list
  connection* next_ = nullptr;
};

}  // namespace stagedoor::http
