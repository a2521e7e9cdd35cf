// SPDX-License-Identifier: Apache-2.0
// What the middlewares of one loop remember between requests, by qualified name.
//
// A site is replaced with each change of a team; its rate limits must not start afresh with it. So
// they live here, and a new version with the same name finds them.
// Owner: a loop. Runs on: its thread. Bounded by: max_limiters, max_sources for each, max_encoders.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/http/encoder_pool.hpp"
#include "runtime/http/known_passwords.hpp"
#include "runtime/http/recent_map.hpp"
#include "runtime/http/token_bucket.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stagedoor::http {

inline constexpr std::size_t max_limiters = 65'536;  ///< rate limiters with recent requests
inline constexpr std::size_t max_sources = 65'536;   ///< of one rate limiter

class password_checker;

/// The buckets of one rate limiter.
struct rate_buckets {
  rate_buckets() : by_source(max_sources) {}
  recent_map<token_bucket> by_source;
  bucket_limits limits;  ///< as last used, to tell full buckets
};

/// Requests under way of one inFlightReq, by source. Bounded by the connections there are.
struct in_flight_counts {
  std::unordered_map<std::string, std::uint32_t> by_source;
};

class middleware_state {
 public:
  /// |passwords| may be null: then only hashes that cost next to nothing are checked.
  explicit middleware_state(password_checker* passwords = nullptr)
      : limiters_(max_limiters), passwords_(passwords) {}
  middleware_state(const middleware_state&) = delete;
  middleware_state& operator=(const middleware_state&) = delete;

  [[nodiscard]] rate_buckets& buckets(std::string_view middleware) {
    return *limiters_.use(middleware, std::make_unique<rate_buckets>());
  }
  [[nodiscard]] in_flight_counts& in_flight(std::string_view middleware);
  [[nodiscard]] encoder_pool& encoders() noexcept { return encoders_; }
  [[nodiscard]] http::known_passwords& known_passwords() noexcept { return known_passwords_; }
  [[nodiscard]] password_checker* passwords() const noexcept { return passwords_; }

  /// Gives back what full buckets and idle limiters take. The core calls it about once a minute.
  void sweep(mono_time now);

  [[nodiscard]] std::size_t limiter_count() const noexcept { return limiters_.size(); }

 private:
  recent_map<std::unique_ptr<rate_buckets>> limiters_;
  std::map<std::string, in_flight_counts, std::less<>> in_flight_;
  encoder_pool encoders_;
  http::known_passwords known_passwords_;
  password_checker* passwords_;
};

}  // namespace stagedoor::http
