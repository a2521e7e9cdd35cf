// SPDX-License-Identifier: Apache-2.0
// RDATA from its presentation form. The types that zone files are made of are read here; ldns
// reads the rest, unknown types (RFC 3597) included. Cold path only.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/dns/zone_lexer.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stagedoor::dns {

/// Wire form of the RDATA of |type|; relative names end with |origin| (wire form).
/// On failure: malformed or too_large; the detail says what was expected.
[[nodiscard]] result<std::string> parse_rdata(std::uint16_t type,
                                              std::span<const zone_token> tokens,
                                              std::string_view origin);
/// The same from one string: "10 mail.example.org.".
[[nodiscard]] result<std::string> parse_rdata(std::uint16_t type, std::string_view text,
                                              std::string_view origin);

/// Seconds, or units as in "1h30m" (RFC 2308 section 4 leaves them to the programs; BIND's are
/// w d h m s). Over 2^31 - 1 counts as 0 (RFC 2181 section 8).
[[nodiscard]] std::optional<std::uint32_t> parse_ttl(std::string_view text);

}  // namespace stagedoor::dns
