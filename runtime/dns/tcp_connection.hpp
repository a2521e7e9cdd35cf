// SPDX-License-Identifier: Apache-2.0
// One DNS connection (RFC 7766): queries one after the other without waiting, answers as they
// become ready, each behind its two bytes of length.
//
// A client that reads slower than it asks, asks for ever, or says nothing may not cost more than
// the limits below: while too much is unsent or too many queries are with an upstream, nothing
// more is read.
// Owner: tcp_listener's set. Runs on: its loop. Bounded by: tcp_options.
#pragma once

#include "runtime/dns/pipeline.hpp"
#include "runtime/loop/loop.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace stagedoor::dns {

struct tcp_options {
  std::size_t connections = 4096;            ///< of one loop; more are closed at once
  std::size_t connections_per_client = 512;  ///< of one address
  std::size_t in_flight = 64;                ///< queries of one connection with an upstream
  std::size_t unsent_bytes = 256U << 10U;    ///< then no further query is read
  std::size_t read_bytes = 16U << 10U;       ///< taken with one recv
  milliseconds idle_timeout{10'000};         ///< without a whole query or a byte of answer moving
  int backlog = 1024;
};

class tcp_connection final : public io_handler {
 public:
  using closed_handler = std::function<void(tcp_connection&)>;

  tcp_connection(loop& owner, std::uint64_t number, listener_id listener, net::address peer,
                 unique_fd fd, const tcp_options& options, pipeline& queries,
                 std::span<std::uint8_t> scratch, closed_handler closed);

  [[nodiscard]] result<void> start();
  /// An answer that was not ready in the turn of its query.
  void deliver(std::span<const std::uint8_t> message);
  void close();

  /// No query waits for its answer, and no answer to be sent.
  [[nodiscard]] bool idle() const noexcept {
    return in_flight_ == 0 && in_.empty() && sent_ == out_.size();
  }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] listener_id listener() const noexcept { return listener_; }
  [[nodiscard]] const net::address& peer() const noexcept { return peer_; }

 private:
  void on_io(std::uint32_t events) override;
  void pump();
  [[nodiscard]] bool receive();
  [[nodiscard]] bool answer_received();
  void append(std::span<const std::uint8_t> message);
  [[nodiscard]] bool may_answer() const noexcept;
  [[nodiscard]] bool send_unsent();
  void touch() { loop_.arm_after(idle_, options_.idle_timeout); }

  loop& loop_;
  const std::uint64_t number_;
  const listener_id listener_;
  const net::address peer_;
  unique_fd fd_;
  const tcp_options& options_;
  pipeline& queries_;
  const std::span<std::uint8_t> scratch_;  ///< the loop's, for the answer being written
  closed_handler closed_;
  timer idle_;
  std::vector<std::uint8_t> in_;   ///< received, not yet answered
  std::vector<std::uint8_t> out_;  ///< answers, from |sent_| on still to be sent
  std::size_t sent_ = 0;
  std::size_t in_flight_ = 0;
  bool readable_ = false;  ///< the socket may hold more than was read
  bool writable_ = true;
  bool ending_ = false;       ///< the end of the client's stream is in sight
  bool half_closed_ = false;  ///< the client sends nothing more
};

}  // namespace stagedoor::dns
