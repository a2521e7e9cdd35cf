// SPDX-License-Identifier: Apache-2.0
// The local end of a link's byte stream: one socket of this machine.
//
// Its bytes go to the peer as far as there is credit and room; the peer's bytes wait here while the
// local side is slow, which the credit bounds. When the local side ends, so does the stream; when
// the peer ends it, what came before is still delivered.
// Owner: a link. Runs on: its loop. Bounded by: link_limits::window_bytes, drain_deadline.
#pragma once

#include "runtime/base/unique_fd.hpp"
#include "runtime/link/protocol.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"

#include <functional>
#include <string>

namespace stagedoor::link {

class tunnel final : private io_handler {
 public:
  /// For the local side to take what came before the peer's end.
  static constexpr milliseconds drain_deadline{5000};

  /// |moved| runs after an event of the local socket that may have left something to send.
  tunnel(loop& l, link_protocol& over, std::function<void()> moved);
  tunnel(const tunnel&) = delete;
  tunnel& operator=(const tunnel&) = delete;

  [[nodiscard]] bool idle() const noexcept { return !fd_; }
  /// A local connection, for a stream that was just opened.
  void attach(unique_fd fd);
  /// Starts a local connection for a stream that the peer opened. Ends the stream on failure.
  void connect(const net::address& to);
  /// Bytes of the peer.
  void deliver(std::string_view bytes);
  /// The peer ended the stream.
  void peer_ended();
  /// Moves local bytes towards the peer; whether there were any.
  bool pump();
  /// The link is down.
  void close() noexcept;

 private:
  void on_io(std::uint32_t events) override;
  void watch();
  void write_some();
  void local_ended();

  loop& loop_;
  link_protocol& protocol_;
  const std::function<void()> moved_;
  unique_fd fd_;
  bool connecting_ = false;
  bool readable_ = false;
  bool writable_ = false;
  bool draining_ = false;  ///< the peer ended the stream
  std::string waiting_;    ///< for the local side
  std::size_t begin_ = 0;  ///< of it, already written
  timer drained_;
};

}  // namespace stagedoor::link
