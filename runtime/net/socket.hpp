// SPDX-License-Identifier: Apache-2.0
// Non-blocking sockets with the options this program always wants.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"

namespace stagedoor::net {

/// Each loop opens its own listener on the same address; the kernel spreads the connections.
/// A wildcard IPv6 address also takes IPv4. On failure: conflict, refused, overloaded, internal.
[[nodiscard]] result<unique_fd> listen_tcp(const address& at, int backlog = 4096);

/// Every interface: IPv6 that also takes IPv4, or IPv4 alone on a machine without IPv6.
[[nodiscard]] address wildcard(std::uint16_t port);

/// Like listen_tcp, for datagrams.
[[nodiscard]] result<unique_fd> bind_udp(const address& at);

/// Starts a connection; EPOLLOUT tells when it is there, connect_error() whether it succeeded.
/// TCP_NODELAY is set. On failure: unreachable, overloaded, internal.
[[nodiscard]] result<unique_fd> connect_tcp(const address& to);

/// 0, or the errno with which a started connection failed.
[[nodiscard]] int connect_error(int fd) noexcept;

/// The address a bound socket really has (port 0 was asked for).
[[nodiscard]] result<address> local_address(int fd);

}  // namespace stagedoor::net
