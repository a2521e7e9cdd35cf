// SPDX-License-Identifier: Apache-2.0
// One connection between two nodes: TCP, mutual TLS 1.3, the hellos, and a byte stream of this
// machine carried to the other.
//
// Either side proves with a certificate of the cluster's authority who it is before it is listened
// to; whoever does not within the handshake deadline is dropped. What is said inside is decided by
// link_protocol; this class moves the bytes and keeps the time.
// Owner: a link_listener or link_dialer, which gets the callbacks. Runs on: its loop.
// Bounded by: link_limits. On failure: link_owner::link_down, once, with ended() and detail().
#pragma once

#include "runtime/base/unique_fd.hpp"
#include "runtime/link/credentials.hpp"
#include "runtime/link/protocol.hpp"
#include "runtime/link/tunnel.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"
#include "runtime/tls/session.hpp"

#include <memory>
#include <optional>
#include <string>

namespace stagedoor::link {

class link;

class link_owner {
 public:
  /// The peer's certificate is good and its hello is believed: is it wanted?
  [[nodiscard]] virtual std::optional<refused> link_asks(const link& l, const peer& who) = 0;
  virtual void link_up(link& l) = 0;
  /// The last call. The link is to be handed to loop::dispose().
  virtual void link_down(link& l) = 0;

 protected:
  ~link_owner() = default;
};

/// What a link is made with; must outlive it.
struct link_setup {
  link_identity me;
  link_limits limits;
  net::address local;  ///< listener: where streams of peers are connected to on this machine
};

class link final : private io_handler, private link_protocol::sink {
 public:
  /// An accepted connection.
  link(loop& l, const link_setup& setup, std::shared_ptr<const credentials> with, unique_fd fd,
       const net::address& from, link_owner& owner);
  /// A connection to |to|, where the node |expected| should answer; start() makes it.
  link(loop& l, const link_setup& setup, std::shared_ptr<const credentials> with,
       const net::address& to, const std::string& expected, link_owner& owner);
  ~link() = default;

  /// Once, before anything else. May call link_down.
  void start();
  /// Tells the peer and ends; calls link_down.
  void close(std::string detail);
  /// Dialer: carries a local connection; false when the link is not up or carries one already.
  [[nodiscard]] bool carry(unique_fd local);

  [[nodiscard]] bool up() const noexcept { return protocol_.up(); }
  [[nodiscard]] const peer& other() const noexcept { return protocol_.other(); }
  [[nodiscard]] const net::address& address() const noexcept { return address_; }
  [[nodiscard]] std::optional<link_end> ended() const noexcept { return protocol_.ended(); }
  [[nodiscard]] const std::string& detail() const noexcept { return protocol_.detail(); }
  [[nodiscard]] std::optional<refusal> refused_because() const noexcept {
    return protocol_.refused_because();
  }
  [[nodiscard]] mono_time up_since() const noexcept { return up_since_; }
  /// For those who look at it: when the peer was heard, what was carried.
  [[nodiscard]] const link_protocol& protocol() const noexcept { return protocol_; }

 private:
  void on_io(std::uint32_t events) override;

  [[nodiscard]] std::optional<refused> on_hello(const peer& who) override;
  void on_up() override;
  void on_opened() override;
  void on_bytes(std::string_view bytes) override { tunnel_.deliver(bytes); }
  void on_closed() override { tunnel_.peer_ended(); }

  void begin_tls();
  void shake_hands();
  void receive();
  void settle();
  void flush();
  void tick();
  void broke();
  void finish();

  loop& loop_;
  const link_setup& setup_;
  std::shared_ptr<const credentials> with_;
  link_owner& owner_;
  const net::address address_;
  const std::string expected_;  ///< empty = accepted
  link_protocol protocol_;
  tunnel tunnel_;
  unique_fd fd_;
  std::optional<tls::session> tls_;  ///< ends before the descriptor is closed
  bool connecting_ = false;
  bool secured_ = false;
  bool writable_ = false;
  bool finished_ = false;
  mono_time up_since_{};
  timer deadline_;  ///< of the handshake
  timer tick_;
  timer resume_;  ///< reads on in the next turn
};

}  // namespace stagedoor::link
