// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/wire.hpp"

#include "runtime/net/socket.hpp"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace stagedoor::redis {
namespace {

constexpr std::size_t read_size = 16U << 10U;
constexpr int reads_per_turn = 64;  // 1 MiB, then the other sockets of the loop get their turn
constexpr std::size_t kept_capacity = 256U << 10U;

void set(int fd, int level, int option, int value) noexcept {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

}  // namespace

wire::wire(loop& l, listener& events, wire_options options)
    : loop_(l), listener_(events), options_(options), reader_(options.replies) {}

wire::~wire() { close(); }

result<void> wire::open(const net::address& to) {
  auto fd = net::connect_tcp(to);
  if (!fd) {
    fault f = std::move(fd).error();
    f.side = fault_side::store;
    return f;
  }
  fd_ = *std::move(fd);
  peer_ = to;
  set(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd_.get(), IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(options_.keepalive_idle.count()));
  set(fd_.get(), IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(options_.keepalive_interval.count()));
  set(fd_.get(), IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(fd_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options_.unacknowledged.count()));
  state_ = state::connecting;
  return loop_.watch(fd_.get(), all_edges, *this);
}

void wire::write(const command& words) {
  if (state_ == state::closed) return;
  encode(words, out_);
  if (!std::exchange(flush_scheduled_, true)) schedule(&wire::flush);
}

void wire::write(std::string_view encoded) {
  if (state_ == state::closed) return;
  out_ += encoded;
  if (!std::exchange(flush_scheduled_, true)) schedule(&wire::flush);
}

void wire::close() noexcept {
  state_ = state::closed;
  fd_.reset();
}

std::string wire::local_address() const {
  if (!fd_) return {};
  const auto local = net::local_address(fd_.get());
  return local ? local->to_string() : std::string();
}

void wire::schedule(void (wire::*step)()) {
  loop_.defer([this, step, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) (this->*step)();
  });
}

void wire::on_io(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  if (state_ == state::connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) connected();
  if (state_ == state::open && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) read();
  if (state_ == state::open && (events & EPOLLOUT) != 0) flush();
}

void wire::connected() {
  if (const int error = net::connect_error(fd_.get()); error != 0) {
    lose(errno_fault(fault_side::store, fmt::format("connect {}", peer_.to_string()), error));
    return;
  }
  // A connect to a free port of our own machine can, by simultaneous open, meet itself.
  if (const auto local = net::local_address(fd_.get()); local && *local == peer_) {
    lose(
        errno_fault(fault_side::store, fmt::format("connect {}", peer_.to_string()), ECONNREFUSED));
    return;
  }
  state_ = state::open;
  listener_.wire_opened();
}

void wire::read() {
  std::array<char, read_size> buffer;
  for (int i = 0; i < reads_per_turn; ++i) {
    const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      lose(errno_fault(fault_side::store, fmt::format("read {}", peer_.to_string()), errno));
      return;
    }
    if (got == 0) {
      lose({fault_kind::closed, fault_side::store, retryable::yes,
            fmt::format("{} closed the connection", peer_.to_string())});
      return;
    }
    if (const auto fed = reader_.feed({buffer.data(), static_cast<std::size_t>(got)}); !fed) {
      lose(fed.error());
      return;
    }
    deliver();
    if (state_ != state::open) return;
    // A short read emptied the socket; but an end that came with the bytes has no edge of its own.
    if (static_cast<std::size_t>(got) < buffer.size() && !hung_up_) return;
  }
  schedule(&wire::read);
}

void wire::deliver() {
  while (state_ == state::open) {
    auto next = reader_.next();
    if (!next) {
      lose(next.error());
      return;
    }
    if (!next->has_value()) return;
    listener_.wire_reply(**std::move(next));
  }
}

void wire::flush() {
  flush_scheduled_ = false;
  if (state_ != state::open) return;
  while (sent_ < out_.size()) {
    const auto n = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      lose(errno_fault(fault_side::store, fmt::format("write {}", peer_.to_string()), errno));
      return;
    }
    sent_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > kept_capacity) out_.shrink_to_fit();
}

void wire::lose(const fault& why) {
  close();
  listener_.wire_lost(why);
}

}  // namespace stagedoor::redis
