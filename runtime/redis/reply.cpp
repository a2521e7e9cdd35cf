// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/reply.hpp"

#include <array>

namespace stagedoor::redis {
namespace {

struct known_error {
  std::string_view code;
  fault_kind kind;
  retryable retry;
};

constexpr std::array known_errors{
    known_error{"NOSCRIPT", fault_kind::not_found, retryable::yes},
    known_error{"LOADING", fault_kind::overloaded, retryable::yes},
    known_error{"BUSY", fault_kind::overloaded, retryable::yes},
    known_error{"OOM", fault_kind::overloaded, retryable::yes},
    known_error{"TRYAGAIN", fault_kind::overloaded, retryable::yes},
    known_error{"MASTERDOWN", fault_kind::overloaded, retryable::yes},
    known_error{"CLUSTERDOWN", fault_kind::overloaded, retryable::yes},
    known_error{"NOREPLICAS", fault_kind::overloaded, retryable::yes},
    known_error{"MISCONF", fault_kind::overloaded, retryable::yes},
    known_error{"READONLY", fault_kind::conflict, retryable::yes},
    known_error{"UNBLOCKED", fault_kind::conflict, retryable::yes},
    known_error{"NOAUTH", fault_kind::refused, retryable::no},
    known_error{"WRONGPASS", fault_kind::refused, retryable::no},
    known_error{"NOPERM", fault_kind::refused, retryable::no},
    known_error{"DENIED", fault_kind::refused, retryable::no},
    known_error{"MOVED", fault_kind::unsupported, retryable::no},
    known_error{"ASK", fault_kind::unsupported, retryable::no},
};

}  // namespace

const reply& reply::at(std::size_t index) const noexcept {
  static const reply nothing;
  return index < items.size() ? items[index] : nothing;
}

std::string_view error_code(std::string_view text) noexcept {
  return text.substr(0, text.find(' '));
}

fault to_fault(const reply& error) {
  for (const auto& known : known_errors)
    if (error_code(error.text) == known.code)
      return {known.kind, fault_side::store, known.retry, error.text};
  return {fault_kind::invalid, fault_side::store, retryable::no, error.text};
}

bool may_have_run(const fault& f) noexcept {
  return f.side == fault_side::store &&
         (f.kind == fault_kind::closed || f.kind == fault_kind::timed_out);
}

}  // namespace stagedoor::redis
