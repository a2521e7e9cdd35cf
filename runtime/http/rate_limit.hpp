// SPDX-License-Identifier: Apache-2.0
// Traefik's rateLimit: a token bucket for each source.
//
// A request that comes a little early is held until its token is there; one that would have to
// wait longer is answered 429 with Retry-After. Buckets belong to the middleware's name, not to
// the routers that use it, live through reloads, and are forgotten only when full: Traefik keeps
// one set a router, and forgets a source after one to two idle seconds, which gives back a full
// burst to whoever pauses. Each loop counts for itself.
//
// Owner: a site. Bounded by: max_sources. On failure: the least recently seen source is forgotten.
#pragma once

#include "runtime/http/middleware.hpp"
#include "runtime/http/source.hpp"
#include "runtime/http/token_bucket.hpp"

#include <chrono>
#include <cstdint>

namespace stagedoor::http {

struct rate_limit_options {
  std::int64_t average = 0;  ///< requests a period; 0 = no limit
  std::chrono::nanoseconds period = std::chrono::seconds(1);
  std::int64_t burst = 1;
  source_criterion source;
};

class rate_limit final : public middleware {
 public:
  /// |options| were checked: average and burst are not negative, period is positive.
  rate_limit(std::string qualified_name, rate_limit_options options);
  [[nodiscard]] verdict on_request(exchange& x) const override;
  [[nodiscard]] const bucket_limits& limits() const noexcept { return limits_; }

 private:
  [[nodiscard]] verdict refuse(exchange& x, std::chrono::nanoseconds wait) const;

  source_criterion source_;
  bucket_limits limits_;
  bool unlimited_;
};

}  // namespace stagedoor::http
