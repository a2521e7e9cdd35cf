// SPDX-License-Identifier: Apache-2.0
// Watches the actor protocol (BASP, CAF 0.17) pass and stops a header that promises too much.
//
// The protocol's receiver makes room for whatever a header's length field says, up to 4 GiB, before
// anything else is known. Bytes are passed on only after each header among them was looked at; they
// are not kept. A header has 32 bytes in network order: operation, two of padding, flags, 4 bytes
// payload length, 8 bytes operation data, 8 bytes source and 8 bytes destination actor; the payload
// follows.
// Owner: a link, one for each direction. Runs on: its loop. Bounded by: one header.
#pragma once

#include "runtime/base/result.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace stagedoor::link {

class basp_scanner {
 public:
  static constexpr std::size_t header_bytes = 32;

  explicit basp_scanner(std::uint32_t payload_limit) noexcept : payload_limit_(payload_limit) {}

  /// On failure: too_large, malformed (no such operation); nothing more may be fed then.
  [[nodiscard]] result<void> scan(std::string_view bytes);
  /// Messages whose header has been seen.
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
  void restart() noexcept { held_ = payload_left_ = 0; }

 private:
  [[nodiscard]] result<void> check_header();

  const std::uint32_t payload_limit_;
  std::array<char, header_bytes> header_{};
  std::size_t held_ = 0;          ///< bytes of header_
  std::size_t payload_left_ = 0;  ///< of the message whose header was last
  std::uint64_t messages_ = 0;
};

}  // namespace stagedoor::link
