// SPDX-License-Identifier: Apache-2.0
// Why a link is down, or never came up.
//
// Membership acts on the difference: a process that is gone may be succeeded at once, a silent one
// only when its lease ends.
#pragma once

#include <cstdint>
#include <string_view>

namespace stagedoor::link {

enum class link_end : std::uint8_t {
  gone,            ///< the peer's host refused the connection: no process listens there
  reset,           ///< ended without a word: the process died, or the connection was cut
  silence,         ///< stands, but nothing came for the silence deadline
  local,           ///< we closed it
  goodbye,         ///< the peer closed it and said so
  protocol_error,  ///< one side broke the rules; the detail says which
  refused,         ///< the peer is known, but one side did not want it
  untrusted,       ///< no TLS: wrong authority, expired, wrong name, or no TLS at all
  timed_out,       ///< no connection, or no handshake, within the deadline
  unreachable,     ///< no route, no buffers, no descriptor
};

[[nodiscard]] constexpr std::string_view to_string(link_end end) noexcept {
  switch (end) {
    case link_end::gone: return "gone";
    case link_end::reset: return "reset";
    case link_end::silence: return "silence";
    case link_end::local: return "local";
    case link_end::goodbye: return "goodbye";
    case link_end::protocol_error: return "protocol error";
    case link_end::refused: return "refused";
    case link_end::untrusted: return "untrusted";
    case link_end::timed_out: return "timed out";
    case link_end::unreachable: return "unreachable";
  }
  return "protocol error";
}

}  // namespace stagedoor::link
