// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/listener.hpp"

#include "runtime/http/edge.hpp"
#include "runtime/net/socket.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace stagedoor::http {
namespace {

constexpr milliseconds pause_when_out_of_descriptors{100};

}  // namespace

listener::listener(edge& owner, const entry_point& point, unique_fd given)
    : edge_(owner), point_(point), fd_(std::move(given)), pause_([this] { resume(); }) {}

result<void> listener::start() {
  if (!fd_) {
    auto fd = net::listen_tcp(point_.address);
    if (!fd) return std::move(fd).error();
    fd_ = std::move(*fd);
  }
  auto at = net::local_address(fd_.get());
  if (!at) return std::move(at).error();
  address_ = *at;
  // Level-triggered: what one turn leaves in the queue is reported again.
  return edge_.owner().watch(fd_.get(), EPOLLIN, *this);
}

void listener::stop() noexcept {
  pause_.cancel();
  // Closing alone would not do: while another process has the socket too, its events go on.
  if (fd_) edge_.owner().unwatch(fd_.get());
  fd_.reset();
}

void listener::on_io(std::uint32_t) { accept_some(); }

void listener::resume() {
  if (fd_) (void)edge_.owner().rewatch(fd_.get(), EPOLLIN, *this);
}

void listener::accept_some() {
  if (!fd_) return;
  for (std::size_t i = 0; i < edge_.options().accepts_a_turn; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    auto* const sa = reinterpret_cast<sockaddr*>(&peer);
    unique_fd client(::accept4(fd_.get(), sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        (void)edge_.owner().rewatch(fd_.get(), 0, *this);
        edge_.owner().arm_after(pause_, pause_when_out_of_descriptors);
      } else if (errno == ECONNABORTED || errno == EINTR) {
        continue;
      }
      return;
    }
    connection_facts facts;
    facts.client = net::address(sa, size);
    facts.local_port = address_.port();
    facts.entry_point = point_.index;
    edge_.accept(std::move(client), facts);
  }
}

}  // namespace stagedoor::http
