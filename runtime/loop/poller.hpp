// SPDX-License-Identifier: Apache-2.0
// Which sockets have news: a thin face over epoll, so that another kernel interface can take its
// place behind the same four calls.
//
// Sockets of the data plane are registered once, edge-triggered, with constant interest: a request
// costs no epoll_ctl (facts: data plane). A handler therefore reads until a short read (the socket
// is empty then) and writes until EAGAIN.
// Owner: a loop. Runs on: its thread.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <sys/epoll.h>

namespace stagedoor {

/// Receives the events of a descriptor. Must outlive the turn in which it is unwatched: hand it to
/// loop::dispose() instead of deleting it.
class io_handler {
 public:
  /// |events|: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR bits.
  virtual void on_io(std::uint32_t events) = 0;

 protected:
  ~io_handler() = default;
};

/// Edge-triggered interest in everything: what stream sockets are registered with.
inline constexpr std::uint32_t all_edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

class poller {
 public:
  poller();

  [[nodiscard]] result<void> add(int fd, std::uint32_t events, io_handler& handler);
  [[nodiscard]] result<void> change(int fd, std::uint32_t events, io_handler& handler);
  /// Closing a descriptor removes it too; only needed when it stays open.
  void remove(int fd) noexcept;

  /// Waits at most |timeout| (nothing = for ever); the span is valid until the next call.
  std::span<const epoll_event> wait(std::optional<milliseconds> timeout);

 private:
  static constexpr std::size_t batch = 256;
  unique_fd epoll_;
  std::array<epoll_event, batch> events_{};
};

}  // namespace stagedoor
