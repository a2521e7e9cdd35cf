// SPDX-License-Identifier: Apache-2.0
// One end of a byte stream, plain or under TLS, and what edge-triggered events have told of it.
//
// The kernel says only once that a socket became readable or writable, so that is remembered here
// until a short read or a full socket buffer says otherwise. A short read means empty: no call is
// spent on finding EAGAIN. Only a peer that has closed must be read to its end.
// Under TLS up to one record may be kept here when the socket is full, since OpenSSL insists on
// getting the very same bytes again; flush() tells when it is out.
// Owner: a connection. Runs on: its loop. Bounded by: one TLS record.
#pragma once

#include "runtime/base/unique_fd.hpp"
#include "runtime/tls/session.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace stagedoor::http {

/// What one read or write did. Neither bytes, eof nor error: try again at the next event.
struct io_result {
  std::size_t bytes = 0;
  bool eof = false;
  int error = 0;  ///< errno of a broken connection; 0 = none
};

class transport {
 public:
  transport() = default;
  explicit transport(unique_fd fd) noexcept : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }
  void close() noexcept {
    if (tls_ != nullptr) end_tls();
    fd_.reset();
  }
  /// From here on everything goes through |session|, whose handshake is handshake()'s business.
  void start_tls(tls::session session) {
    tls_ = std::make_unique<tls_state>(tls_state{std::move(session), {}});
  }
  [[nodiscard]] const tls::session* tls() const noexcept {
    return tls_ == nullptr ? nullptr : &tls_->session;
  }
  enum class handshake_state : std::uint8_t { done, again, failed };
  [[nodiscard]] handshake_state handshake() noexcept;
  /// The first byte without taking it; -1 = nothing there yet, or the end.
  [[nodiscard]] int peek() noexcept {
    unsigned char first = 0;
    return ::recv(fd_.get(), &first, 1, MSG_PEEK) == 1 ? first : -1;
  }

  void note(std::uint32_t events) noexcept {
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_closed_ = true;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) broken_ = true;
  }
  [[nodiscard]] bool readable() const noexcept { return readable_; }
  [[nodiscard]] bool writable() const noexcept { return writable_; }
  /// The peer sends nothing more than what is in the socket already.
  [[nodiscard]] bool peer_closed() const noexcept { return peer_closed_; }
  /// Nothing that is sent can arrive.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// Of a socket that was accepted or has just connected.
  void assume_writable() noexcept { writable_ = true; }

  [[nodiscard]] io_result read(std::span<char> into) noexcept {
    if (tls_ != nullptr) [[unlikely]]
      return read_tls(into);
    const auto n = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (n > 0) {
      const auto bytes = static_cast<std::size_t>(n);
      if (bytes < into.size() && !peer_closed_) readable_ = false;
      return {.bytes = bytes};
    }
    if (n == 0) {
      peer_closed_ = true;
      readable_ = false;
      return {.eof = true};
    }
    if (errno == EAGAIN || errno == EINTR) {
      readable_ = errno == EINTR;
      return {};
    }
    readable_ = false;
    return {.error = errno};
  }

  /// Sends from several places in one call. At most 16.
  [[nodiscard]] io_result write(std::span<iovec> from) noexcept {
    if (tls_ != nullptr) [[unlikely]]
      return write_tls(from);
    msghdr message{};
    message.msg_iov = from.data();
    message.msg_iovlen = from.size();
    std::size_t wanted = 0;
    for (const auto& part : from) wanted += part.iov_len;
    return sent(::sendmsg(fd_.get(), &message, MSG_NOSIGNAL), wanted);
  }
  [[nodiscard]] io_result write(std::span<const char> from) noexcept {
    if (tls_ != nullptr) [[unlikely]] {
      // sendmsg() only reads from it; iovec has no const form.
      iovec part{const_cast<char*>(from.data()), from.size()};
      return write_tls({&part, 1});
    }
    return sent(::send(fd_.get(), from.data(), from.size(), MSG_NOSIGNAL), from.size());
  }
  /// Tells the peer that nothing more comes.
  void shut_down_writes() noexcept {
    if (tls_ != nullptr) end_tls();
    ::shutdown(fd_.get(), SHUT_WR);
  }
  /// Whether all that write() took is with the kernel; otherwise tries to send the rest.
  [[nodiscard]] bool flush() noexcept { return tls_ == nullptr || flush_tls(); }
  [[nodiscard]] bool tls_failed() const noexcept { return tls_failed_; }

 private:
  struct tls_state {
    tls::session session;
    std::string unsent;  ///< a record that the socket had no room for
  };

  io_result read_tls(std::span<char> into) noexcept;
  io_result write_tls(std::span<iovec> from) noexcept;
  bool flush_tls() noexcept;
  void end_tls() noexcept;

  io_result sent(ssize_t n, std::size_t wanted) noexcept {
    if (n >= 0) {
      const auto bytes = static_cast<std::size_t>(n);
      if (bytes < wanted) writable_ = false;
      return {.bytes = bytes};
    }
    if (errno == EAGAIN || errno == EINTR) {
      writable_ = errno == EINTR;
      return {};
    }
    return {.error = errno};
  }

  unique_fd fd_;
  std::unique_ptr<tls_state> tls_;  ///< null = plain; ends before the descriptor is closed
  bool readable_ = false;
  bool writable_ = false;
  bool peer_closed_ = false;
  bool broken_ = false;
  bool tls_failed_ = false;
};

}  // namespace stagedoor::http
