// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/middleware_state.hpp"

namespace stagedoor::http {

in_flight_counts& middleware_state::in_flight(std::string_view middleware) {
  const auto found = in_flight_.find(middleware);
  if (found != in_flight_.end()) return found->second;
  return in_flight_.emplace(middleware, in_flight_counts{}).first->second;
}

void middleware_state::sweep(mono_time now) {
  constexpr auto all = static_cast<std::size_t>(-1);
  limiters_.drop_idle(all, [now](std::unique_ptr<rate_buckets>& limiter) {
    limiter->by_source.drop_idle(
        all, [&](const token_bucket& b) { return b.is_full(limiter->limits, now); });
    return limiter->by_source.size() == 0;
  });
  std::erase_if(in_flight_, [](const auto& item) { return item.second.by_source.empty(); });
}

}  // namespace stagedoor::http
