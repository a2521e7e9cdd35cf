// SPDX-License-Identifier: Apache-2.0
// Moves one message, its head first, from one stream to another and re-frames its body on the way.
//
// Back pressure is all there is to flow control: what cannot be sent stays where it was received,
// and nothing is received while something is there. So each direction of an exchange holds one
// block, however large the body and however slow the reader.
//
// Owner: a transaction, one a direction. Runs on: its loop. Bounded by: one block of the source and
// what one call could not send of it. On failure: a relay_state that says which side and how.
#pragma once

#include "runtime/http/body.hpp"
#include "runtime/http/body_filter.hpp"
#include "runtime/http/buffer.hpp"
#include "runtime/http/transport.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace stagedoor::http {

enum class relay_state : std::uint8_t {
  starved,        ///< waits for the source
  full,           ///< waits for the sink
  yielded,        ///< has moved its share of this turn and wants to go on in the next
  complete,       ///< everything is sent
  cut_off,        ///< the source closed in the middle of the body
  source_failed,  ///< reading failed
  sink_failed,    ///< writing failed
  malformed,      ///< the body does not follow its framing
  filter_failed,  ///< the body filter gave up
};

class body_relay {
 public:
  struct end {
    transport& io;
    buffer& bytes;  ///< source: received, not used; sink: composed, not sent
  };

  /// |filter| may be null; it must outlive the relay.
  void start(body_framing in, std::uint64_t length, body_framing out,
             body_filter* filter = nullptr);

  /// Goes on as far as both ends allow. |head| is sent before anything else, together with as much
  /// of the body as is there; it is passed once, and need not live longer than the call.
  [[nodiscard]] relay_state run(end source, end sink, std::string_view head = {});

  /// The whole body came in; some of it may still wait to be sent.
  [[nodiscard]] bool received_all() const noexcept { return decoder_.done(); }
  [[nodiscard]] std::uint64_t received() const noexcept { return decoder_.received(); }
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }  ///< bytes, heads included

 private:
  static constexpr unsigned reads_a_turn = 16;
  static constexpr std::size_t max_parts = 16;

  /// What goes out in one call.
  struct parts {
    std::array<iovec, max_parts> list;
    std::size_t count = 0;
    std::size_t bytes = 0;
    void add(std::string_view part) noexcept;
    [[nodiscard]] bool room(std::size_t n) const noexcept { return count + n <= max_parts; }
  };

  [[nodiscard]] bool passes_through() const noexcept {
    return filter_ == nullptr && in_ != body_framing::chunked && out_ != body_framing::chunked;
  }
  /// Each step takes from the source and sends; false: the state to return is in outcome_.
  bool flush(end& sink);
  bool step_through(end& source, end& sink, std::string_view head);
  bool step_framed(end& source, end& sink, std::string_view head);
  bool step_filtered(end& source, end& sink, std::string_view head);
  bool send(end& sink, parts& out);
  bool refill(end& source);
  std::string_view chunk_line(std::size_t size) noexcept;

  body_decoder decoder_;
  body_framing in_ = body_framing::none;
  body_framing out_ = body_framing::none;
  body_filter* filter_ = nullptr;
  bool finished_ = true;  ///< the last byte is sent or in the sink's buffer
  bool large_ = false;    ///< the source fills small blocks
  relay_state outcome_ = relay_state::complete;
  std::uint64_t sent_ = 0;
  std::array<char, 20> chunk_line_{};
  std::string tail_;  ///< last chunk with trailers
};

}  // namespace stagedoor::http
