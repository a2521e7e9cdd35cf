// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/tunnel.hpp"

#include "runtime/net/socket.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <sys/socket.h>

namespace stagedoor::link {
namespace {

constexpr std::size_t piece_bytes = 16U << 10U;

}  // namespace

tunnel::tunnel(loop& l, link_protocol& over, std::function<void()> moved)
    : loop_(l), protocol_(over), moved_(std::move(moved)), drained_([this] { close(); }) {}

void tunnel::attach(unique_fd fd) {
  assert(idle() && protocol_.streaming());
  fd_ = std::move(fd);
  writable_ = true;
  watch();
}

void tunnel::connect(const net::address& to) {
  close();  // an older stream that its local side was slow to take
  auto fd = net::connect_tcp(to);
  if (!fd) return protocol_.end_stream();
  fd_ = *std::move(fd);
  connecting_ = true;
  watch();
}

void tunnel::watch() {
  if (!loop_.watch(fd_.get(), all_edges, *this)) local_ended();
}

void tunnel::deliver(std::string_view bytes) {
  if (!fd_) return;
  waiting_.append(bytes);
  write_some();
}

void tunnel::write_some() {
  if (!fd_ || !writable_) return;
  std::size_t written = 0;
  bool failed = false;
  while (begin_ < waiting_.size()) {
    const auto n =
        ::send(fd_.get(), waiting_.data() + begin_, waiting_.size() - begin_, MSG_NOSIGNAL);
    if (n > 0) {
      begin_ += static_cast<std::size_t>(n);
      written += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      writable_ = false;
      failed = errno != EAGAIN;
      break;
    }
  }
  if (begin_ == waiting_.size() || begin_ >= piece_bytes) {
    waiting_.erase(0, begin_);
    begin_ = 0;
  }
  if (!draining_) protocol_.consumed(written);
  if (failed) return local_ended();
  if (draining_ && waiting_.empty()) close();
}

bool tunnel::pump() {
  std::array<char, piece_bytes> piece;
  bool any = false;
  while (fd_ && readable_ && !connecting_ && !draining_) {
    const auto room = std::min(protocol_.sendable(), piece.size());
    if (room == 0) break;
    const auto n = ::recv(fd_.get(), piece.data(), room, 0);
    if (n > 0) {
      any = true;
      protocol_.send({piece.data(), static_cast<std::size_t>(n)});
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      local_ended();
      return true;
    } else if (errno == EAGAIN) {
      readable_ = false;
    }
  }
  return any;
}

void tunnel::on_io(std::uint32_t events) {
  if (!fd_) return;
  if (connecting_) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    connecting_ = false;
    if (net::connect_error(fd_.get()) != 0) {
      local_ended();
      return moved_();
    }
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
  write_some();
  moved_();
}

void tunnel::peer_ended() {
  if (!fd_) return;
  draining_ = true;
  if (waiting_.empty() && !connecting_) return close();
  loop_.arm_after(drained_, drain_deadline);
}

void tunnel::local_ended() {
  close();
  protocol_.end_stream();
}

void tunnel::close() noexcept {
  drained_.cancel();
  fd_.reset();
  connecting_ = readable_ = writable_ = draining_ = false;
  waiting_.clear();
  waiting_.shrink_to_fit();
  begin_ = 0;
}

}  // namespace stagedoor::link
