// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/janitor.hpp"

#include "actors/queue/redis_calls.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {

janitor::janitor(caf::actor_config& cfg, janitor_actor_options options)
    : shell(cfg, "janitor"),
      options_(std::move(options)),
      state_(options_.who, options_.proof, options_.janitor) {}

caf::behavior janitor::make_behavior() {
  tell(find_name(system(), "cluster"), messages::janitor_ready{});
  apply(state_.start(now()));
  return {
      [this](const queue_event& m) { handle(m); },
      [this](const messages::owner_proof& m) { apply(state_.owned(m, now())); },
      [this](const messages::node_gone& m) {
        apply(state_.gone({m.node, m.process}, now()));
      },
      [this](const messages::report_status&) { return report(); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) apply(state_.tick(now()));
      },
  };
}

void janitor::handle(const queue_event& m) {
  const auto* call = std::get_if<call_answered>(&m.what);
  if (call == nullptr) return;
  const bool was_stale = state_.stale();
  apply(state_.answered(call->ticket, call->answer, now()));
  if (state_.stale() && !was_stale) refused();
}

// Started again by its supervisor it has the proof of its first start, and may own the work all the
// same. An owned write that is refused has the cluster look: it hands the newest or ends this.
void janitor::refused() {
  log::info("janitor is refused", {{"node", options_.who.node}});
  ask<messages::done>(
      this, find_name(system(), "cluster"), messages::write_owned{state_.proof(), {}},
      options_.store_deadline, [](messages::done&) {}, [](const fault&) {});
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
  const auto& c = state_.counters();
  row("owner", state_.stale() ? "no longer" : "yes");
  row("recovered", fmt::format("{}", c.recovered));
  row("promoted", fmt::format("{}", c.promoted));
  row("declared dead", fmt::format("{}", c.declared));
  row("refused", fmt::format("{}", c.stale));
  return out;
}

}  // namespace stagedoor::actors
