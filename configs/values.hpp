// SPDX-License-Identifier: Apache-2.0
// The small texts that several kinds of file share: durations, switches, lists, names, addresses.
//
// On failure: a fault of kind malformed or too_large whose detail says what was expected, to be
// put behind a location by the caller.
#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

using std::chrono::nanoseconds;

/// Looks a variable of the environment up; tests hand in their own.
using environment = std::function<std::optional<std::string>(std::string_view name)>;
[[nodiscard]] environment process_environment();

/// Go's time.ParseDuration: "1h30m", "1.5s", "-2ms", "0". A bare number other than 0 is refused.
[[nodiscard]] result<nanoseconds> parse_go_duration(std::string_view text);

/// Traefik's durations: a whole number is seconds, anything else is a Go duration.
[[nodiscard]] result<nanoseconds> parse_duration(std::string_view text);

/// Go's strconv.ParseBool: 1 t T TRUE true True, 0 f F FALSE false False.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text) noexcept;

/// "a, b,c" → a b c. Empty text has no parts.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

/// One DNS label: letters, digits, inner hyphens, 1 to 63 bytes. Team slugs are such labels.
[[nodiscard]] bool is_label(std::string_view text) noexcept;

/// Labels joined by dots, at most 253 bytes, one trailing dot allowed. Underscores are allowed, as
/// in `_acme-challenge`.
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;

[[nodiscard]] bool is_ipv4(std::string_view text);
[[nodiscard]] bool is_ipv6(std::string_view text);
[[nodiscard]] bool is_ip(std::string_view text);
/// An address, or an address with a prefix length that its family allows.
[[nodiscard]] bool is_ip_or_cidr(std::string_view text);

/// Where to listen: ":80", "127.0.0.1:80", "[::1]:80", each with an optional "/tcp" or "/udp".
struct listen_address {
  enum class transport : std::uint8_t { tcp, udp };
  std::string host;  ///< an IP or a name without brackets; empty = every interface
  std::uint16_t port = 0;
  transport protocol = transport::tcp;

  friend bool operator==(const listen_address&, const listen_address&) = default;
};

[[nodiscard]] result<listen_address> parse_listen_address(std::string_view text);
[[nodiscard]] std::string to_string(const listen_address& address);

/// The port that an unprivileged node uses in place of `port`: 80 with an offset of 8000 is 8080.
/// Port 0 ("any") stays 0. Fails with too_large above 65535.
[[nodiscard]] result<std::uint16_t> offset_port(std::uint16_t port, std::uint16_t offset);
[[nodiscard]] result<listen_address> with_offset(listen_address address, std::uint16_t offset);

/// redis://user:password@host:6379/0 or rediss:// for TLS. User and password may be %-encoded.
struct redis_url {
  bool tls = false;
  std::string user;      ///< empty = the default user
  std::string password;  ///< empty = no AUTH
  std::string host;
  std::uint16_t port = 0;
  std::uint32_t database = 0;

  friend bool operator==(const redis_url&, const redis_url&) = default;
};

[[nodiscard]] result<redis_url> parse_redis_url(std::string_view text);
/// For logs: the password is replaced.
[[nodiscard]] std::string to_string(const redis_url& url);

/// An absolute path of the original container, found below `root` on this machine; a relative one
/// is looked up there too. ".." never leaves `root`.
[[nodiscard]] std::string rooted(std::string_view root, std::string_view path);

}  // namespace stagedoor::configs
