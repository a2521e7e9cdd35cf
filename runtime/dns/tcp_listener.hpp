// SPDX-License-Identifier: Apache-2.0
// Takes DNS connections on one address for one loop, within the loop's limits.
// Owner: the server of a loop. Runs on: that loop. Bounded by: tcp_options, through
// tcp_connections.
#pragma once

#include "runtime/dns/tcp_connection.hpp"

#include <array>
#include <memory>
#include <string>
#include <unordered_map>

namespace stagedoor::dns {

/// All DNS connections of a loop.
class tcp_connections {
 public:
  tcp_connections(loop& owner, const tcp_options& options, pipeline& queries, counters& count);

  /// Takes the connection, or closes it when a limit is reached.
  void accept(listener_id listener, const net::address& peer, unique_fd fd);
  /// The connection with that number, if it is still open.
  [[nodiscard]] tcp_connection* find(std::uint64_t number) noexcept;
  /// Closes those that came in through |listener|.
  void close_all(listener_id listener);
  void close_all();
  /// Closes those that wait for nothing.
  void close_idle();
  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }

 private:
  void closed(tcp_connection& connection);

  loop& loop_;
  const tcp_options& options_;
  pipeline& queries_;
  counters& count_;
  std::vector<std::uint8_t> scratch_;
  std::unordered_map<std::uint64_t, std::unique_ptr<tcp_connection>> open_;
  std::unordered_map<std::string, std::size_t> per_client_;  ///< by IP
  std::uint64_t next_number_ = 1;
};

class tcp_listener final : public io_handler {
 public:
  tcp_listener(loop& owner, listener_id listener, unique_fd fd, tcp_connections& connections)
      : loop_(owner), listener_(listener), fd_(std::move(fd)), connections_(connections) {}

  [[nodiscard]] result<void> start() { return loop_.watch(fd_.get(), EPOLLIN, *this); }
  void stop() noexcept {
    // Closing alone would not do: while another process has the socket too, its events go on.
    if (fd_) loop_.unwatch(fd_.get());
    fd_.reset();
  }
  [[nodiscard]] listener_id listener() const noexcept { return listener_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  static constexpr unsigned accepts_per_turn = 64;
  void on_io(std::uint32_t events) override;

  loop& loop_;
  const listener_id listener_;
  unique_fd fd_;
  tcp_connections& connections_;
};

}  // namespace stagedoor::dns
