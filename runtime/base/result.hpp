// SPDX-License-Identifier: Apache-2.0
// A value, or the fault that took its place.
//
// Stands in for std::expected, which C++20 does not have; the names are the same so that it can
// be replaced by an alias one day.
#pragma once

#include "runtime/base/fault.hpp"

#include <cassert>
#include <utility>
#include <variant>

namespace stagedoor {

template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;

  result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  result(fault error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& value() & { return assert(has_value()), *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return assert(has_value()), *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return assert(has_value()), std::move(*std::get_if<0>(&state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const fault& error() const& {
    return assert(!has_value()), *std::get_if<1>(&state_);
  }
  [[nodiscard]] fault&& error() && {
    return assert(!has_value()), std::move(*std::get_if<1>(&state_));
  }

  [[nodiscard]] T value_or(T fallback) const& {
    return has_value() ? value() : std::move(fallback);
  }

 private:
  std::variant<T, fault> state_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  result() = default;
  result(fault error) : error_(std::move(error)), failed_(true) {}  // NOLINT: implicit by design

  [[nodiscard]] bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const fault& error() const& { return assert(failed_), error_; }
  [[nodiscard]] fault&& error() && { return assert(failed_), std::move(error_); }

 private:
  fault error_;
  bool failed_ = false;
};

}  // namespace stagedoor
