// SPDX-License-Identifier: Apache-2.0
// The zones that a Corefile names: `example.org:1053`, `dns://.`, `10.0.0.0/24`.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

struct zone_address {
  std::vector<std::string>
      zones;  ///< lower case, with the final dot; several for an odd prefix length
  std::optional<std::uint16_t> port;
};

/// `[dns://]zone[:port]`. A CIDR block gives its reverse zones. Other transports are unsupported.
[[nodiscard]] result<zone_address> parse_zone_address(std::string_view text);

/// The same without a transport or port.
[[nodiscard]] result<std::vector<std::string>> parse_zone(std::string_view text);

}  // namespace stagedoor::configs
