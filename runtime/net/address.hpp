// SPDX-License-Identifier: Apache-2.0
// A numeric IP address with a port, as the kernel takes it. Names are resolved elsewhere: nothing
// here blocks.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace stagedoor::net {

class address {
 public:
  address() = default;
  address(const sockaddr* sa, socklen_t length) noexcept;

  /// "127.0.0.1:80", "[::1]:80", ":80" and "80" (any address; dual-stack). |default_port| where
  /// the port is missing. On failure: invalid.
  [[nodiscard]] static result<address> parse(std::string_view text, std::uint16_t default_port = 0);
  /// A bare IP without port. On failure: invalid.
  [[nodiscard]] static result<address> parse_ip(std::string_view ip, std::uint16_t port);

  [[nodiscard]] const sockaddr* data() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  [[nodiscard]] socklen_t size() const noexcept;
  [[nodiscard]] int family() const noexcept { return storage_.in4.sin_family; }
  [[nodiscard]] std::uint16_t port() const noexcept;
  void set_port(std::uint16_t port) noexcept;

  /// "127.0.0.1", "::1"; a mapped IPv4 address prints as IPv4.
  [[nodiscard]] std::string ip() const;
  /// "127.0.0.1:80", "[::1]:80".
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const address& a, const address& b) noexcept;

 private:
  union {
    sockaddr_in in4;
    sockaddr_in6 in6;
  } storage_{};
};

}  // namespace stagedoor::net
