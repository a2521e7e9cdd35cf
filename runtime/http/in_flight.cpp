// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/in_flight.hpp"

#include "runtime/http/middleware_state.hpp"

#include <algorithm>

namespace stagedoor::http {
namespace {

/// Elements of an unordered_map stay where they are, so a request can point to its own.
using count_entry = decltype(in_flight_counts::by_source)::value_type;

}  // namespace

verdict in_flight::on_request(exchange& x) const {
  auto& counts = x.state->in_flight(name()).by_source;
  const auto entry = counts.emplace(source_of(x, options_.source), 0).first;
  if (entry->second >= options_.amount) {
    if (entry->second == 0) counts.erase(entry);
    x.answer.status = 429;
    x.answer.body = "Too Many Requests";
    return verdict::respond;
  }
  ++entry->second;
  x.notes.in_flight.push_back({this, &*entry});
  return verdict::proceed;
}

void in_flight::on_end(exchange& x) const noexcept {
  auto& held = x.notes.in_flight;
  const auto mine = std::find_if(held.begin(), held.end(),
                                 [this](const exchange_notes::counted& c) { return c.by == this; });
  if (mine == held.end()) return;
  auto* const entry = static_cast<count_entry*>(mine->entry);
  held.erase(mine);
  if (--entry->second > 0) return;
  auto& counts = x.state->in_flight(name()).by_source;
  counts.erase(counts.find(entry->first));
}

}  // namespace stagedoor::http
