// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/source.hpp"

#include <arpa/inet.h>
#include <array>
#include <fmt/format.h>
#include <functional>

namespace stagedoor::http {
namespace {

constexpr std::string_view forwarded_for = "X-Forwarded-For";

/// All of it in one piece; copies only when it came in several fields.
std::string_view whole_forwarded_for(exchange& x) {
  std::string_view whole;
  if (!x.request.connection->trusted) return whole;
  for (const auto& f : x.request.head->fields.all()) {
    if (!ascii::iequals(f.name, forwarded_for)) continue;
    whole = whole.empty() ? f.value : x.memory.join({whole, ",", f.value});
  }
  return whole;
}

/// Takes the last item off a comma-separated list.
std::string_view pop_last(std::string_view& list) noexcept {
  const auto comma = list.rfind(',');
  const auto item = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
  return ascii::trim(item);
}

bool is_excluded(const std::vector<ip_range>& excluded, std::string_view ip) {
  const auto address = net::address::parse_ip(ip, 0);
  return address && any_contains(excluded, *address);
}

std::string_view mask_ipv6(exchange& x, std::string_view ip, unsigned bits) {
  if (bits == 0 || bits >= 128 || ip.find(':') == std::string_view::npos) return ip;
  const auto address = net::address::parse_ip(ip, 0);
  if (!address || address->family() != AF_INET6) return ip;
  ip_bytes bytes = to_ip_bytes(*address);
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned kept = bits > i * 8 ? std::min(8U, bits - i * 8) : 0;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size()) == nullptr) return ip;
  return x.memory.copy(text.data());
}

std::string_view unmasked_ip(exchange& x, const ip_strategy& strategy) {
  if (strategy.depth == 0 && strategy.excluded.empty()) return x.request.connection->client_ip;
  std::string_view rest = whole_forwarded_for(x);
  if (strategy.depth > 0) {
    std::string_view item;
    for (unsigned i = 0; i < strategy.depth; ++i) {
      if (rest.empty()) return {};
      item = pop_last(rest);
    }
    return item;
  }
  while (!rest.empty())
    if (const auto item = pop_last(rest); !item.empty() && !is_excluded(strategy.excluded, item))
      return item;
  return {};
}

}  // namespace

std::string_view source_ip(exchange& x, const ip_strategy& strategy) {
  return mask_ipv6(x, unmasked_ip(x, strategy), strategy.ipv6_subnet);
}

std::string_view source_of(exchange& x, const source_criterion& criterion) {
  std::string_view source;
  switch (criterion.by) {
    case source_criterion::kind::ip: source = source_ip(x, criterion.ip); break;
    case source_criterion::kind::host: source = x.request.head->authority; break;
    case source_criterion::kind::header:
      source = x.edits.fields.find(x.request.head->fields, criterion.header).value_or("");
      break;
  }
  if (source.size() <= max_source_bytes) return source;
  return x.memory.join({source.substr(0, max_source_bytes - 16),
                        fmt::format("{:016x}", std::hash<std::string_view>{}(source))});
}

}  // namespace stagedoor::http
