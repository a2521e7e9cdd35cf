// SPDX-License-Identifier: Apache-2.0
// Encoders for gzip, brotli and zstd, reused: making one costs more than a small response does.
//
// Owner: a loop's middleware_state; filters must not outlive it. Runs on: its loop.
// Bounded by: max_encoders in use (then a response is sent as it is) and max_spare_encoders kept
// of each kind; an encoder takes 0.3 (gzip) to about 2 MiB (zstd, brotli).
#pragma once

#include "runtime/http/body_filter.hpp"
#include "runtime/http/middleware.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace stagedoor::http {

inline constexpr std::size_t max_encoders = 256;      ///< in use at once on one loop
inline constexpr std::size_t max_spare_encoders = 8;  ///< kept of each kind

/// One stream's worth of encoding state.
class encoder : public body_filter {
 public:
  /// Ready for another stream; false when it has to be thrown away.
  [[nodiscard]] virtual bool reset() noexcept = 0;
};

class encoder_pool {
 public:
  encoder_pool() = default;
  encoder_pool(const encoder_pool&) = delete;
  encoder_pool& operator=(const encoder_pool&) = delete;

  /// A filter that gives its encoder back when it goes. Null when the limit is reached or the
  /// library is out of memory.
  [[nodiscard]] std::unique_ptr<body_filter> lease(coding c);

  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

 private:
  class leased;
  void give_back(coding c, std::unique_ptr<encoder> e) noexcept;

  std::array<std::vector<std::unique_ptr<encoder>>, 4> spare_;  ///< by coding
  std::size_t in_use_ = 0;
};

}  // namespace stagedoor::http
