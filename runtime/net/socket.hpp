// SPDX-License-Identifier: Apache-2.0
// Non-blocking sockets with the options this program always wants.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/open_socket.hpp"

namespace stagedoor::net {

/// Shared: each loop opens a socket of its own on the same address; the kernel spreads the clients.
/// But it spreads them over other processes of this user too, without a word to anybody.
enum class port_use : std::uint8_t { shared, alone };

/// A wildcard IPv6 address also takes IPv4. On failure: conflict, refused, overloaded, internal.
[[nodiscard]] result<unique_fd> listen_tcp(const address& at, int backlog = 4096,
                                           port_use use = port_use::shared);

/// Every interface: IPv6 that also takes IPv4, or IPv4 alone on a machine without IPv6.
[[nodiscard]] address wildcard(std::uint16_t port);

/// Like listen_tcp, for datagrams.
[[nodiscard]] result<unique_fd> bind_udp(const address& at);

/// Whether no socket is open there, not even one that would share the port: asked before the first
/// of those that share it is opened. On failure: conflict, refused, internal.
[[nodiscard]] result<void> check_free(const address& at, socket_kind kind);

/// Starts a connection; EPOLLOUT tells when it is there, connect_error() whether it succeeded.
/// TCP_NODELAY is set. On failure: unreachable, overloaded, internal.
[[nodiscard]] result<unique_fd> connect_tcp(const address& to);

/// 0, or the errno with which a started connection failed.
[[nodiscard]] int connect_error(int fd) noexcept;

/// The address a bound socket really has (port 0 was asked for).
[[nodiscard]] result<address> local_address(int fd);

}  // namespace stagedoor::net
