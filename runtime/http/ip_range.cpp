// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/ip_range.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace stagedoor::http {

namespace {

bool is_mapped(const ip_bytes& ip) noexcept {
  return std::all_of(ip.begin(), ip.begin() + 10, [](std::uint8_t b) { return b == 0; }) &&
         ip[10] == 0xff && ip[11] == 0xff;
}

}  // namespace

ip_bytes to_ip_bytes(const net::address& address) noexcept {
  ip_bytes out{};
  if (address.family() == AF_INET) {
    sockaddr_in in4{};
    std::memcpy(&in4, address.data(), sizeof in4);
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, &in4.sin_addr, 4);
  } else if (address.family() == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, address.data(), sizeof in6);
    std::memcpy(out.data(), &in6.sin6_addr, 16);
  }
  return out;
}

result<ip_range> ip_range::parse(std::string_view text) {
  const fault bad{fault_kind::invalid, fault_side::operator_input, retryable::no,
                  fmt::format("expected an IP address or CIDR block, got '{}'", text)};
  const auto slash = text.find('/');
  const auto address = net::address::parse_ip(text.substr(0, slash), 0);
  if (!address) return bad;
  ip_range out;
  out.base_ = to_ip_bytes(*address);
  if (slash == std::string_view::npos) return out;
  const auto bits = ascii::parse_number<unsigned>(text.substr(slash + 1));
  const unsigned family_bits = address->family() == AF_INET ? 32 : 128;
  if (!bits || *bits > family_bits) return bad;
  out.bits_ = *bits + (128 - family_bits);
  return out;
}

bool ip_range::contains(const ip_bytes& ip) const noexcept {
  if (bits_ < 96 && is_mapped(ip)) return false;  // a wide v6 block says nothing about v4 peers
  const std::size_t whole = bits_ / 8;
  if (!std::equal(ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(whole), base_.begin()))
    return false;
  const unsigned rest = bits_ % 8;
  return rest == 0 || ((ip[whole] ^ base_[whole]) >> (8 - rest)) == 0;
}

bool any_contains(std::span<const ip_range> ranges, const net::address& address) noexcept {
  if (ranges.empty()) return false;
  const ip_bytes ip = to_ip_bytes(address);
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const ip_range& r) { return r.contains(ip); });
}

}  // namespace stagedoor::http
