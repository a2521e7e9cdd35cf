// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/frame.hpp"

#include "runtime/link/wire.hpp"

#include <fmt/format.h>

namespace stagedoor::link {

result<std::optional<frame>> read_frame(std::string_view bytes, std::size_t limit) {
  if (bytes.size() < frame_header_bytes) return std::optional<frame>{};
  const auto length = get<std::uint32_t>(bytes);
  const auto type = static_cast<std::uint8_t>(bytes[4]);
  if (type < static_cast<std::uint8_t>(frame_type::hello) ||
      type > static_cast<std::uint8_t>(frame_type::end))
    return fault{fault_kind::malformed, fault_side::peer, retryable::no,
                 fmt::format("frame of unknown type {}", type)};
  if (length > limit)
    return fault{fault_kind::too_large, fault_side::peer, retryable::no,
                 fmt::format("frame of {} bytes, expected at most {}", length, limit)};
  if (bytes.size() - frame_header_bytes < length) return std::optional<frame>{};
  return std::optional<frame>{
      {static_cast<frame_type>(type), bytes.substr(frame_header_bytes, length)}};
}

void append_frame(std::string& out, frame_type type, std::string_view payload) {
  put(out, static_cast<std::uint32_t>(payload.size()));
  put(out, static_cast<std::uint8_t>(type));
  out.append(payload);
}

void append_stream_frame(std::string& out, frame_type type, std::uint32_t stream,
                         std::string_view payload) {
  put(out, static_cast<std::uint32_t>(sizeof stream + payload.size()));
  put(out, static_cast<std::uint8_t>(type));
  put(out, stream);
  out.append(payload);
}

}  // namespace stagedoor::link
