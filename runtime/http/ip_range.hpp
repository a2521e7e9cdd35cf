// SPDX-License-Identifier: Apache-2.0
// One IP address or CIDR block, for ClientIP rules, trusted peers and allow lists.
//
// IPv4 is kept as its mapped IPv6 form, so a v4 block also meets v4 peers of a dual-stack socket.
// Runs on: any. Immutable.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/net/address.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace stagedoor::http {

/// 16 bytes in network order; IPv4 as ::ffff:a.b.c.d.
using ip_bytes = std::array<std::uint8_t, 16>;

[[nodiscard]] ip_bytes to_ip_bytes(const net::address& address) noexcept;

class ip_range {
 public:
  /// "10.0.0.0/8", "::1", "192.0.2.1". On failure: invalid.
  [[nodiscard]] static result<ip_range> parse(std::string_view text);

  [[nodiscard]] bool contains(const ip_bytes& ip) const noexcept;
  [[nodiscard]] bool contains(const net::address& address) const noexcept {
    return contains(to_ip_bytes(address));
  }

 private:
  ip_bytes base_{};
  unsigned bits_ = 128;  ///< of the mapped form: a v4 /8 is 104
};

[[nodiscard]] bool any_contains(std::span<const ip_range> ranges,
                                const net::address& address) noexcept;

}  // namespace stagedoor::http
