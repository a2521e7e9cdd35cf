// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/address.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <fmt/format.h>

namespace stagedoor::net {
namespace {

fault bad(std::string_view text, std::string_view expected) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no,
          fmt::format("expected {}, got \"{}\"", expected, text)};
}

}  // namespace

address::address(const sockaddr* sa, socklen_t length) noexcept {
  std::memcpy(&storage_, sa, std::min<std::size_t>(length, sizeof storage_));
}

result<address> address::parse_ip(std::string_view ip, std::uint16_t port) {
  if (ip.find('\0') != std::string_view::npos) return bad(ip, "an IP address");
  const std::string text(ip);  // inet_pton wants a terminator, and stops at the first
  address made;
  if (::inet_pton(AF_INET, text.c_str(), &made.storage_.in4.sin_addr) == 1) {
    made.storage_.in4.sin_family = AF_INET;
  } else if (::inet_pton(AF_INET6, text.c_str(), &made.storage_.in6.sin6_addr) == 1) {
    made.storage_.in6.sin6_family = AF_INET6;
  } else {
    return bad(ip, "an IP address");
  }
  made.set_port(port);
  return made;
}

result<address> address::parse(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return bad(text, "[IPv6]:port");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty()) {
      if (port.front() != ':') return bad(text, "[IPv6]:port");
      port.remove_prefix(1);
      if (port.empty()) return bad(text, "a port from 0 to 65535 after the colon");
    }
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    if (text.find(':') == colon) {
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
      if (port.empty()) return bad(text, "a port from 0 to 65535 after the colon");
    }
  } else if (ascii::parse_number<std::uint16_t>(text)) {
    host = {};
    port = text;
  }
  std::uint16_t number = default_port;
  if (!port.empty()) {
    const auto parsed = ascii::parse_number<std::uint16_t>(port);
    if (!parsed) return bad(text, "a port from 0 to 65535 after the colon");
    number = *parsed;
  }
  if (host.empty()) host = "::";
  auto made = parse_ip(host, number);
  if (!made) return bad(text, "an address such as 127.0.0.1:80, [::1]:80 or :80");
  return made;
}

socklen_t address::size() const noexcept {
  return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::uint16_t address::port() const noexcept { return ntohs(storage_.in4.sin_port); }

void address::set_port(std::uint16_t port) noexcept { storage_.in4.sin_port = htons(port); }

std::string address::ip() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET6) {
    const auto& raw = storage_.in6.sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&raw))
      ::inet_ntop(AF_INET, raw.s6_addr + 12, text, sizeof text);
    else
      ::inet_ntop(AF_INET6, &raw, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET, &storage_.in4.sin_addr, text, sizeof text);
  }
  return text;
}

std::string address::to_string() const {
  const std::string host = ip();
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port())
                                             : fmt::format("[{}]:{}", host, port());
}

bool operator==(const address& a, const address& b) noexcept {
  if (a.family() != b.family() || a.port() != b.port()) return false;
  if (a.family() == AF_INET6)
    return std::memcmp(&a.storage_.in6.sin6_addr, &b.storage_.in6.sin6_addr, sizeof(in6_addr)) == 0;
  return a.storage_.in4.sin_addr.s_addr == b.storage_.in4.sin_addr.s_addr;
}

}  // namespace stagedoor::net
