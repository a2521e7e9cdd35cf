// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/member_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <random>

namespace stagedoor::cluster {
namespace {

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= longest_member_word &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

template <class Number>
bool parse_number(std::string_view text, Number& out, int base = 10) {
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out, base);
  return error == std::errc() && stop == end && !text.empty();
}

fault malformed(std::string detail) {
  return {fault_kind::malformed, fault_side::store, retryable::no, std::move(detail)};
}

std::string_view next_word(std::string_view& rest, char separator = ' ') {
  const auto at = std::min(rest.find(separator), rest.size());
  const auto word = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return word;
}

}  // namespace

incarnation random_incarnation() {
  std::random_device source;
  const auto word = [&] { return (std::uint64_t{source()} << 32U) | source(); };
  return {word(), word()};
}

std::string to_hex(const incarnation& run) {
  return fmt::format("{:016x}{:016x}", run.high, run.low);
}

std::optional<incarnation> parse_incarnation(std::string_view hex) noexcept {
  incarnation out;
  const auto lower = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (hex.size() != 32 || !std::all_of(hex.begin(), hex.end(), lower) ||
      !parse_number(hex.substr(0, 16), out.high, 16) || !parse_number(hex.substr(16), out.low, 16))
    return std::nullopt;
  return out;
}

result<std::string> encode_member(const member& m) {
  for (const std::string* word : {&m.who.node, &m.address, &m.build, &m.process})
    if (!is_word(*word))
      return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                   fmt::format("expected 1 to {} characters without spaces, got \"{}\"",
                               longest_member_word, *word)};
  return fmt::format("{} {} {} {} {} {} {} {}", to_hex(m.who.run), m.address, m.protocol_min,
                     m.protocol_max, m.build, m.capacity, m.draining ? "draining" : "active",
                     m.process);
}

result<member> parse_member(std::string_view name, std::string_view record) {
  std::array<std::string_view, 8> words;
  auto rest = record;
  for (auto& word : words) word = next_word(rest);
  member m;
  const auto run = parse_incarnation(words[0]);
  const bool draining = words[6] == "draining";
  if (!is_word(name) || !run || !is_word(words[1]) || !parse_number(words[2], m.protocol_min) ||
      !parse_number(words[3], m.protocol_max) || !is_word(words[4]) ||
      !parse_number(words[5], m.capacity) || (!draining && words[6] != "active") ||
      !is_word(words[7]))
    return malformed("not the record of a member");
  m.who = {std::string(name), *run};
  m.address = words[1];
  m.build = words[4];
  m.draining = draining;
  m.process = words[7];
  return m;
}

// -- hints -------------------------------------------------------------------------------------------

std::string hint_channel() { return "stagedoor:hints"; }
std::string hint_channel(std::string_view node) { return fmt::format("stagedoor:hints:{}", node); }

std::string to_text(const owned_key& key) {
  return fmt::format("{} {} {}", key.slot, key.kind, key.id);
}

result<hint> parse_hint(std::string_view text) {
  constexpr std::array<std::string_view, 3> names{"members", "released", "wanted"};
  auto rest = text;
  const auto found = std::find(names.begin(), names.end(), next_word(rest, '\n'));
  if (found == names.end()) return malformed("not a hint");
  hint out{static_cast<hint::about>(found - names.begin()), {}};
  while (!rest.empty()) {
    auto line = next_word(rest, '\n');
    owned_key key;
    if (!parse_number(next_word(line), key.slot)) return malformed("a hint without a slot");
    key.kind = next_word(line);
    key.id = line;
    if (key.kind.empty() || key.id.empty()) return malformed("a hint without kind and id");
    out.keys.push_back(std::move(key));
  }
  return out;
}

}  // namespace stagedoor::cluster
