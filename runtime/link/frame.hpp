// SPDX-License-Identifier: Apache-2.0
// The unit in which nodes talk inside their TLS stream: 4 bytes length of the payload, 1 byte
// type, the payload.
//
//   hello    dialer, then listener: who I am (hello.hpp)
//   ready    dialer: I take you; from here on the link is up
//   refused  1 byte reason, text: I do not take you; the link ends
//   ping     nothing; says only that somebody is there
//   bye      1 byte link_end, text: I close the link
//   open     4 bytes stream: dialer only
//   data     4 bytes stream, bytes
//   credit   4 bytes stream, 4 bytes number: so many more bytes may be sent
//   end      4 bytes stream: no more from me, and nothing more to me
// Runs on: any thread. Bounded by: the limit that read_frame is given.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::link {

enum class frame_type : std::uint8_t {
  hello = 1,
  ready = 2,
  refused = 3,
  ping = 4,
  bye = 5,
  open = 6,
  data = 7,
  credit = 8,
  end = 9,
};

inline constexpr std::size_t frame_header_bytes = 5;

struct frame {
  frame_type type = frame_type::ping;
  std::string_view payload;
  [[nodiscard]] std::size_t size() const noexcept { return frame_header_bytes + payload.size(); }
};

/// The frame at the front of |bytes|; nothing when it is not all there. A length above |limit| is
/// refused by its header alone. On failure: too_large, malformed (no such type).
[[nodiscard]] result<std::optional<frame>> read_frame(std::string_view bytes, std::size_t limit);

void append_frame(std::string& out, frame_type type, std::string_view payload);
/// A frame about |stream|; with what follows its number.
void append_stream_frame(std::string& out, frame_type type, std::uint32_t stream,
                         std::string_view payload = {});

}  // namespace stagedoor::link
