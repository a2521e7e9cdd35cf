// SPDX-License-Identifier: Apache-2.0
// A listening or datagram socket that one process hands to another.
//
// With SO_REUSEPORT each loop has a socket of its own on the same address, and each socket a queue
// of its own in the kernel: closing one resets the connections that wait in it. So whoever takes
// over takes all of them, even when it has fewer loops, and none is closed in between.
// Owner: whoever holds it. Runs on: any thread.
#pragma once

#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace stagedoor::net {

enum class socket_kind : std::uint8_t { tcp, udp };

[[nodiscard]] constexpr std::string_view to_string(socket_kind kind) noexcept {
  return kind == socket_kind::tcp ? "tcp" : "udp";
}

struct open_socket {
  socket_kind kind = socket_kind::tcp;
  address at;  ///< as bound
  unique_fd fd;
};

/// Those of |from| with that kind and address; they are no longer in it.
[[nodiscard]] std::vector<unique_fd> take_sockets(std::vector<open_socket>& from, socket_kind kind,
                                                  const address& at);

/// A second descriptor of |fd| under the address it is bound to; nothing is added when that fails.
void add_copy(std::vector<open_socket>& to, socket_kind kind, int fd);

/// Deals |all| out to |lanes|, the sockets of one address in turn: each is read by one lane,
/// however many loops their former owner had.
[[nodiscard]] std::vector<std::vector<open_socket>> deal_out(std::vector<open_socket> all,
                                                             std::size_t lanes);

}  // namespace stagedoor::net
