// SPDX-License-Identifier: Apache-2.0
// One UDP socket of one loop: datagrams in batches in, answers in batches out.
//
// Nearly all of a UDP answer's cost is the kernel's, so a wake-up takes what is there with one
// recvmmsg, answers it in place, and sends all answers with one sendmmsg; nothing is allocated,
// locked or timed in between. All sockets of a loop share one set of buffers, since a batch is
// finished before the next begins.
// Owner: the server of a loop. Runs on: that loop. Bounded by: udp_batch. On failure: a datagram
// the kernel does not take is lost, as UDP may; it is counted.
#pragma once

#include "runtime/dns/pipeline.hpp"
#include "runtime/loop/loop.hpp"

#include <memory>
#include <sys/socket.h>
#include <vector>

namespace stagedoor::dns {

struct udp_options {
  unsigned batch = 64;              ///< datagrams a recvmmsg takes
  unsigned batches_per_turn = 4;    ///< then the loop's other sockets have their turn
  std::size_t query_bytes = 2048;   ///< longest query; what is longer is malformed for us
  std::size_t answer_bytes = 4096;  ///< longest answer, whatever the client offers
  int receive_buffer = 4 << 20;     ///< SO_RCVBUF asked for, bytes
  int send_buffer = 4 << 20;        ///< SO_SNDBUF asked for, bytes
};

/// The buffers of a loop's UDP sockets.
class udp_batch {
 public:
  explicit udp_batch(const udp_options& options);

  struct slot {
    sockaddr_storage peer;
    packet_info control;
    iovec in;
    iovec out;
  };

  std::vector<slot> slots;
  std::vector<mmsghdr> received;
  std::vector<mmsghdr> answers;

 private:
  std::vector<std::uint8_t> bytes_;
};

class udp_socket final : public io_handler {
 public:
  udp_socket(loop& owner, listener_id listener, std::uint64_t index, unique_fd fd, bool any_address,
             const udp_options& options, udp_batch& batch, pipeline& queries, counters& count);

  [[nodiscard]] result<void> start();
  void stop() noexcept;
  /// Takes no more queries; what is late can still be sent.
  void stop_reading() noexcept;
  /// An answer that was not ready in the turn of its query.
  void send(const client_ref& to, std::span<const std::uint8_t> message);
  [[nodiscard]] std::uint64_t index() const noexcept { return index_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  void on_io(std::uint32_t events) override;
  [[nodiscard]] unsigned receive();
  void answer(unsigned received);
  void flush(unsigned answers);

  loop& loop_;
  const listener_id listener_;
  const std::uint64_t index_;
  unique_fd fd_;
  const bool any_address_;  ///< answers must name the address the query came to
  const udp_options& options_;
  udp_batch& batch_;
  pipeline& queries_;
  counters& count_;
};

}  // namespace stagedoor::dns
