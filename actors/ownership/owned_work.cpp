// SPDX-License-Identifier: Apache-2.0
#include "actors/ownership/owned_work.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/support/owner_proofs.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

std::string child_id(const messages::work_key& work) {
  return work.slot == 0 ? work.id : fmt::format("{}/{}", work.id, work.slot);
}

}  // namespace

owned_work::owned_work(caf::actor_config& cfg, owned_work_options options)
    : shell(cfg, "owned_work"), options_(std::move(options)) {}

caf::behavior owned_work::make_behavior() {
  publish_name(system(), "owned", caf::actor_cast<caf::actor>(this));
  tell(find_name(system(), "cluster"), messages::work_ready{});
  return {
      [this](const messages::own_work& m) { run(state_.own(m.proof)); },
      [this](const messages::disown_work& m) { disowned(m); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) run(state_.tick(now()));
      },
  };
}

void owned_work::run(const work_effects& wanted) {
  for (const auto& effect : wanted) std::visit([this](const auto& e) { apply(e); }, effect);
  const auto next = state_.next_tick();
  if (next != mono_time::max()) timer_.arm(*this, next);
}

caf::actor owned_work::supervisor_of(const messages::work_key& work) {
  const auto kind = options_.supervisors.find(work.kind);
  return kind == options_.supervisors.end() ? caf::actor{} : find_name(system(), kind->second);
}

void owned_work::apply(const start_work& e) {
  to_start_.push_back(e.proof);
  start_some();
}

void owned_work::start_some() {
  while (starting_ < options_.starts_at_once && !to_start_.empty()) {
    const auto proof = std::move(to_start_.front());
    to_start_.pop_front();
    start(proof);
  }
}

void owned_work::start(const messages::owner_proof& proof) {
  ++starting_;
  const auto over = [this](const work_effects& wanted) {
    --starting_;
    run(wanted);
    start_some();
  };
  const auto failed = [this, work = proof.work, over](const fault& f) {
    log::warning("owned work not started",
                 {{"kind", work.kind}, {"id", work.id}, {"error", to_string(f)}});
    over(state_.start_failed(work, now()));
  };
  const auto to = supervisor_of(proof.work);
  ask<messages::child_location>(
      this, to, messages::start_child{child_id(proof.work), to_text(proof)},
      options_.start_deadline,
      [this, work = proof.work, over](messages::child_location&) { over(state_.started(work)); },
      [this, proof, to, failed](const fault& f) {
        if (f.kind != fault_kind::conflict) return failed(f);
        // One that outlived an earlier owned_work has an older proof.
        ask<messages::child_stopped>(
            this, to, messages::stop_child{child_id(proof.work)}, options_.stop_deadline,
            [f, failed](messages::child_stopped&) { failed(f); }, failed);
      });
}

void owned_work::apply(const stop_work& e) {
  const auto over = [this, work = e.work] { run(state_.stopped(work)); };
  ask<messages::child_stopped>(
      this, supervisor_of(e.work), messages::stop_child{child_id(e.work)}, options_.stop_deadline,
      [over](messages::child_stopped&) { over(); },
      [over](const fault&) { over(); });  // its supervisor has ended, and with it the child
}

void owned_work::apply(const hand_proof& e) {
  ask<messages::child_location>(
      this, supervisor_of(e.proof.work), messages::locate_child{child_id(e.proof.work)},
      options_.start_deadline,
      [proof = e.proof](messages::child_location& found) { tell(found.handle, proof); },
      [](const fault&) {});  // starts again, and is handed the newest when a write is refused
}

void owned_work::apply(const work_ended& e) {
  const auto [first, last] = waiting_.equal_range(e.work);
  for (auto it = first; it != last; ++it) it->second.deliver({});
  waiting_.erase(first, last);
}

void owned_work::disowned(const messages::disown_work& m) {
  waiting_.emplace(m.work, promise<messages::done>(this));
  run(state_.disown(m.work));
}

}  // namespace stagedoor::actors
