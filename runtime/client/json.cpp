// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/json.hpp"

#include <fmt/format.h>

namespace stagedoor::client {

namespace {

constexpr int max_depth = 64;

}  // namespace

result<json> parse_json(std::string_view text, std::string_view what) {
  bool too_deep = false;
  const auto watch_depth = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > max_depth;
    return !too_deep;
  };
  auto value = json::parse(text, watch_depth, /*allow_exceptions=*/false);
  if (too_deep)
    return fault{fault_kind::too_large, fault_side::upstream, retryable::no,
                 fmt::format("{}: JSON nested deeper than {}", what, max_depth)};
  if (value.is_discarded())
    return fault{fault_kind::malformed, fault_side::upstream, retryable::no,
                 fmt::format("{}: not JSON", what)};
  return value;
}

const json* member(const json* from, const char* key) noexcept {
  if (from == nullptr || !from->is_object()) return nullptr;
  const auto at = from->find(key);
  return at == from->end() ? nullptr : &*at;
}

std::string text_of(const json* from, const char* key) {
  const auto* value = member(from, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<std::int64_t> number_of(const json* from, const char* key) noexcept {
  const auto* value = member(from, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return value->get<std::int64_t>();
}

std::vector<std::string> texts_of(const json* from, const char* key) {
  std::vector<std::string> texts;
  const auto* list = member(from, key);
  if (list == nullptr || !list->is_array()) return texts;
  for (const auto& item : *list)
    if (item.is_string()) texts.push_back(item.get<std::string>());
  return texts;
}

}  // namespace stagedoor::client
