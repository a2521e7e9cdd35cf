// SPDX-License-Identifier: Apache-2.0
// The part of supervisor_state that answers people: orders and views.
#include "actors/supervision/supervisor_state.hpp"

#include <utility>

namespace stagedoor::supervision {

// -- orders -------------------------------------------------------------------------

effects supervisor_state::start_child(std::string id, std::string argument, request_id request,
                                      mono_time now) {
  now_ = now;
  if (closing_) {
    refuse(request, fault_kind::refused, retryable::yes, "the supervisor is stopping");
  } else if (options_.max_dynamic_children == 0) {
    refuse(request, fault_kind::refused, retryable::no, "takes no children at run time");
  } else if (id.empty()) {
    refuse(request, fault_kind::invalid, retryable::no, "a child needs an id");
  } else if (const auto* there = table_.find(id)) {
    const bool leaving = there->ending == intent::forget;
    refuse(request, fault_kind::conflict, leaving ? retryable::yes : retryable::no,
           leaving ? "still stopping: " + id : "exists already: " + id);
  } else if (table_.size() - dynamic_rank_ >= options_.max_dynamic_children) {
    refuse(request, fault_kind::overloaded, retryable::yes,
           "there are " + std::to_string(options_.max_dynamic_children) + " children already");
  } else {
    auto& c = table_.add(std::move(id), origin::dynamic, dynamic_rank_);
    c.since = now;
    if (!argument.empty()) c.extra().argument = std::move(argument);
    // Waiters cost memory per child, so one that is up at once gets its answer without.
    const bool at_once = sweep_.now == phase::none && policy(c).start == start_mode::when_spawned;
    if (request != 0 && !at_once) c.extra().waiting_for_start.push_back(request);
    if (sweep_.now == phase::none) launch(c);
    if (request != 0 && at_once) out_.emplace_back(answer_location{request, c.id, c.instance()});
  }
  return end_turn();
}

effects supervisor_state::stop_child(std::string_view id, request_id request, mono_time now) {
  now_ = now;
  auto* c = table_.find(id);
  if (!c) {
    refuse(request, fault_kind::not_found, retryable::no, "no such child: " + std::string(id));
    return end_turn();
  }
  if (c->state == child_state::stuck) {
    refuse(request, fault_kind::timed_out, retryable::no, "cannot be ended: " + c->id);
    return end_turn();
  }
  c->wanted = false;
  if (request != 0) c->extra().waiting_for_stop.push_back(request);
  if (c->coming_or_up()) {
    if (!covers(*c)) ask_to_stop(*c, intent::forget);  // else the sweep does, when it is its turn
  } else if (c->alive()) {
    c->ending = intent::forget;
  } else {
    table_.clear_deadline(*c);
    retire(*c);
  }
  return end_turn();
}

effects supervisor_state::restart_child(std::string_view id, request_id request, mono_time now) {
  now_ = now;
  auto* c = table_.find(id);
  if (!c) {
    refuse(request, fault_kind::not_found, retryable::no, "no such child: " + std::string(id));
  } else if (closing_ || sweep_.now != phase::none) {
    refuse(request, fault_kind::refused, retryable::yes,
           "the supervisor is stopping or restarting");
  } else if (c->alive() && !c->coming_or_up() && c->ending != intent::restart_now) {
    refuse(request, fault_kind::conflict, retryable::yes, "is being stopped: " + c->id);
  } else if (c->state == child_state::stuck) {
    refuse(request, fault_kind::timed_out, retryable::no, "cannot be ended: " + c->id);
  } else {
    c->wanted = true;
    if (c->coming_or_up()) {
      ask_to_stop(*c, intent::restart_now);
    } else if (!c->alive()) {
      table_.clear_deadline(*c);
      launch(*c);
    }
    if (request != 0) out_.emplace_back(answer_done{request});
  }
  return end_turn();
}

effects supervisor_state::locate_child(std::string_view id, request_id request, mono_time now) {
  now_ = now;
  if (const auto* c = table_.find(id)) {
    const bool up = c->state == child_state::running;
    out_.emplace_back(answer_location{request, c->id, up ? c->instance() : 0});
  } else {
    refuse(request, fault_kind::not_found, retryable::no, "no such child: " + std::string(id));
  }
  return end_turn();
}

void supervisor_state::refuse(request_id request, fault_kind kind, retryable again,
                              std::string why) {
  if (request != 0)
    out_.emplace_back(answer_fault{request, {kind, fault_side::client, again, std::move(why)}});
}

// -- views ------------------------------------------------------------------------------

messages::children_listing supervisor_state::list(std::size_t limit, mono_time now) const {
  messages::children_listing listing;
  listing.total = table_.size();
  for (const auto& c : table_.slots()) {
    if (listing.children.size() >= limit) break;
    if (!c.used) continue;
    listing.children.push_back({c.id, policies_[c.policy].kind, c.state, c.restarts,
                                std::chrono::duration_cast<milliseconds>(now - c.since),
                                c.rare ? c.rare->last_end : std::string{}});
  }
  return listing;
}

std::vector<instance_id> supervisor_state::instances(std::size_t limit) const {
  std::vector<instance_id> found;
  for (const auto& c : table_.slots()) {
    if (found.size() >= limit) break;
    if (c.used) found.push_back(c.alive() ? c.instance() : 0);
  }
  return found;
}

}  // namespace stagedoor::supervision
