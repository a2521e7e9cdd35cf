// SPDX-License-Identifier: Apache-2.0
// Traefik's compress: gzip, brotli or zstd, as the client likes best.
//
// Left as they are: answers to HEAD, ranges, answers that are encoded already, that say
// no-transform (RFC 9111 section 5.2.2.6), or that are small. Streams are flushed whenever the
// upstream pauses, so nobody waits for the encoder.
// Owner: a site. Runs on: the loop of the connection. Bounded by: the loop's encoder_pool.
// On failure: without an encoder the response is sent as it is.
#pragma once

#include "runtime/http/middleware.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

struct compress_options {
  std::vector<coding> encodings{coding::gzip, coding::brotli, coding::zstd};  ///< by preference
  std::optional<coding> default_encoding;  ///< for clients that send no Accept-Encoding, and "*"
  std::uint64_t min_response_body_bytes = 1024;
  std::vector<std::string> excluded_types;  ///< "text/event-stream"; of request or response
  std::vector<std::string> included_types;  ///< not empty: only these
};

class compress final : public middleware {
 public:
  compress(std::string qualified_name, compress_options options);

  [[nodiscard]] verdict on_request(exchange& x) const override;
  void on_response(exchange& x, const response_facts& response) const override;

 private:
  [[nodiscard]] bool is_excluded(std::string_view content_type) const noexcept;
  [[nodiscard]] bool is_worth_it(const exchange& x, const response_facts& response) const noexcept;

  compress_options options_;  ///< types in lower case, without parameters
};

}  // namespace stagedoor::http
