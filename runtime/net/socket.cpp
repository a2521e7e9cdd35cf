// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/socket.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <netinet/tcp.h>

namespace stagedoor::net {
namespace {

void set(int fd, int level, int option, int value) noexcept {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

result<unique_fd> bound(const address& at, int type, port_use use) {
  unique_fd fd(::socket(at.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_fault(fault_side::self, "socket", errno);
  // For TCP: connections of a process that has ended are no obstacle, listening sockets are. For
  // UDP it would share the port.
  if (use == port_use::shared || type == SOCK_STREAM) set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (use == port_use::shared) set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (at.family() == AF_INET6) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd.get(), at.data(), at.size()) != 0)
    return errno_fault(fault_side::self, fmt::format("bind {}", at.to_string()), errno);
  return fd;
}

}  // namespace

result<unique_fd> listen_tcp(const address& at, int backlog, port_use use) {
  auto fd = bound(at, SOCK_STREAM, use);
  if (!fd) return fd;
  set(fd->get(), IPPROTO_TCP, TCP_NODELAY, 1);  // inherited by what it accepts
  if (::listen(fd->get(), backlog) != 0)
    return errno_fault(fault_side::self, fmt::format("listen {}", at.to_string()), errno);
  return fd;
}

address wildcard(std::uint16_t port) {
  static const bool has_ipv6 = [] {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    const unique_fd probe(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return probe && ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
  }();
  return *address::parse_ip(has_ipv6 ? "::" : "0.0.0.0", port);
}

result<unique_fd> bind_udp(const address& at) { return bound(at, SOCK_DGRAM, port_use::shared); }

result<void> check_free(const address& at, socket_kind kind) {
  const auto fd = bound(at, kind == socket_kind::tcp ? SOCK_STREAM : SOCK_DGRAM, port_use::alone);
  if (!fd) return fd.error();
  return {};
}

result<unique_fd> connect_tcp(const address& to) {
  unique_fd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_fault(fault_side::self, "socket", errno);
  set(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::connect(fd.get(), to.data(), to.size()) != 0 && errno != EINPROGRESS)
    return errno_fault(fault_side::upstream, fmt::format("connect {}", to.to_string()), errno);
  return fd;
}

int connect_error(int fd) noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

result<address> local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* sa = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(fd, sa, &length) != 0)
    return errno_fault(fault_side::self, "getsockname", errno);
  return address(sa, length);
}

}  // namespace stagedoor::net
