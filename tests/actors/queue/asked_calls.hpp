// SPDX-License-Identifier: Apache-2.0
// What a state asked of Redis and was not answered yet, and the answers a test gives.
#pragma once

#include "actors/queue/redis_call.hpp"
#include "runtime/base/result.hpp"
#include "runtime/redis/reply.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::test {

struct asked_calls {
  std::vector<actors::ask_redis> all;

  void add(std::vector<actors::ask_redis> effects) {
    for (auto& e : effects) all.push_back(std::move(e));
  }
  /// The oldest call of |script| (null = a command), which then counts as answered.
  std::optional<actors::ask_redis> next(const redis::script* script) {
    const auto it = std::find_if(all.begin(), all.end(),
                                 [&](const auto& asked) { return asked.call.script == script; });
    if (it == all.end()) return std::nullopt;
    auto found = std::move(*it);
    all.erase(it);
    return found;
  }
};

inline fault down() { return {fault_kind::unreachable, fault_side::store, retryable::yes, "down"}; }
inline redis::reply number(std::int64_t n) {
  return {.kind = redis::reply::type::integer, .integer = n, .text = {}, .items = {}};
}
inline redis::reply text(const std::string& t) {
  return {.kind = redis::reply::type::string, .integer = 0, .text = t, .items = {}};
}
inline redis::reply members(const std::vector<std::string>& names) {
  redis::reply r{.kind = redis::reply::type::array, .integer = 0, .text = {}, .items = {}};
  for (const auto& name : names) r.items.push_back(text(name));
  return r;
}
inline redis::reply numbers(std::int64_t first, std::int64_t second) {
  return {.kind = redis::reply::type::array,
          .integer = 0,
          .text = {},
          .items = {number(first), number(second)}};
}

}  // namespace stagedoor::test
