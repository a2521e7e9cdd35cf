// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/liveness.hpp"

#include "actors/queue/redis_calls.hpp"
#include "messages/support.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {

liveness::liveness(caf::actor_config& cfg, liveness_actor_options options)
    : shell(cfg, "liveness"),
      options_(std::move(options)),
      state_(options_.who, options_.liveness) {}

caf::behavior liveness::make_behavior() {
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

void liveness::stop_requested(const end_reason&) {
  // Not awaited: if it does not reach Redis, the key runs out by itself.
  apply(state_.stop());
  quit();
}

void liveness::apply(const liveness_effects& effects) {
  for (const auto& asked : effects)
    carry_out(*this, *options_.client, asked, options_.store_deadline);
  if (const auto next = state_.next_tick(); next != mono_time::max()) timer_.arm(*this, next);
}

messages::status_rows liveness::report() const {
  messages::status_rows out;
  out.rows.push_back({"liveness", "known as alive", state_.believed_alive(now()) ? "yes" : "no"});
  out.rows.push_back({"liveness", "recovered of our past", fmt::format("{}", state_.recovered())});
  return out;
}

}  // namespace stagedoor::actors
