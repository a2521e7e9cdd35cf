// SPDX-License-Identifier: Apache-2.0
// Traefik's inFlightReq: so many requests of one source at a time, 429 beyond.
//
// Owner: a site. Runs on: the loop of the connection; each loop counts for itself.
// Bounded by: the requests under way.
#pragma once

#include "runtime/http/middleware.hpp"
#include "runtime/http/source.hpp"

#include <cstdint>

namespace stagedoor::http {

struct in_flight_options {
  std::int64_t amount = 0;  ///< at once
  source_criterion source{source_criterion::kind::host, {}, {}};
};

class in_flight final : public middleware {
 public:
  in_flight(std::string qualified_name, in_flight_options options)
      : middleware(std::move(qualified_name)), options_(std::move(options)) {}
  [[nodiscard]] verdict on_request(exchange& x) const override;
  void on_end(exchange& x) const noexcept override;

 private:
  in_flight_options options_;
};

}  // namespace stagedoor::http
