// SPDX-License-Identifier: Apache-2.0
#include "actors/supervision/supervisor.hpp"

#include "actors/supervision/tree_walk.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_system.hpp>

#include <exception>
#include <iterator>
#include <random>
#include <string_view>
#include <utility>

namespace stagedoor::supervision {
namespace {

std::vector<child_spec> specs_of(const supervisor_plan& plan) {
  std::vector<child_spec> specs;
  for (const auto& child : plan.children) specs.push_back(child.spec);
  return specs;
}

supervisor_options options_of(const supervisor_plan& plan) {
  auto options = plan.options;
  if (!plan.make_dynamic) options.max_dynamic_children = 0;
  if (options.seed == 0) options.seed = std::random_device{}();
  return options;
}

std::uint32_t slot_of(instance_id instance) { return static_cast<std::uint32_t>(instance); }

std::string_view in_words(verdict what) {
  switch (what) {
    case verdict::restarting: return "child restarts";
    case verdict::left: return "child ended";
    case verdict::given_up: return "child given up";
    case verdict::overdue: return "child is overdue and killed";
    case verdict::stuck: return "child cannot be ended";
    case verdict::escalating: return "supervisor gives up";
  }
  return "child";
}

}  // namespace

void report_started(const child_context& context) {
  actors::tell(context.supervisor, messages::child_started{context.instance});
}

child_factory make_supervisor(supervisor_plan plan) {
  return
      [plan = std::move(plan)](actors::shell& parent, const child_context& context) -> caf::actor {
        return parent.spawn<supervisor>(plan, context);
      };
}

supervisor::supervisor(caf::actor_config& cfg, supervisor_plan plan, child_context self)
    : shell(cfg, plan.name),
      plan_(std::move(plan)),
      self_(std::move(self)),
      state_(options_of(plan_), specs_of(plan_)) {}

caf::behavior supervisor::make_behavior() {
  carry_out(state_.start(now()));
  return {
      [this](messages::start_child& m) {
        const auto request = remember_caller<messages::child_location>();
        carry_out(state_.start_child(std::move(m.id), std::move(m.argument), request, now()));
      },
      [this](const messages::stop_child& m) {
        carry_out(state_.stop_child(m.id, remember_caller<messages::child_stopped>(), now()));
      },
      [this](const messages::restart_child& m) {
        carry_out(state_.restart_child(m.id, remember_caller<messages::done>(), now()));
      },
      [this](const messages::locate_child& m) {
        carry_out(state_.locate_child(m.id, remember_caller<messages::child_location>(), now()));
      },
      [this](const messages::which_children& m) { return state_.list(m.limit, now()); },
      [this](const messages::describe_tree& m) { describe(m); },
      [this](const messages::child_started& m) { carry_out(state_.started(m.instance, now())); },
      [this](const messages::tick& m) {
        if (timer_.due(*this, m)) carry_out(state_.tick(now()));
      },
  };
}

/// However it ended, nobody else would end the children. After an orderly stop there are none.
void supervisor::on_exit() {
  for (const auto& handle : handles_) actors::kill(handle);
  handles_.clear();
  callers_.clear();
}

void supervisor::stop_requested(const actors::end_reason& reason) {
  carry_out(state_.stop(reason, now()));
}

// -- callers --------------------------------------------------------------------------

template <class Reply>
request_id supervisor::remember_caller() {
  actors::promise<Reply> caller(this);
  if (!caller.pending()) return 0;
  callers_.emplace(++last_request_, std::move(caller));
  return last_request_;
}

template <class Reply>
void supervisor::answer(request_id request, Reply reply) {
  const auto found = callers_.find(request);
  if (found == callers_.end()) return;
  std::get<actors::promise<Reply>>(found->second).deliver(std::move(reply));
  callers_.erase(found);
}

void supervisor::refuse(const answer_fault& refusal) {
  const auto found = callers_.find(refusal.request);
  if (found == callers_.end()) return;
  std::visit([&](auto& caller) { caller.fail(refusal.why); }, found->second);
  callers_.erase(found);
}

// -- effects --------------------------------------------------------------------------

/// A spawn that fails is an event in the middle of this: what follows from it comes after what was
/// decided before.
void supervisor::carry_out(effects wanted) {
  std::move(wanted.begin(), wanted.end(), std::back_inserter(pending_));
  if (std::exchange(carrying_out_, true)) return;
  while (!pending_.empty()) {
    const auto step = std::move(pending_.front());
    pending_.pop_front();
    std::visit([this](const auto& e) { apply(e); }, step);
  }
  carrying_out_ = false;
}

void supervisor::apply(const spawn_child& e) {
  const auto slot = slot_of(e.instance);
  if (slot >= handles_.size()) handles_.resize(slot + 1);
  auto made = make_child(e);
  if (!made) {
    return child_ended(e.instance,
                       {actors::end_kind::crashed, "could not be spawned: " + made.error().detail});
  }
  handles_[slot] = std::move(made).value();
  watch(handles_[slot],
        [this, instance = e.instance](const actors::end_reason& r) { child_ended(instance, r); });
}

result<caf::actor> supervisor::make_child(const spawn_child& e) {
  std::string failure = "its factory made none";
  try {
    const auto& make =
        e.from == origin::dynamic ? plan_.make_dynamic : plan_.children[slot_of(e.instance)].make;
    if (auto made = make(*this, {caf::actor{this}, e.instance, e.id, e.argument})) return made;
  } catch (const std::exception& thrown) {
    failure = thrown.what();
  }
  return fault{fault_kind::internal, fault_side::self, retryable::yes, failure};
}

void supervisor::apply(const stop_instance& e) { actors::stop(handle_of(e.instance)); }

void supervisor::apply(const kill_instance& e) { actors::kill(handle_of(e.instance)); }

void supervisor::apply(const wake_at& e) { timer_.arm(*this, e.when); }

void supervisor::apply(const all_started&) {
  log::info("supervisor is up", {{"actor", name()}, {"children", plan_.children.size()}});
  if (self_.supervisor) report_started(self_);
}

void supervisor::apply(const finish& e) { quit(actors::to_error(e.reason)); }

void supervisor::apply(const child_notice& e) {
  const bool grave = e.what == verdict::stuck || e.what == verdict::escalating;
  const auto write = grave                        ? log::error
                     : e.what == verdict::left    ? log::debug
                     : e.what == verdict::overdue ? log::warning
                                                  : log::info;
  write(in_words(e.what), {{"actor", name()},
                           {"child", e.id},
                           {"reason", to_string(e.reason)},
                           {"wait_ms", e.wait.count()}});
  if (plan_.on_notice) plan_.on_notice(e);
}

void supervisor::apply(const answer_location& e) {
  const auto handle = handle_of(e.instance);
  if (e.instance != 0 && !handle)
    return refuse(
        {e.request,
         {fault_kind::closed, fault_side::self, retryable::yes, "failed to start: " + e.id}});
  answer(e.request, messages::child_location{e.id, handle});
}

void supervisor::apply(const answer_stopped& e) {
  answer(e.request, messages::child_stopped{e.id, to_string(e.reason)});
}

void supervisor::apply(const answer_done& e) { answer(e.request, messages::done{}); }

void supervisor::apply(const answer_fault& e) { refuse(e); }

void supervisor::child_ended(instance_id instance, const actors::end_reason& reason) {
  handles_[slot_of(instance)] = nullptr;
  carry_out(state_.ended(instance, reason, now()));
}

caf::actor supervisor::handle_of(instance_id instance) const {
  const auto slot = slot_of(instance);
  return instance != 0 && slot < handles_.size() ? handles_[slot] : caf::actor{};
}

// -- the tree -------------------------------------------------------------------------

void supervisor::describe(const messages::describe_tree& request) {
  auto children = state_.list(request.limit, now());
  std::vector<caf::actor> handles;
  for (const auto instance : state_.instances(request.limit))
    handles.push_back(handle_of(instance));
  walk_tree(*this, request, std::move(children), handles);
}

}  // namespace stagedoor::supervision
