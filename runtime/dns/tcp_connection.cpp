// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/tcp_connection.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace stagedoor::dns {

tcp_connection::tcp_connection(loop& owner, std::uint64_t number, listener_id listener,
                               net::address peer, unique_fd fd, const tcp_options& options,
                               pipeline& queries, std::span<std::uint8_t> scratch,
                               closed_handler closed)
    : loop_(owner),
      number_(number),
      listener_(listener),
      peer_(peer),
      fd_(std::move(fd)),
      options_(options),
      queries_(queries),
      scratch_(scratch),
      closed_(std::move(closed)),
      idle_([this] { close(); }) {}

result<void> tcp_connection::start() {
  touch();
  return loop_.watch(fd_.get(), all_edges, *this);
}

void tcp_connection::close() {
  if (!fd_) return;
  fd_.reset();
  idle_.cancel();
  closed_(*this);  // disposes of this at the end of the turn
}

void tcp_connection::on_io(std::uint32_t events) {
  if (!fd_) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close();
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & EPOLLRDHUP) != 0) ending_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  pump();
}

// Reads, answers and sends until the socket is empty or a limit is reached. Edge-triggered, so what
// is left is remembered in readable_ and in_ and taken up when the limit is no longer reached.
void tcp_connection::pump() {
  for (;;) {
    if (!send_unsent()) return close();
    if (!may_answer()) return;
    if (answer_received()) continue;
    if (!readable_ || half_closed_) break;
    if (!receive()) return close();
  }
  if (half_closed_ && in_flight_ == 0 && sent_ == out_.size()) close();
}

bool tcp_connection::may_answer() const noexcept {
  return out_.size() - sent_ < options_.unsent_bytes && in_flight_ < options_.in_flight;
}

// False when the connection is broken.
bool tcp_connection::receive() {
  const std::size_t had = in_.size();
  in_.resize(had + options_.read_bytes);
  const auto n = ::recv(fd_.get(), in_.data() + had, options_.read_bytes, MSG_DONTWAIT);
  in_.resize(had + (n > 0 ? static_cast<std::size_t>(n) : 0));
  if (n < 0) {
    readable_ = false;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  }
  if (n == 0) half_closed_ = true;
  // A short read emptied the socket, unless the end of the stream is still to be read.
  if (static_cast<std::size_t>(n) < options_.read_bytes && !ending_) readable_ = false;
  return true;
}

// Answers the whole queries that are there; false when there was none.
bool tcp_connection::answer_received() {
  std::size_t at = 0;
  client_ref client;
  client.via = transport::tcp;
  client.listener = listener_;
  client.socket = number_;
  client.peer = peer_;
  while (in_.size() - at >= 2 && may_answer()) {
    const std::size_t length = load16(in_.data() + at);
    if (in_.size() - at - 2 < length) break;
    const auto handled = queries_.handle({in_.data() + at + 2, length}, client, scratch_);
    if (handled.pending) ++in_flight_;
    if (handled.size != 0) append(std::span(scratch_).first(handled.size));
    at += 2 + length;
    touch();
  }
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
  return at != 0;
}

void tcp_connection::append(std::span<const std::uint8_t> message) {
  std::uint8_t length[2];
  store16(length, static_cast<std::uint16_t>(message.size()));
  out_.insert(out_.end(), length, length + 2);
  out_.insert(out_.end(), message.begin(), message.end());
}

// False when the connection is broken.
bool tcp_connection::send_unsent() {
  while (writable_ && sent_ < out_.size()) {
    const auto n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
      writable_ = false;
      break;
    }
    sent_ += static_cast<std::size_t>(n);
    touch();
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  } else if (sent_ > options_.unsent_bytes) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
  return true;
}

void tcp_connection::deliver(std::span<const std::uint8_t> message) {
  if (!fd_) return;
  if (in_flight_ > 0) --in_flight_;
  append(message);
  pump();
}

}  // namespace stagedoor::dns
