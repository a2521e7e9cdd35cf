// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/task.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace stagedoor::actors {
namespace {

using nlohmann::json;

fault wrong(fault_kind kind, std::string detail) {
  return {kind, fault_side::client, retryable::no, std::move(detail)};
}

/// Nesting of a JSON text, found without building anything.
std::size_t depth_of(std::string_view text) noexcept {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

result<json> parse_object(std::string_view raw, const task_limits& limits) {
  if (raw.size() > limits.bytes)
    return wrong(fault_kind::too_large, fmt::format("the task has {} bytes, at most {} are allowed",
                                                    raw.size(), limits.bytes));
  if (depth_of(raw) > limits.depth)
    return wrong(fault_kind::too_large,
                 fmt::format("the task is nested deeper than {} levels", limits.depth));
  std::set<std::string> names;
  std::string repeated;
  const auto note_names = [&](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::key && depth == 1 &&
        !names.insert(value.get<std::string>()).second)
      repeated = value.get<std::string>();
    return true;
  };
  try {
    auto parsed = json::parse(raw.begin(), raw.end(), note_names);
    if (!parsed.is_object()) return wrong(fault_kind::invalid, "the task is JSON, but no object");
    if (!repeated.empty())
      return wrong(fault_kind::invalid, fmt::format("field '{}' is there twice", repeated));
    return parsed;
  } catch (const json::parse_error& e) {
    return wrong(fault_kind::malformed, fmt::format("the task is not JSON (at byte {})", e.byte));
  } catch (const json::exception&) {
    return wrong(fault_kind::malformed, "the task is not JSON: a number is out of range");
  }
}

bool is_safe(char c) noexcept {
  return ascii::is_alpha(c) || ascii::is_digit(c) || c == '.' || c == '_' || c == '-';
}

enum class need : std::uint8_t { required, optional };

/// A string field of letters, digits, '.', '_' and '-'; empty when optional and missing.
result<std::string> safe_text(const json& object, const char* name, std::size_t limit, need n) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    if (n == need::optional) return std::string();
    return wrong(fault_kind::invalid, fmt::format("field '{}' is missing", name));
  }
  if (!found->is_string())
    return wrong(fault_kind::invalid, fmt::format("field '{}' must be a string", name));
  auto text = found->get<std::string>();
  if (text.empty() || text.size() > limit)
    return wrong(fault_kind::invalid,
                 fmt::format("field '{}' must have 1 to {} characters", name, limit));
  if (!std::all_of(text.begin(), text.end(), is_safe))
    return wrong(
        fault_kind::invalid,
        fmt::format("field '{}' may only contain letters, digits, '.', '_' and '-'", name));
  return text;
}

result<void> read_payload(const json& object, task& into) {
  into.payload = "{}";
  const auto found = object.find("payload");
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_object()) return wrong(fault_kind::invalid, "field 'payload' must be an object");
  into.payload = found->dump();
  constexpr std::size_t longest_label = 63;  // RFC 1035 section 2.3.4
  if (const auto slug = found->find("slug");
      slug != found->end() && slug->is_string() &&
      slug->get_ref<const std::string&>().size() <= longest_label)
    into.slug = slug->get<std::string>();
  return {};
}

constexpr std::int64_t latest_time = 4'102'444'800;  // the year 2100, in seconds since 1970

/// "2026-01-01T00:00:00Z", fractions of a second allowed and ignored.
std::optional<wall_time> parse_time(const std::string& text) {
  std::tm t{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &t);
  if (rest == nullptr) return std::nullopt;
  if (*rest == '.') do
      ++rest;
    while (ascii::is_digit(*rest));
  const std::string_view zone(rest, static_cast<std::size_t>(text.c_str() + text.size() - rest));
  if (zone != "Z" && zone != "+00:00") return std::nullopt;
  const auto since_1970 = ::timegm(&t);
  if (since_1970 < 0 || since_1970 > latest_time) return std::nullopt;
  return wall_clock::from_time_t(since_1970);
}

result<void> read_not_before(const json& object, task& into) {
  const auto found = object.find("not_before");
  if (found == object.end() || found->is_null()) return {};
  if (found->is_number()) {
    const auto value = found->get<double>();
    if (value >= 0 && value <= static_cast<double>(latest_time))
      into.not_before = wall_time(
          std::chrono::duration_cast<wall_clock::duration>(std::chrono::duration<double>(value)));
  } else if (found->is_string()) {
    into.not_before = parse_time(found->get<std::string>());
  }
  if (into.not_before) return {};
  return wrong(fault_kind::invalid,
               "field 'not_before' must be seconds since 1970 or a time like 2026-01-01T00:00:00Z, "
               "before 2100");
}

/// Bytes of the UTF-8 sequence at the front of |text|; 0 when there is none (RFC 3629 section 4).
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return byte(i) >= 0x80U && byte(i) <= 0xBFU; };
  const unsigned first = byte(0);
  if (first < 0x80U) return 1;
  if (first >= 0xC2U && first <= 0xDFU) return tail(1) ? 2 : 0;
  if (first >= 0xE0U && first <= 0xEFU) {
    const bool second = first == 0xE0U   ? byte(1) >= 0xA0U && byte(1) <= 0xBFU
                        : first == 0xEDU ? byte(1) >= 0x80U && byte(1) <= 0x9FU
                                         : tail(1);
    return second && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0U && first <= 0xF4U) {
    const bool second = first == 0xF0U   ? byte(1) >= 0x90U && byte(1) <= 0xBFU
                        : first == 0xF4U ? byte(1) >= 0x80U && byte(1) <= 0x8FU
                                         : tail(1);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

result<task> parse_task(std::string_view raw, std::string_view queue, const task_limits& limits) {
  const auto object = parse_object(raw, limits);
  if (!object) return object.error();
  auto id = safe_text(*object, "id", limits.id_bytes, need::required);
  if (!id) return std::move(id).error();
  auto type = safe_text(*object, "type", limits.type_bytes, need::required);
  if (!type) return std::move(type).error();
  auto user = safe_text(*object, "user_id", limits.user_id_bytes, need::optional);
  if (!user) return std::move(user).error();
  task parsed;
  parsed.id = *std::move(id);
  parsed.type = *std::move(type);
  parsed.user_id = *std::move(user);
  if (auto ok = read_payload(*object, parsed); !ok) return std::move(ok).error();
  if (auto ok = read_not_before(*object, parsed); !ok) return std::move(ok).error();
  parsed.raw = raw;
  parsed.queue = queue;
  return parsed;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto length = utf8_length(text);
    if (length == 0)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string dead_letter_prefix(std::string_view raw, std::string_view reason,
                               std::string_view queue) {
  const auto readable = to_valid_utf8(raw);
  json letter{{"raw", readable}, {"reason", to_valid_utf8(reason)}, {"queue", queue}};
  if (readable != raw) letter["raw_base64"] = base64_encode(raw);
  auto text = letter.dump();
  text.pop_back();
  return text + ',';
}

}  // namespace stagedoor::actors
