// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/fault.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <system_error>

namespace stagedoor {

std::string_view to_string(fault_kind kind) noexcept {
  switch (kind) {
    case fault_kind::malformed: return "malformed";
    case fault_kind::invalid: return "invalid";
    case fault_kind::too_large: return "too large";
    case fault_kind::not_found: return "not found";
    case fault_kind::refused: return "refused";
    case fault_kind::unreachable: return "unreachable";
    case fault_kind::timed_out: return "timed out";
    case fault_kind::closed: return "closed";
    case fault_kind::overloaded: return "overloaded";
    case fault_kind::conflict: return "conflict";
    case fault_kind::stale: return "stale";
    case fault_kind::unsupported: return "unsupported";
    case fault_kind::internal: return "internal";
  }
  return "internal";
}

std::string_view to_string(fault_side side) noexcept {
  switch (side) {
    case fault_side::client: return "client";
    case fault_side::upstream: return "upstream";
    case fault_side::peer: return "peer";
    case fault_side::store: return "store";
    case fault_side::operator_input: return "operator";
    case fault_side::self: return "self";
  }
  return "self";
}

std::string to_string(const fault& f) {
  return fmt::format("{} {}: {}", to_string(f.side), to_string(f.kind), f.detail);
}

fault errno_fault(fault_side side, std::string_view what, int error_number) {
  fault_kind kind = fault_kind::internal;
  retryable retry = retryable::no;
  switch (error_number) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENOENT:
      kind = fault_kind::unreachable;
      retry = retryable::yes;
      break;
    case ETIMEDOUT:
      kind = fault_kind::timed_out;
      retry = retryable::yes;
      break;
    case ECONNRESET:
    case EPIPE:
      kind = fault_kind::closed;
      retry = retryable::yes;
      break;
    case EADDRINUSE: kind = fault_kind::conflict; break;
    case EACCES:
    case EPERM: kind = fault_kind::refused; break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
      kind = fault_kind::overloaded;
      retry = retryable::yes;
      break;
    default: break;
  }
  return {kind, side, retry,
          fmt::format("{}: {}", what, std::generic_category().message(error_number))};
}

}  // namespace stagedoor
