// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/janitor.hpp"

#include "actors/queue/redis_calls.hpp"
#include "messages/support.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {

janitor::janitor(caf::actor_config& cfg, janitor_actor_options options)
    : shell(cfg, "janitor"), options_(std::move(options)), state_(options_.who, options_.janitor) {}

caf::behavior janitor::make_behavior() {
  apply(state_.start(now()));
  return {
      [this](const queue_event& m) {
        if (const auto* call = std::get_if<call_answered>(&m.what))
          apply(state_.answered(call->ticket, call->answer, now()));
      },
      [this](const messages::report_status&) { return report(); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) apply(state_.tick(now()));
      },
  };
}

void janitor::stop_requested(const end_reason&) {
  // Not awaited: if it does not reach Redis, the key runs out by itself.
  apply(state_.stop());
  quit();
}

void janitor::apply(const janitor_effects& effects) {
  for (const auto& asked : effects)
    carry_out(*this, *options_.client, asked, options_.store_deadline);
  if (const auto next = state_.next_tick(); next != mono_time::max()) timer_.arm(*this, next);
}

messages::status_rows janitor::report() const {
  messages::status_rows out;
  const auto row = [&](const char* key, std::string value) {
    out.rows.push_back({"janitor", key, std::move(value)});
  };
  row("known as alive", state_.believed_alive(now()) ? "yes" : "no");
  row("recovered", fmt::format("{}", state_.counters().recovered));
  row("promoted", fmt::format("{}", state_.counters().promoted));
  return out;
}

}  // namespace stagedoor::actors
