// SPDX-License-Identifier: Apache-2.0
#include "cluster/coordinator.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/support/actor_names.hpp"
#include "cluster/membership/lease_scripts.hpp"
#include "cluster/owner_scan.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

namespace stagedoor::cluster {

using actors::find_name;
using actors::promise;
using actors::tell;

namespace {

std::uint64_t cpu_milliseconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1000 +
           static_cast<std::uint64_t>(t.tv_usec) / 1000;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

}  // namespace

coordinator::coordinator(caf::actor_config& cfg, coordinator_options options)
    : shell(cfg, "coordinator"),
      options_(std::move(options)),
      state_(options_.membership, random_incarnation, options_.reconciler) {}

caf::behavior coordinator::make_behavior() {
  const auto self = caf::actor_cast<caf::actor>(this);
  actors::publish_name(system(), "cluster", self);
  unsubscribe_ = options_.subscribe([to = self.address()](std::string text) {
    actors::loop_gateway::send(to, hint_heard{std::move(text)});
  });
  cpu_at_ = now();
  run(state_.start(now()));
  return {
      [this](const store_answered& m) { answered(m); },
      [this](const hint_heard& m) { hinted(m.text); },
      [this](const peer_is_gone& m) { gone(m); },
      [this](const leave_not_heard&) { quit(); },
      [this](const agent_ready&) {
        tell(find_name(system(), "agent"), members_are{known_self_, known_});
      },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) run(state_.tick(now()));
      },
      [this](const messages::write_owned& m) { write(m); },
      [this](const messages::claim_work& m) { claim(m); },
      [this](const messages::release_work& m) {
        if (!options_.alone) run(claims_.release(to_ownership(m.proof)));
      },
      [this](const messages::spread_change& m) { spread(m); },
      [this](const messages::owned_ids_changed& m) {
        run(state_.desired_changed(m.kind, m.version, m.added, m.removed, now()));
      },
      [this](const messages::work_ready&) {
        for (const auto& proof : state_.reconciler().list_owned())
          tell(find_name(system(), "owned"), messages::own_work{told(proof)});
      },
      [this](const messages::janitor_ready&) { tell_who_went_lately(); },
      [this](const messages::drain_node&) {
        log::info("node drains", {{"owned", state_.reconciler().owned()}});
        run(state_.drain(now()));
        return messages::done{};
      },
      [this](const messages::report_member&) { return report_self(); },
      [this](const messages::list_owners& m) { show_owners(m); },
      [this](const messages::report_status&) { return report(); },
  };
}

void coordinator::on_exit() {
  if (unsubscribe_) unsubscribe_();
}

// The supervisors of work started after this one, and have stopped: nothing that is owned runs.
void coordinator::stop_requested(const actors::end_reason&) {
  leaving_ = true;
  if (!state_.membership().is_member()) return quit();
  run(state_.leave(now()));
}

// -- effects -----------------------------------------------------------------------------------------

void coordinator::run(effects wanted) {
  for (auto& one : wanted) std::visit([this](auto& e) { apply(e); }, one);
  after_change();
}

void coordinator::after_change() {
  look_at_members();
  run(claims_.tick(now()));
  const auto next = std::min(state_.next_tick(), claims_.next_tick());
  if (next != mono_time::max()) timer_.arm(*this, next);
}

void coordinator::ask(asker who, std::uint64_t number, lease_request what, milliseconds patience) {
  options_.store->ask(
      std::move(what), now() + patience,
      [to = address(), who, number](result<lease_answer> answer) {
        actors::loop_gateway::send(to, store_answered{who, number, std::move(answer)});
      });
}

void coordinator::apply(ask_store& e) {
  ask(asker::coordinator, e.number, std::move(e.what), e.patience);
}

void coordinator::apply(const membership_changed& e) {
  using to = membership_changed::to;
  switch (e.state) {
    case to::joined:
      why_not_.clear();
      if (!options_.alone) log::info("joined the cluster", {{"run", to_hex(e.self.run)}});
      if (options_.remember_run) options_.remember_run(e.self.run);
      return run(claims_.joined(e.self, now()));
    case to::fenced:
      why_not_ = e.why;
      log::warning("no member of the cluster any more; owned work stops, serving goes on",
                   {{"run", to_hex(e.self.run)}, {"why", e.why}});
      return claims_.fenced();
    case to::refused:
      why_not_ = e.why;
      log::error("the cluster refuses this node", {{"why", e.why}});
      return;
    case to::left:
      why_not_ = "it has left";
      if (!options_.alone) log::info("left the cluster", {{"run", to_hex(e.self.run)}});
      // By draining: the node ends. On a stop the answer of the store is what is waited for.
      if (!leaving_ && options_.on_left) options_.on_left();
      if (leaving_) actors::after(this, defaults::leave_patience, leave_not_heard{});
      return;
  }
}

void coordinator::apply(const start_owned& e) {
  tell(find_name(system(), "owned"), messages::own_work{told(e.proof)});
}

void coordinator::apply(const renew_proof& e) {
  tell(find_name(system(), "owned"), messages::own_work{told(e.proof)});
}

// Also work that could not be stopped in time is released: its proof is void from then on.
void coordinator::apply(const stop_owned& e) {
  const auto over = [this, what = e.what] { run(state_.stopped(what, now())); };
  actors::ask<messages::done>(
      this, find_name(system(), "owned"), messages::disown_work{to_message(e.what)},
      defaults::owner_stop_patience, [over](messages::done&) { over(); },
      [over](const fault&) { over(); });
}

void coordinator::apply(const read_desired& e) {
  if (const auto fixed = options_.fixed_ids.find(e.kind); fixed != options_.fixed_ids.end()) {
    constexpr std::uint64_t the_only_version = 1;
    if (e.known_version == the_only_version) return;
    return run(state_.desired(e.kind, the_only_version, fixed->second, now()));
  }
  const auto by = options_.listed_by.find(e.kind);
  if (by == options_.listed_by.end()) return;
  actors::ask<messages::owned_ids>(
      this, find_name(system(), by->second), messages::list_owned_ids{e.kind, e.known_version},
      defaults::longest_actor_wait,
      [this, known = e.known_version](messages::owned_ids& found) {
        if (found.version == known) return;  // nothing changed, and nothing is listed
        run(state_.desired(found.kind, found.version, found.ids, now()));
      },
      [kind = e.kind](const fault& f) {  // read again at the next interval
        log::debug("what should be owned is not known", {{"kind", kind}, {"error", to_string(f)}});
      });
}

void coordinator::run(claim_effects wanted) {
  for (auto& one : wanted) {
    if (auto* a = std::get_if<ask_for_claims>(&one)) {
      ask(asker::claims, a->number, std::move(a->what), defaults::owner_patience);
    } else if (const auto* g = std::get_if<claim_granted>(&one)) {
      if (auto caller = claimers_.extract(g->id)) caller.mapped().deliver(told(g->proof));
    } else if (const auto* f = std::get_if<claim_failed>(&one)) {
      if (auto caller = claimers_.extract(f->id)) caller.mapped().fail(f->why);
    }
  }
}

// Who the peers are, for the links to them.
void coordinator::look_at_members() {
  const auto& view = state_.membership().members();
  const auto& self = state_.membership().self();
  if (view == known_ && self == known_self_) return;
  for (const auto& before : known_) {
    const bool still = std::any_of(view.begin(), view.end(), [&](const member& m) {
      return m.who.node == before.who.node && m.process == before.process;
    });
    if (still || before.who.node == self.node) continue;
    log::info("a node is gone", {{"node", before.who.node}, {"process", before.process}});
    const messages::node_gone who{before.who.node, before.process};
    departures_.push_back({who, now()});
    if (departures_.size() > defaults::janitor_deaths) departures_.pop_front();
    tell(find_name(system(), "janitor"), who);
  }
  known_ = view;
  known_self_ = self;
  tell(find_name(system(), "agent"), members_are{self, view});
}

// A janitor that starts here was not here to be told. What is older needs no telling: the key by
// which the tasks of that process were its own has run out.
void coordinator::tell_who_went_lately() {
  while (!departures_.empty() && now() - departures_.front().when >= defaults::liveness_ttl)
    departures_.pop_front();
  for (const auto& d : departures_) {
    const bool came_back = std::any_of(known_.begin(), known_.end(), [&](const member& m) {
      return m.who.node == d.who.node && m.process == d.who.process;
    });
    if (!came_back) tell(find_name(system(), "janitor"), d.who);
  }
}

// -- messages ----------------------------------------------------------------------------------------

void coordinator::answered(const store_answered& m) {
  if (leaving_ && m.who == asker::coordinator) return quit();
  switch (m.who) {
    case asker::coordinator: return run(state_.answered(m.number, m.answer, now()));
    case asker::claims: run(claims_.answered(m.number, m.answer, now())); return after_change();
    case asker::writes: break;
  }
  auto found = writers_.extract(m.number);
  if (found.empty()) return;
  auto& [what, caller] = found.mapped();
  if (!m.answer) return caller.fail(m.answer.error());
  const auto* outcome = std::get_if<write_outcome>(&*m.answer);
  if (outcome != nullptr && outcome->is == write_result::written) return caller.deliver({});
  caller.fail({fault_kind::stale, fault_side::store, retryable::no,
               fmt::format("{} \"{}\" has another owner by now", what.kind, what.id)});
  run(state_.write_refused(what, now()));
}

void coordinator::write(const messages::write_owned& m) {
  if (options_.alone) return write_plainly(m);
  const auto id = next_id_++;
  writers_.emplace(id, writer{to_key(m.proof.work), promise<messages::done>(this)});
  ask(asker::writes, id, fenced_write{to_ownership(m.proof), m.commands}, m.deadline);
}

// One after the other in one script, as with a fence: all or, when one is wrong, those before it.
void coordinator::write_plainly(const messages::write_owned& m) {
  static const std::string text = std::string(run_commands) + "run_all(1)\nreturn 1\n";
  messages::redis_script script{text, {}, {}, m.deadline};
  append_commands(script.arguments, m.commands);
  const auto caller = std::make_shared<promise<messages::done>>(this);
  actors::ask<messages::redis_value>(
      this, find_name(system(), "redis"), std::move(script), m.deadline,
      [caller](messages::redis_value&) { caller->deliver({}); },
      [caller](const fault& f) { caller->fail(f); });
}

void coordinator::claim(const messages::claim_work& m) {
  promise<messages::owner_proof> caller(this);
  if (options_.alone) {
    caller.deliver({m.work, state_.membership().self().node, "", 0});
    return;
  }
  const auto id = next_id_++;
  claimers_.emplace(id, std::move(caller));
  run(claims_.claim(id, to_key(m.work), now() + m.deadline, state_.membership().highest_fence(),
                    now()));
  after_change();
}

void coordinator::gone(const peer_is_gone& m) {
  for (const auto& peer : state_.membership().members())
    if (peer.who.node == m.node && peer.process == m.process) {
      log::warning("a node's process is gone", {{"node", m.node}, {"process", m.process}});
      return run(state_.peer_gone(peer.who, now()));
    }
}

void coordinator::hinted(const std::string& text) {
  if (text.empty()) return run(state_.hinted({hint::about::members, {}}, now()));
  const auto news = parse_hint(text);
  if (news) run(state_.hinted(*news, now()));
}

void coordinator::spread(const messages::spread_change& m) {
  const auto caller = std::make_shared<promise<messages::change_spread>>(this);
  if (options_.alone) return caller->deliver({});
  actors::ask<messages::change_spread>(
      this, find_name(system(), "agent"), m, m.deadline + defaults::peer_answer,
      [caller](messages::change_spread& told) { caller->deliver(std::move(told)); },
      [this, caller](const fault&) {
        messages::change_spread none;
        for (const auto& peer : known_)
          if (peer.who.node != known_self_.node) none.missing.push_back(peer.who.node);
        caller->deliver(std::move(none));
      });
}

void coordinator::show_owners(const messages::list_owners& m) {
  auto caller = std::make_shared<promise<messages::owner_listing>>(this);
  if (!options_.alone)
    return scan_owners(
        this, m, [caller](messages::owner_listing found) { caller->deliver(std::move(found)); },
        [caller](const fault& f) { caller->fail(f); });
  messages::owner_listing out;
  for (const auto& proof : state_.reconciler().list_owned()) {
    if (!m.kind.empty() && proof.what.kind != m.kind) continue;
    if (out.owners.size() >= m.limit) {
      out.complete = false;
      break;
    }
    out.owners.push_back(told(proof));
  }
  caller->deliver(std::move(out));
}

messages::owner_proof coordinator::told(const ownership& proof) const {
  auto out = to_message(proof);
  if (options_.alone) out.fence = 0;
  return out;
}

messages::member_report coordinator::report_self() {
  messages::member_report out;
  const auto at = now();
  const auto& membership = state_.membership();
  if (membership.is_member())
    out.lease_age_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<milliseconds>(at - membership.last_renewed()).count());
  const auto used = cpu_milliseconds();
  const auto passed = std::chrono::duration_cast<milliseconds>(at - cpu_at_).count();
  if (passed > 0) out.cpu_percent = (used - cpu_ms_) * 100 / static_cast<std::uint64_t>(passed);
  cpu_ms_ = used;
  cpu_at_ = at;
  std::map<std::string, std::uint64_t> counts;
  for (const auto& proof : state_.reconciler().list_owned()) ++counts[proof.what.kind];
  for (const auto& [kind, owned] : counts) out.owned.push_back({kind, owned});
  return out;
}

messages::status_rows coordinator::report() const {
  const auto& counters = state_.reconciler().counters();
  messages::status_rows out;
  const auto row = [&](const char* key, auto value) {
    out.rows.push_back({"cluster", key, fmt::format("{}", value)});
  };
  row("member", state_.membership().is_member() ? "yes" : "no: " + why_not_);
  row("nodes", state_.membership().members().size());
  row("owned", state_.reconciler().owned());
  row("ownable", state_.reconciler().known_ids());
  row("started", counters.started);
  row("moved away", counters.moved);
  row("lost", counters.lost);
  row("open claims", claims_.open());
  return out;
}

}  // namespace stagedoor::cluster
