// SPDX-License-Identifier: Apache-2.0
#include "actors/support/shell.hpp"

#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/message_view.hpp>
#include <caf/result.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include <exception>

namespace stagedoor::actors {
namespace {

constexpr std::uint64_t logged_unexpected_messages = 10;
constexpr std::size_t shown_message_length = 200;  // characters

shell& shell_of(caf::scheduled_actor* self) { return *static_cast<shell*>(self); }

}  // namespace

shell::shell(caf::actor_config& cfg, const char* kind) : caf::event_based_actor(cfg), kind_(kind) {
  install_handlers();
}

mono_time shell::now() const { return clock().now(); }

void shell::watch(const caf::actor& who, on_down handler) {
  if (watched_.insert_or_assign(who.address(), std::move(handler)).second) monitor(who);
}

void shell::unwatch(const caf::actor& who) {
  if (watched_.erase(who.address()) > 0) demonitor(who);
}

std::size_t shell::mailbox_depth() { return mailbox().size(); }

void shell::stop_requested(const end_reason& reason) { quit(to_error(reason)); }

// The handlers capture nothing, so that a hundred thousand actors do not pay for them.
void shell::install_handlers() {
  set_down_handler([](caf::scheduled_actor* self, caf::down_msg& down) {
    shell_of(self).handle_down(down.source, end_reason_of(down.reason));
  });
  set_exit_handler([](caf::scheduled_actor* self, caf::exit_msg& exit) {
    const auto reason = end_reason_of(exit.reason);
    if (reason.kind != end_kind::normal) shell_of(self).stop_requested(reason);
  });
  set_error_handler([](caf::scheduled_actor* self, caf::error& error) {
    log::warning("stray error", {{"actor", self->name()}, {"error", to_string(to_fault(error))}});
  });
  set_exception_handler([](caf::scheduled_actor* self, std::exception_ptr& thrown) {
    return shell_of(self).handle_exception(thrown);
  });
  set_default_handler(
      [](caf::scheduled_actor* self, caf::message_view& view) -> caf::result<caf::message> {
        caf::error refusal;
        auto answer = shell_of(self).handle_unexpected(view.content(), refusal);
        if (refusal) return refusal;
        return answer;
      });
}

void shell::handle_down(const caf::actor_addr& who, const end_reason& reason) {
  const auto found = watched_.find(who);
  if (found == watched_.end()) return;  // unwatched while the message was under way
  const auto handler = std::move(found->second);
  watched_.erase(found);
  handler(reason);
}

caf::error shell::handle_exception(const std::exception_ptr& thrown) const {
  std::string text = "an exception of unknown type";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    text = e.what();
  } catch (...) {
  }
  log::error("actor crashed", {{"actor", kind_}, {"id", id()}, {"error", text}});
  return to_error(end_reason{end_kind::crashed, text});
}

caf::message shell::handle_unexpected(const caf::type_erased_tuple& content, caf::error& refusal) {
  if (content.match_elements<messages::report_actor>())
    return caf::make_message(messages::actor_report{kind_, mailbox_depth(), unexpected_});
  if (content.match_elements<messages::tick>()) return caf::make_message();  // of a dropped timer
  refusal = caf::sec::unexpected_message;
  if (++unexpected_ <= logged_unexpected_messages)
    log::warning("unexpected message",
                 {{"actor", kind_},
                  {"id", id()},
                  {"message", content.stringify().substr(0, shown_message_length)}});
  return {};
}

}  // namespace stagedoor::actors
