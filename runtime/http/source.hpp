// SPDX-License-Identifier: Apache-2.0
// Whose request it is, for limits and allow lists: an address, a field's value, or the host.
//
// X-Forwarded-For counts only when it came from a trusted peer; anyone else would choose the
// bucket by writing it.
// Runs on: the loop of the connection. Bounded by: max_source_bytes; a longer value is cut and told
// apart by a hash.
#pragma once

#include "runtime/http/ip_range.hpp"
#include "runtime/http/middleware.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

inline constexpr std::size_t max_source_bytes = 128;

/// Traefik's ipStrategy.
struct ip_strategy {
  unsigned depth = 0;              ///< the n-th address of X-Forwarded-For from the right; 0 = peer
  std::vector<ip_range> excluded;  ///< with depth 0: the first from the right outside of these
  unsigned ipv6_subnet = 0;        ///< IPv6 addresses count by this prefix length; 0 = all 128 bits
};

struct source_criterion {
  enum class kind : std::uint8_t { ip, header, host };
  kind by = kind::ip;
  ip_strategy ip;
  std::string header;  ///< with kind::header
};

/// The address as text; empty when X-Forwarded-For is shorter than the depth.
[[nodiscard]] std::string_view source_ip(exchange& x, const ip_strategy& strategy);
[[nodiscard]] std::string_view source_of(exchange& x, const source_criterion& criterion);

}  // namespace stagedoor::http
