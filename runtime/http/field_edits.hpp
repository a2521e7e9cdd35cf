// SPDX-License-Identifier: Apache-2.0
// Changes to the fields of a head, gathered by middlewares and applied while the head is written.
//
// Editing a list of fields in place would copy every field of every request. Here the original
// stays where it was received; whoever writes the outgoing head walks it once, leaves out what
// drops() names, and then appends additions().
//
// Owner: an exchange. Runs on: its loop. Bounded by: max_field_edits; a change beyond it is refused
// and overflowed() tells, so that the request is failed instead of half edited.
// Views must outlive the exchange: they point into the site or into the exchange's scratch.
#pragma once

#include "runtime/base/ascii.hpp"
#include "runtime/http/message.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace stagedoor::http {

inline constexpr std::size_t max_field_edits = 512;

class field_edits {
 public:
  /// No original field of that name is sent, and additions under it so far are taken back.
  void remove(std::string_view name) {
    std::erase_if(additions_, [&](const field& f) { return ascii::iequals(f.name, name); });
    drop(name);
  }
  /// No original field of that name is sent; additions stay.
  void drop(std::string_view name) {
    if (drops(name) || full()) return;
    dropped_.push_back(name);
    sizes_ |= size_bit(name);
  }
  /// The field is sent once, with this value.
  void set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
  }
  /// One more field; what is there stays.
  void add(std::string_view name, std::string_view value) {
    if (!full()) additions_.push_back({name, value});
  }

  /// Whether an original field of that name is left out. Cheap for names that are not: one test
  /// of a bit set of lengths.
  [[nodiscard]] bool drops(std::string_view name) const noexcept {
    if ((sizes_ & size_bit(name)) == 0) return false;
    return std::any_of(dropped_.begin(), dropped_.end(),
                       [&](std::string_view d) { return ascii::iequals(d, name); });
  }
  [[nodiscard]] std::span<const field> additions() const noexcept { return additions_; }
  [[nodiscard]] bool empty() const noexcept { return dropped_.empty() && additions_.empty(); }
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }

  /// The value that will be sent under |name|: the original unless it is dropped, else the added.
  [[nodiscard]] std::optional<std::string_view> find(const field_list& original,
                                                     std::string_view name) const noexcept {
    for (const auto& f : original.all())
      if (ascii::iequals(f.name, name) && !drops(name)) return f.value;
    return find_added(name);
  }
  [[nodiscard]] std::optional<std::string_view> find_added(std::string_view name) const noexcept {
    for (const auto& f : additions_)
      if (ascii::iequals(f.name, name)) return f.value;
    return std::nullopt;
  }

  /// Keeps the memory for the next exchange.
  void clear() noexcept {
    dropped_.clear();
    additions_.clear();
    sizes_ = 0;
    overflowed_ = false;
  }

 private:
  [[nodiscard]] static std::uint64_t size_bit(std::string_view name) noexcept {
    return std::uint64_t{1} << (name.size() & 63U);
  }
  [[nodiscard]] bool full() noexcept {
    if (dropped_.size() + additions_.size() < max_field_edits) return false;
    overflowed_ = true;
    return true;
  }

  std::vector<std::string_view> dropped_;
  std::vector<field> additions_;
  std::uint64_t sizes_ = 0;  ///< bit n: a dropped name has a length of n modulo 64
  bool overflowed_ = false;
};

}  // namespace stagedoor::http
