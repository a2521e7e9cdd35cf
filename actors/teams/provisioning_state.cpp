// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/provisioning_state.hpp"

#include <array>
#include <fmt/format.h>
#include <span>

namespace stagedoor::actors {
namespace {

using messages::team_flow_finished;

struct step_row {
  provisioning_step step;
  const char* message;  ///< shown to the user while the step runs
};

constexpr std::array provision_steps = {
    step_row{provisioning_step::validate, "Validating the request"},
    step_row{provisioning_step::persist, "Storing the team"},
    step_row{provisioning_step::name, "Publishing the name"},
    step_row{provisioning_step::site, "Publishing the routes"},
    step_row{provisioning_step::spread, "Publishing on the other nodes"},
    step_row{provisioning_step::certificate, "Requesting the certificate"},
    step_row{provisioning_step::health, "Checking the servers"},
    step_row{provisioning_step::announce, "Announcing the team"},
};

// The store first: whatever is interrupted after that, the next start does not bring the team back.
constexpr std::array deprovision_steps = {
    step_row{provisioning_step::validate, "Validating the request"},
    step_row{provisioning_step::persist, "Removing the team from the store"},
    step_row{provisioning_step::site, "Withdrawing the routes"},
    step_row{provisioning_step::name, "Withdrawing the name"},
    step_row{provisioning_step::spread, "Withdrawing on the other nodes"},
    step_row{provisioning_step::certificate, "Releasing the certificate"},
    step_row{provisioning_step::announce, "Announcing the removal"},
};

std::span<const step_row> steps_of(step_action direction) {
  if (direction == step_action::apply) return provision_steps;
  return deprovision_steps;
}

}  // namespace

// -- orders ---------------------------------------------------------------------

provisioning_effects provisioning_state::provision(const messages::provision_team& order) {
  flow f;
  f.spec = order.spec;
  return admit(order.flow, std::move(f));
}

provisioning_effects provisioning_state::deprovision(const messages::deprovision_team& order) {
  flow f;
  f.direction = step_action::revert;
  f.delivery = order.delivery;
  f.spec.slug = order.slug;
  return admit(order.flow, std::move(f));
}

provisioning_effects provisioning_state::admit(std::string id, flow f) {
  provisioning_effects out;
  const auto refuse = [&](fault_kind kind, retryable retry, std::string detail) {
    out.emplace_back(
        finish_flow{id, f.spec.slug, fault{kind, fault_side::self, retry, std::move(detail)}});
  };
  if (flows_.contains(id)) {
    refuse(fault_kind::conflict, retryable::no, fmt::format("flow {} is running already", id));
    return out;
  }
  if (flows_.size() >= max_flows_) {
    refuse(fault_kind::overloaded, retryable::yes,
           fmt::format("{} teams are being provisioned already", flows_.size()));
    return out;
  }
  f.found.flow = id;
  f.found.slug = f.spec.slug;
  f.found.host = f.spec.host;
  auto& queue = by_slug_[f.spec.slug];
  queue.push_back(id);
  const bool first = queue.size() == 1;
  flows_.emplace(id, std::move(f));
  if (first) start(id, out);
  return out;
}

// -- callbacks --------------------------------------------------------------------

provisioning_effects provisioning_state::step_done(const std::string& id,
                                                   result<step_outcome> outcome) {
  provisioning_effects out;
  const auto it = flows_.find(id);
  if (it == flows_.end()) return out;
  flow& f = it->second;
  if (f.at == phase::undoing) {
    // A step that cannot be undone now is undone by the next start: the store no longer has the
    // team.
    undo(id, f, out);
    return out;
  }
  if (!outcome) {
    const auto step = steps_of(f.direction)[f.index].step;
    const bool absent = outcome.error().kind == fault_kind::not_found;
    // A deprovisioning that was delivered again finds done what its first try did.
    const bool repeated = f.direction == step_action::revert && absent &&
                          (f.delivery > 1 || step != provisioning_step::validate);
    if (!repeated) {
      f.cause = std::move(outcome).error();
      f.at = phase::undoing;
      // The failed step is undone too: a timeout does not say that nothing happened. What a removal
      // has taken away stays away.
      f.index = f.direction == step_action::apply ? f.index + 1 : 0;
      undo(id, f, out);
      return out;
    }
  } else {
    if (outcome->previous) f.previous = std::move(outcome->previous);
    if (f.direction == step_action::revert && f.previous) {
      f.spec = *f.previous;
      f.found.host = f.spec.host;
    }
    if (outcome->version != 0) f.version = outcome->version;
    if (!outcome->certificate.empty()) f.found.certificate = std::move(outcome->certificate);
    if (!outcome->unhealthy.empty()) f.found.unhealthy = std::move(outcome->unhealthy);
  }
  ++f.index;
  enter(id, f, out);
  return out;
}

// -- the walk through the steps -------------------------------------------------------

void provisioning_state::start(const std::string& id, provisioning_effects& out) {
  flow& f = flows_.at(id);
  f.at = phase::forward;
  enter(id, f, out);
}

void provisioning_state::enter(const std::string& id, flow& f, provisioning_effects& out) {
  const auto steps = steps_of(f.direction);
  if (f.index == steps.size()) {
    finish(id, std::move(f.found), out);
    return;
  }
  out.emplace_back(report_progress{id, static_cast<std::uint32_t>(f.index + 1),
                                   static_cast<std::uint32_t>(steps.size()),
                                   steps[f.index].message});
  if (steps[f.index].step != provisioning_step::validate) f.touched = true;
  out.emplace_back(run_step{id, steps[f.index].step, f.direction, f.spec, f.version});
}

// Walks back over the steps that were done. An update goes back to what was stored before, a new
// team goes away.
void provisioning_state::undo(const std::string& id, flow& f, provisioning_effects& out) {
  while (f.index > 0) {
    --f.index;
    const auto step = steps_of(f.direction)[f.index].step;
    const bool leaves_traces = step == provisioning_step::persist ||
                               step == provisioning_step::name || step == provisioning_step::site ||
                               step == provisioning_step::certificate;
    if (!leaves_traces) continue;
    if (f.previous)
      out.emplace_back(run_step{id, step, step_action::apply, *f.previous, f.version});
    else
      out.emplace_back(run_step{id, step, step_action::revert, f.spec, f.version});
    return;
  }
  finish(id, *f.cause, out);
}

void provisioning_state::finish(const std::string& id, result<team_flow_finished> outcome,
                                provisioning_effects& out) {
  const auto it = flows_.find(id);
  const std::string slug = it->second.spec.slug;
  const bool unsure = !outcome && it->second.touched;
  out.emplace_back(
      finish_flow{id, slug, std::move(outcome), unsure ? flow_end::unsure : flow_end::settled});
  flows_.erase(it);
  const auto queue = by_slug_.find(slug);
  queue->second.pop_front();
  if (queue->second.empty())
    by_slug_.erase(queue);
  else
    start(std::string(queue->second.front()), out);
}

std::string provisioning_state::state_of(const std::string& slug) const {
  const auto it = by_slug_.find(slug);
  if (it == by_slug_.end()) return {};
  return flows_.at(it->second.front()).direction == step_action::apply ? "provisioning"
                                                                       : "deprovisioning";
}

}  // namespace stagedoor::actors
