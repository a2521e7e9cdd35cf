// SPDX-License-Identifier: Apache-2.0
// One server that queries are forwarded to, with the sockets of one loop towards it.
//
// Whoever guesses the source port and the ID of a query can answer it with lies, so each UDP socket
// is connected (the kernel drops other senders), has a port the kernel chose, is replaced after
// some time and use, and carries IDs from the kernel's random source.
// Owner: a forward_group. Runs on: its loop. Bounded by: forwarder_options.
#pragma once

#include "runtime/dns/exchange.hpp"
#include "runtime/net/socket.hpp"

#include <array>
#include <unordered_map>

namespace stagedoor::dns {

struct forwarder_options {
  std::size_t outstanding = 8192;  ///< queries of one loop in flight; then REFUSED
  std::size_t udp_sockets_per_upstream = 16;
  std::uint32_t queries_per_udp_socket = 512;  ///< then it is replaced
  std::size_t idle_tcp_per_upstream = 16;
};

/// Unpredictable numbers, fetched from the kernel a page at a time.
class id_source {
 public:
  [[nodiscard]] std::uint16_t next();

 private:
  std::array<std::uint16_t, 256> numbers_{};
  std::size_t at_ = 256;
};

/// A socket towards an upstream.
class upstream_port : public io_handler {
 public:
  virtual ~upstream_port() = default;
  /// |e| is given up; an answer to it is bogus from here on.
  virtual void forget(exchange& e) = 0;
};

class udp_port final : public upstream_port {
 public:
  udp_port(loop& owner, unique_fd fd, std::span<std::uint8_t> scratch, exchange_events& events)
      : loop_(owner),
        fd_(std::move(fd)),
        scratch_(scratch),
        events_(events),
        opened_(owner.now()) {}

  [[nodiscard]] result<void> start() { return loop_.watch(fd_.get(), EPOLLIN | EPOLLET, *this); }
  /// False when the kernel refuses, as after an ICMP error.
  [[nodiscard]] bool send(exchange& e, id_source& ids);
  void forget(exchange& e) override { waiting_.erase(e.id); }
  /// No event reaches anybody any more; for a port that is disposed of.
  void close() noexcept {
    fd_.reset();
    waiting_.clear();
  }
  [[nodiscard]] bool idle() const noexcept { return waiting_.empty(); }
  [[nodiscard]] bool worn(const forward_options& rule, std::uint32_t uses) const noexcept {
    return used_ >= uses || loop_.now() - opened_ >= rule.expire;
  }

 private:
  void on_io(std::uint32_t events) override;
  void received(std::span<const std::uint8_t> message);
  void broken(std::string_view why);

  loop& loop_;
  unique_fd fd_;
  const std::span<std::uint8_t> scratch_;
  exchange_events& events_;
  std::unordered_map<std::uint16_t, exchange*> waiting_;  ///< by ID
  std::uint32_t used_ = 0;
  mono_time opened_;
};

/// A TCP connection that carries one query at a time and is kept for the next.
class tcp_port final : public upstream_port {
 public:
  tcp_port(loop& owner, unique_fd fd, upstream& of, exchange_events& events);

  [[nodiscard]] result<void> start() { return loop_.watch(fd_.get(), all_edges, *this); }
  void send(exchange& e, id_source& ids);
  void forget(exchange& e) override;
  /// Closes itself after |expire| unless it is used before.
  void rest(milliseconds expire) { loop_.arm_after(idle_, expire); }
  void close() noexcept {
    fd_.reset();
    idle_.cancel();
  }

 private:
  void on_io(std::uint32_t events) override;
  [[nodiscard]] bool flush();
  [[nodiscard]] bool receive();
  void finish();
  void broken(std::string_view why);

  loop& loop_;
  unique_fd fd_;
  upstream& of_;
  exchange_events& events_;
  exchange* current_ = nullptr;
  bool connected_ = false;
  std::vector<std::uint8_t> out_;
  std::size_t sent_ = 0;
  std::vector<std::uint8_t> in_;
  timer idle_;
};

/// Whether |message| is an answer to |e|: a response with its ID that repeats its question.
[[nodiscard]] bool answers(const exchange& e, std::span<const std::uint8_t> message) noexcept;

class upstream {
 public:
  upstream(loop& owner, const net::address& at, std::shared_ptr<const forward_options> rule,
           const forwarder_options& limits, std::span<std::uint8_t> scratch,
           exchange_events& events, id_source& ids);
  ~upstream();

  /// Sends |e|.query under a new ID; sets |e|.to, |e|.port and |e|.id. False when it cannot be
  /// sent.
  [[nodiscard]] bool send(exchange& e);

  [[nodiscard]] bool down() const noexcept {
    return rule_->max_fails != 0 && fails >= rule_->max_fails;
  }
  [[nodiscard]] const net::address& at() const noexcept { return at_; }

  std::uint32_t fails = 0;  ///< health checks in a row that failed
  bool checking = false;    ///< health checks are on
  std::unique_ptr<timer> next_check;

 private:
  friend class tcp_port;  // for rested() and gone()
  [[nodiscard]] udp_port* choose_udp();
  void close_idle_worn();
  void rested(tcp_port& port);
  void gone(tcp_port& port);

  loop& loop_;
  const net::address at_;
  const std::shared_ptr<const forward_options> rule_;
  const forwarder_options& limits_;
  const std::span<std::uint8_t> scratch_;
  exchange_events& events_;
  id_source& ids_;
  std::vector<std::unique_ptr<udp_port>> udp_;
  std::vector<std::unique_ptr<udp_port>> worn_;  ///< replaced, waiting for their last answers
  std::vector<std::unique_ptr<tcp_port>> busy_tcp_;
  std::vector<std::unique_ptr<tcp_port>> idle_tcp_;  ///< last in, first out
};

}  // namespace stagedoor::dns
