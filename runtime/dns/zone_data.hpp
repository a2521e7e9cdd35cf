// SPDX-License-Identifier: Apache-2.0
// Records as values: what a zone file parses into, and what is added to or removed from a zone at
// run time.
#pragma once

#include "runtime/dns/name.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::dns {

struct record {
  wire_name owner;         ///< case as written; compared without it
  std::uint16_t type = 0;  ///< class is always IN
  std::uint32_t ttl = 0;   ///< seconds
  std::string rdata;       ///< wire form, names uncompressed

  friend bool operator==(const record&, const record&) = default;
};

struct zone_data {
  wire_name apex;  ///< lower-cased
  std::vector<record> records;
};

/// Which records to remove: a name, of it one type, of that one value.
struct record_match {
  wire_name owner;
  std::optional<std::uint16_t> type;  ///< nothing = all types
  std::optional<std::string> rdata;   ///< nothing = all values
};

/// Equal as records are (RFC 2181 section 5): names in the RDATA compare without case.
[[nodiscard]] bool same_rdata(std::uint16_t type, std::string_view a, std::string_view b) noexcept;

/// |a| is before |b| on the circle of serial numbers (RFC 1982); false when neither is.
[[nodiscard]] constexpr bool serial_before(std::uint32_t a, std::uint32_t b) noexcept {
  return a != b && b - a < 0x80000000U;
}

}  // namespace stagedoor::dns
