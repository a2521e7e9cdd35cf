// SPDX-License-Identifier: Apache-2.0
// Where Redis is, as operators write it:
//
//   redis://[[user]:password@]host[:port][/database]          one server
//   rediss://...                                              the same over TLS
//   redis+sentinel://[[user]:password@]host[:port],host[:port].../master-name[/database]
//
// User and password belong to the server; what the Sentinels want is a query parameter:
// `?sentinel-password=...`. Reserved characters are percent-encoded (RFC 3986 section 2.1).
// Bounded by: 4096 bytes, 16 hosts.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::redis {

inline constexpr std::uint16_t default_port = 6379;
inline constexpr std::uint16_t default_sentinel_port = 26379;

struct host_port {
  std::string host;  ///< a name, or a numeric address without brackets
  std::uint16_t port = 0;
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const host_port&, const host_port&) = default;
};

enum class transport : std::uint8_t { plain, tls };

struct endpoint {
  std::vector<host_port> hosts;   ///< the server, or the Sentinels
  std::string master;             ///< name the Sentinels know the server by; empty = no Sentinel
  std::string user;               ///< empty = the default user
  std::string password;           ///< empty = none
  std::string sentinel_password;  ///< empty = none
  transport security = transport::plain;
  std::uint32_t database = 0;

  [[nodiscard]] bool by_sentinel() const noexcept { return !master.empty(); }

  /// On failure: invalid, too_large; the detail never repeats the password.
  [[nodiscard]] static result<endpoint> parse(std::string_view url);
  /// The URL without its secrets: for logs.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

}  // namespace stagedoor::redis
