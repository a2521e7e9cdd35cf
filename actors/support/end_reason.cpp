// SPDX-License-Identifier: Apache-2.0
#include "actors/support/end_reason.hpp"

#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace stagedoor::actors {
namespace {

constexpr auto crash_category = caf::atom("crash");
constexpr auto fault_category = caf::atom("fault");
constexpr std::uint8_t crash_code = 1;

fault make_fault(fault_kind kind, retryable retry, std::string detail) {
  return fault{kind, fault_side::self, retry, std::move(detail)};
}

std::string context_text(const caf::error& error) {
  const auto& context = error.context();
  if (context.size() > 0 && context.match_element<std::string>(0))
    return context.get_as<std::string>(0);
  return {};
}

/// Codes cross nodes, so they are checked before they become enumerators.
fault decode_fault(const caf::error& error) {
  const auto& context = error.context();
  if (!context.match_elements<std::string, std::uint8_t, std::uint8_t>() ||
      error.code() > static_cast<std::uint8_t>(fault_kind::internal) + 1 ||
      context.get_as<std::uint8_t>(1) > static_cast<std::uint8_t>(fault_side::self))
    return make_fault(fault_kind::internal, retryable::no, "a fault of another version");
  return fault{static_cast<fault_kind>(error.code() - 1),
               static_cast<fault_side>(context.get_as<std::uint8_t>(1)),
               context.get_as<std::uint8_t>(2) != 0 ? retryable::yes : retryable::no,
               context.get_as<std::string>(0)};
}

std::string describe(const caf::error& error) {
  if (error.category() == fault_category) return to_string(decode_fault(error));
  auto text = context_text(error);
  if (error.category() == crash_category) return text;
  std::string name = caf::to_string(error);
  if (error.category() == caf::atom("system"))
    name = to_string(static_cast<caf::sec>(error.code()));
  if (error.category() == caf::atom("exit"))
    name = to_string(static_cast<caf::exit_reason>(error.code()));
  return text.empty() ? name : name + ": " + text;
}

}  // namespace

std::string to_string(const end_reason& reason) {
  switch (reason.kind) {
    case end_kind::normal: return "normal";
    case end_kind::shutdown: return "shutdown";
    case end_kind::killed: return "killed";
    case end_kind::unreachable: return "unreachable";
    case end_kind::crashed: return reason.text.empty() ? "crashed" : reason.text;
  }
  return "crashed";
}

end_reason end_reason_of(const caf::error& error) {
  if (!error || error == caf::exit_reason::normal) return {};
  if (error == caf::exit_reason::user_shutdown) return {end_kind::shutdown, {}};
  if (error == caf::exit_reason::kill) return {end_kind::killed, {}};
  if (error == caf::exit_reason::remote_link_unreachable || error == caf::exit_reason::unreachable)
    return {end_kind::unreachable, describe(error)};
  return {end_kind::crashed, describe(error)};
}

caf::error to_error(const end_reason& reason) {
  switch (reason.kind) {
    case end_kind::normal: return caf::error{};
    case end_kind::shutdown: return caf::exit_reason::user_shutdown;
    case end_kind::killed: return caf::exit_reason::kill;
    case end_kind::unreachable: return caf::exit_reason::unreachable;
    case end_kind::crashed: break;
  }
  return caf::error{crash_code, crash_category, caf::make_message(reason.text)};
}

caf::error to_error(const fault& f) {
  // Code 0 means "no error" to CAF, hence the offset.
  return caf::error{static_cast<std::uint8_t>(static_cast<std::uint8_t>(f.kind) + 1),
                    fault_category,
                    caf::make_message(f.detail, static_cast<std::uint8_t>(f.side),
                                      static_cast<std::uint8_t>(f.retry))};
}

fault to_fault(const caf::error& error) {
  if (error.category() == fault_category) return decode_fault(error);
  if (error == caf::sec::request_timeout)
    return make_fault(fault_kind::timed_out, retryable::yes, "no answer within the deadline");
  if (error == caf::sec::unexpected_message || error == caf::sec::unexpected_response)
    return make_fault(fault_kind::unsupported, retryable::no, describe(error));
  // Whoever was looked up by name is between two of its lives: the asker did nothing wrong.
  if (error == caf::sec::invalid_argument)
    return make_fault(fault_kind::unreachable, retryable::yes, "the actor is not running");
  if (error == caf::sec::request_receiver_down)
    return make_fault(fault_kind::closed, retryable::yes, "the actor ended before it answered");
  const auto ended = end_reason_of(error);
  if (ended.kind != end_kind::crashed)
    return make_fault(fault_kind::closed, retryable::yes,
                      "the actor ended before it answered: " + to_string(ended));
  return make_fault(fault_kind::internal, retryable::no, ended.text);
}

}  // namespace stagedoor::actors
