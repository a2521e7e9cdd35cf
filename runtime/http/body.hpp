// SPDX-License-Identifier: Apache-2.0
// Finds the payload inside a message body, whatever way its bytes are cut (RFC 9112 sections 6, 7).
//
// Owner: a body_relay. Runs on: its loop. Bounded by: max_chunk_line, max_extension_bytes,
// max_trailer_bytes. On failure: failed(); the message cannot be continued.
#pragma once

#include "runtime/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stagedoor::http {

inline constexpr std::size_t max_chunk_line = 256;  ///< size and extensions of one chunk
inline constexpr std::size_t max_extension_bytes = 16U << 10U;  ///< of all chunks of one body
inline constexpr std::size_t max_trailer_bytes = 8U << 10U;     ///< of one body

class body_decoder {
 public:
  void start(body_framing framing, std::uint64_t length);

  /// What the front of |in| is: so many bytes of framing, and behind them so many of payload.
  struct piece {
    std::size_t framing = 0;
    std::size_t payload = 0;
  };
  /// The framing counts as consumed; the payload when take() says so. Call it until it returns
  /// neither, done() or failed().
  [[nodiscard]] piece next(std::string_view in);
  /// |n| bytes of the payload that next() found were used.
  void take(std::size_t n) noexcept;
  /// The sender closed. False when the body was cut off.
  [[nodiscard]] bool end_of_input() noexcept;

  [[nodiscard]] bool done() const noexcept { return state_ == state::done; }
  [[nodiscard]] bool failed() const noexcept { return state_ == state::failed; }
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }  ///< payload bytes
  /// After a chunked body: field lines that may be passed on, each with its CRLF.
  [[nodiscard]] std::string_view trailers() const noexcept { return trailers_; }

 private:
  enum class state : std::uint8_t {
    counted,     ///< left_ bytes of payload, then done
    open_ended,  ///< payload until the sender closes
    size_first,  ///< the first digit of a chunk size
    size,
    extension,
    size_feed,     ///< the LF of the size line
    chunk,         ///< left_ bytes of payload
    chunk_return,  ///< the CR behind a chunk
    chunk_feed,
    trailer,  ///< a field line or the empty line
    trailer_feed,
    done,
    failed,
  };

  [[nodiscard]] state after(char c);
  [[nodiscard]] state end_of_size_line() noexcept;
  [[nodiscard]] state end_of_trailer_line();

  state state_ = state::done;
  std::uint64_t left_ = 0;
  std::uint64_t received_ = 0;
  std::size_t line_bytes_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string line_;  ///< of the trailer section
  std::string trailers_;
};

}  // namespace stagedoor::http
