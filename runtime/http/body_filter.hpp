// SPDX-License-Identifier: Apache-2.0
// Rewrites a response body as it streams by, e.g. compresses it.
//
// The caller hands in what it has and where the result may go; the filter never buffers beyond its
// own window, so a slow client holds back the upstream as it does without a filter.
// Owner: an exchange. Runs on: its loop. Bounded by: the window of the encoder.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace stagedoor::http {

enum class filter_mode : std::uint8_t {
  more,    ///< further input follows
  flush,   ///< everything so far must come out: the upstream has paused
  finish,  ///< this was the last input
};

class body_filter {
 public:
  struct progress {
    std::size_t consumed = 0;  ///< of the input
    std::size_t produced = 0;  ///< bytes written to the output
    bool done = false;         ///< nothing is left to come out for this input and mode
    bool failed = false;       ///< the encoder gave up; the body cannot be completed
  };

  virtual ~body_filter() = default;

  /// Call again with the rest of the input and the same mode until done. |out| is not empty.
  [[nodiscard]] virtual progress transform(std::string_view in, std::span<char> out,
                                           filter_mode mode) = 0;
};

}  // namespace stagedoor::http
