// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/name.hpp"

#include "runtime/base/ascii.hpp"

#include <cstring>
#include <fmt/format.h>

namespace stagedoor::dns {
namespace {

fault bad_name(fault_kind kind, std::string_view text, std::string_view why) {
  return {kind, fault_side::operator_input, retryable::no, fmt::format("name '{}': {}", text, why)};
}

// One character of presentation form at |at|, escapes resolved; nothing when the escape is broken.
std::optional<unsigned char> take_escaped(std::string_view text, std::size_t& at) {
  if (at >= text.size()) return std::nullopt;
  if (!ascii::is_digit(text[at])) return static_cast<unsigned char>(text[at++]);
  const auto value = ascii::parse_number<unsigned>(text.substr(at, 3));
  if (text.size() - at < 3 || !value || *value > 255) return std::nullopt;
  at += 3;
  return static_cast<unsigned char>(*value);
}

}  // namespace

std::size_t name_length(std::span<const std::uint8_t> bytes) noexcept {
  std::size_t at = 0;
  while (at < bytes.size() && at < max_name_bytes) {
    const std::size_t label = bytes[at];
    if (label > max_label_bytes) return 0;
    at += 1 + label;
    if (label == 0) return at;
  }
  return 0;
}

result<wire_name> parse_name(std::string_view text, std::string_view origin) {
  if (text.empty()) return bad_name(fault_kind::malformed, text, "is empty");
  if (text == ".") return root_name();
  if (text == "@") {
    if (origin.empty()) return bad_name(fault_kind::malformed, text, "no origin is known");
    return wire_name(origin);
  }
  wire_name wire;
  wire.reserve(text.size() + origin.size() + 2);
  std::size_t length_at = 0;
  wire.push_back('\0');
  bool absolute = false;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '.') {
      if (wire.size() - length_at == 1)
        return bad_name(fault_kind::malformed, text, "has an empty label");
      ++i;
      absolute = i == text.size();
      length_at = wire.size();
      wire.push_back('\0');
      continue;
    }
    auto c = static_cast<unsigned char>(text[i++]);
    if (c == '\\') {
      const auto escaped = take_escaped(text, i);
      if (!escaped) return bad_name(fault_kind::malformed, text, "has a broken escape");
      c = *escaped;
    }
    wire.push_back(static_cast<char>(c));
    const std::size_t label = wire.size() - length_at - 1;
    if (label > max_label_bytes)
      return bad_name(fault_kind::too_large, text, "has a label over 63 bytes");
    wire[length_at] = static_cast<char>(label);
  }
  if (!absolute) {
    if (origin.empty())
      return bad_name(fault_kind::malformed, text, "is relative, and no origin is known");
    wire.append(origin);
  }
  if (wire.size() > max_name_bytes)
    return bad_name(fault_kind::too_large, text, "is over 255 bytes");
  return wire;
}

std::string name_text(std::string_view wire) {
  if (wire.size() <= 1) return ".";
  std::string out;
  out.reserve(wire.size() + 4);
  for (std::size_t at = 0; at < wire.size() && wire[at] != 0;) {
    const std::size_t end = at + 1U + static_cast<unsigned char>(wire[at]);
    for (++at; at < end && at < wire.size(); ++at) {
      const auto c = static_cast<unsigned char>(wire[at]);
      if (c <= ' ' || c >= 0x7f) {
        out += fmt::format("\\{:03}", c);
      } else {
        if (std::strchr(".\\\"();@$", c) != nullptr) out.push_back('\\');
        out.push_back(static_cast<char>(c));
      }
    }
    out.push_back('.');
  }
  return out;
}

void lower_case(std::span<char> wire) noexcept {
  // Length bytes are at most 63, below 'A': lowering every byte leaves them as they are.
  for (char& c : wire) c = ascii::lower(c);
}

wire_name lower_cased(std::string_view wire) {
  wire_name out(wire);
  lower_case(out);
  return out;
}

std::size_t label_count(std::string_view wire) noexcept {
  std::size_t n = 0;
  for (std::size_t at = 0; at < wire.size() && wire[at] != 0; ++n)
    at += 1U + static_cast<unsigned char>(wire[at]);
  return n;
}

std::string_view parent_of(std::string_view wire) noexcept {
  return wire.substr(1U + static_cast<unsigned char>(wire[0]));
}

bool is_at_or_below(std::string_view name, std::string_view ancestor) noexcept {
  if (!name.ends_with(ancestor)) return false;
  // The common bytes must start at a label, not in the middle of one.
  const std::size_t from = name.size() - ancestor.size();
  std::size_t at = 0;
  while (at < from) at += 1U + static_cast<unsigned char>(name[at]);
  return at == from;
}

bool same_name(std::string_view a, std::string_view b) noexcept { return ascii::iequals(a, b); }

bool query_name::assign(std::span<const std::uint8_t> wire) noexcept {
  if (wire.empty() || wire.size() > max_name_bytes) return false;
  std::size_t at = 0;
  std::size_t n = 0;
  for (;;) {
    const std::size_t label = wire[at];
    offsets_[n] = static_cast<std::uint8_t>(at);
    if (label == 0) break;
    if (label > max_label_bytes || at + 1 + label >= wire.size()) return false;
    at += 1 + label;
    ++n;
  }
  if (at + 1 != wire.size()) return false;
  for (std::size_t i = 0; i < wire.size(); ++i) {
    const std::uint8_t c = wire[i];
    const bool upper = static_cast<std::uint8_t>(c - 'A') < 26;
    bytes_[i] = static_cast<char>(c | (upper ? 0x20 : 0));
  }
  size_ = static_cast<std::uint8_t>(wire.size());
  labels_ = static_cast<std::uint8_t>(n);
  return true;
}

std::string_view query_name::key(std::size_t n, std::uint32_t id) noexcept {
  std::memcpy(bytes_.data() + size_, &id, id_bytes);
  return {bytes_.data() + offset(n), size_ - offset(n) + id_bytes};
}

std::string_view query_name::wildcard_key(std::size_t n, std::uint32_t id,
                                          std::array<char, 264>& scratch) const noexcept {
  const auto encloser = suffix(n);
  scratch[0] = 1;
  scratch[1] = '*';
  std::memcpy(scratch.data() + 2, encloser.data(), encloser.size());
  std::memcpy(scratch.data() + 2 + encloser.size(), &id, id_bytes);
  return {scratch.data(), 2 + encloser.size() + id_bytes};
}

std::string name_key(std::string_view lower_wire, std::uint32_t id) {
  std::string key(lower_wire);
  key.append(reinterpret_cast<const char*>(&id), query_name::id_bytes);
  return key;
}

}  // namespace stagedoor::dns
