// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/rate_limit.hpp"

#include "runtime/http/go_duration.hpp"
#include "runtime/http/middleware_state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::http {
namespace {

bucket_limits limits_of(const rate_limit_options& o) {
  bucket_limits l;
  l.rate = static_cast<double>(o.average) / std::chrono::duration<double>(o.period).count();
  l.burst = static_cast<double>(std::max<std::int64_t>(1, o.burst));
  if (l.rate < 1) {
    l.longest_wait = std::chrono::milliseconds(500);
  } else {
    // Half the time that a token takes at the whole part of the rate.
    l.longest_wait =
        std::chrono::nanoseconds(std::chrono::seconds(1)) / (2 * static_cast<std::int64_t>(l.rate));
  }
  return l;
}

}  // namespace

rate_limit::rate_limit(std::string qualified_name, rate_limit_options options)
    : middleware(std::move(qualified_name)),
      source_(std::move(options.source)),
      limits_(limits_of(options)),
      unlimited_(options.average <= 0) {}

verdict rate_limit::on_request(exchange& x) const {
  if (unlimited_) return verdict::proceed;
  rate_buckets& buckets = x.state->buckets(name());
  buckets.limits = limits_;
  // Two full ones go for each request, so the table shrinks as fast as it can grow.
  buckets.by_source.drop_idle(2, [&](const token_bucket& b) { return b.is_full(limits_, x.now); });
  token_bucket& bucket = buckets.by_source.use(source_of(x, source_), limits_, x.now);
  const auto reserved = bucket.take(limits_, x.now);
  if (!reserved.granted) return refuse(x, reserved.wait);
  if (reserved.wait.count() == 0) return verdict::proceed;
  x.hold_until = x.now + reserved.wait;
  return verdict::hold;
}

verdict rate_limit::refuse(exchange& x, std::chrono::nanoseconds wait) const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  x.answer.status = 429;
  x.answer.fields.push_back({"Retry-After", x.memory.copy(fmt::format("{}", seconds))});
  x.answer.fields.push_back({"X-Retry-In", x.memory.copy(go_duration(wait))});
  x.answer.body = "Too Many Requests";
  return verdict::respond;
}

}  // namespace stagedoor::http
