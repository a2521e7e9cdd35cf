// SPDX-License-Identifier: Apache-2.0
#include "configs/dns_zone_name.hpp"

#include "configs/diagnostic.hpp"
#include "configs/values.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

fault wrong(fault_kind kind, std::string detail) {
  return {kind, fault_side::operator_input, retryable::no, std::move(detail)};
}

/// RFC 1035 section 2.3.4: labels of 1 to 63 bytes, 255 in all with their lengths.
bool is_zone_name(std::string_view text) {
  if (text == ".") return true;
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  for (const auto label : ascii::split(text, '.')) {
    if (label.empty() || label.size() > 63) return false;
    const bool printable = std::all_of(label.begin(), label.end(), [](char c) {
      return c > ' ' && c < 0x7f && c != '\\' && c != '"';
    });
    if (!printable) return false;
  }
  return true;
}

/// Zones of `bytes`, cut into units of `unit_bits` (8 for IPv4, 4 for IPv6). A prefix that ends
/// inside a unit is all the zones of that unit's values.
std::vector<std::string> reverse_zones(const std::vector<std::uint8_t>& units, std::uint32_t prefix,
                                       std::uint32_t unit_bits, std::string_view suffix) {
  const auto name = [&](std::size_t whole, std::optional<std::uint32_t> last) {
    std::string zone;
    const auto add = [&](std::uint32_t v) {
      zone += unit_bits == 4 ? fmt::format("{:x}.", v) : fmt::format("{}.", v);
    };
    if (last) add(*last);
    for (std::size_t i = whole; i > 0; --i) add(units[i - 1]);
    return zone + std::string(suffix);
  };
  const std::size_t whole = prefix / unit_bits;
  const std::uint32_t odd = prefix % unit_bits;
  if (odd == 0) return {name(whole, std::nullopt)};
  std::vector<std::string> out;
  const std::uint32_t free_bits = unit_bits - odd;
  const std::uint32_t first = std::uint32_t{units[whole]} >> free_bits << free_bits;
  for (std::uint32_t v = first; v < first + (1U << free_bits); ++v) out.push_back(name(whole, v));
  return out;
}

/// Nothing when the text is no CIDR block at all.
std::optional<std::vector<std::string>> from_cidr(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !is_ip_or_cidr(text)) return std::nullopt;
  const std::string address(text.substr(0, slash));
  const auto prefix = ascii::parse_number<std::uint32_t>(text.substr(slash + 1)).value_or(0);
  std::array<std::uint8_t, 16> bytes{};
  std::vector<std::uint8_t> units;
  if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) {
    units.assign(bytes.begin(), bytes.begin() + 4);
    return reverse_zones(units, prefix, 8, "in-addr.arpa.");
  }
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return std::nullopt;
  for (const auto byte : bytes) {
    units.push_back(static_cast<std::uint8_t>(byte >> 4U));
    units.push_back(byte & 0x0fU);
  }
  return reverse_zones(units, prefix, 4, "ip6.arpa.");
}

}  // namespace

result<std::vector<std::string>> parse_zone(std::string_view text) {
  if (auto reverse = from_cidr(text)) return std::move(*reverse);
  if (!is_zone_name(text))
    return wrong(fault_kind::malformed, "a zone such as example.org or 10.0.0.0/24");
  std::string zone = ascii::to_lower(text);
  if (zone.back() != '.') zone += '.';
  return std::vector{zone};
}

result<zone_address> parse_zone_address(std::string_view text) {
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    const auto name = ascii::to_lower(text.substr(0, scheme));
    constexpr std::array known = {"tls", "quic", "grpc", "https", "https3"};
    if (std::find(known.begin(), known.end(), name) != known.end())
      return wrong(fault_kind::unsupported,
                   fmt::format("{}:// is not implemented, only dns://", name));
    if (name != "dns") return wrong(fault_kind::malformed, "a zone, or dns:// and a zone");
    text.remove_prefix(scheme + 3);
  }
  zone_address out;
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    const auto digits = text.substr(colon + 1);
    if (digits.empty()) return wrong(fault_kind::malformed, "a port after the colon");
    if (std::all_of(digits.begin(), digits.end(), ascii::is_digit)) {
      out.port = ascii::parse_number<std::uint16_t>(digits);
      if (!out.port) return wrong(fault_kind::malformed, "a port from 0 to 65535");
      text = text.substr(0, colon);
    }
  }
  if (text.empty()) text = ".";
  auto zones = parse_zone(text);
  if (!zones) return zones.error();
  out.zones = std::move(*zones);
  return out;
}

}  // namespace stagedoor::configs
