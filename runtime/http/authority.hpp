// SPDX-License-Identifier: Apache-2.0
// Host and port of an authority.
#pragma once

#include <string_view>

namespace stagedoor::http {

struct authority_parts {
  std::string_view host;  ///< with the brackets of an IPv6 address
  std::string_view port;  ///< empty = none
};

[[nodiscard]] constexpr authority_parts split_authority(std::string_view authority) noexcept {
  const auto colon = authority.rfind(':');
  const auto bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
    return {authority, {}};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

}  // namespace stagedoor::http
