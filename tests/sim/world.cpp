// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::test {

using namespace cluster;
using namespace std::chrono_literals;

namespace {

// As long as a failover's lost writes can take to be made up for: the pause of one lease, then two
// assertions that are lost at their patience's end.
constexpr micros settling = 15s;

}  // namespace

std::string say(const ownership& o) {
  return fmt::format("{} ({}, fence {})", to_text(o.what), o.holder.node, o.number);
}

const std::map<std::string, std::size_t, std::less<>>& world::kinds() {
  static const std::map<std::string, std::size_t, std::less<>> all{
      {"check", 2}, {"team", 1}, {"zone", 1}};
  return all;
}

// -- chance and time -----------------------------------------------------------------------------------

std::size_t world::below(std::size_t n) {
  return n < 2 ? 0 : static_cast<std::size_t>(random_() % n);  // the same with every library
}

micros world::between(micros low, micros high) {
  return low + micros(static_cast<std::int64_t>(
                   below(static_cast<std::size_t>((high - low).count()) + 1)));
}

micros world::delay() { return between(100us, sky.longest_delay); }

void world::at(micros when, std::function<void()> what) {
  queue_.push_back({std::max(when, now_), next_event_++, std::move(what)});
  std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
}

void world::run_until(micros end) {
  while (!queue_.empty() && queue_.front().when <= end) {
    std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
    const auto next = std::move(queue_.back());
    queue_.pop_back();
    now_ = next.when;
    ++counters.events;
    next.what();
  }
  now_ = end;
}

mono_time world::local(const sim_node& n) const {
  return mono_time(micros(n.clock_offset + now_.count() + now_.count() / 1'000'000 * n.clock_ppm +
                          now_.count() % 1'000'000 * n.clock_ppm / 1'000'000));
}

micros world::global(const sim_node& n, mono_time when) const {
  // Close is enough: who wakes up too early is told the next time again.
  const auto wait = std::chrono::duration_cast<micros>(when - local(n)).count();
  return now_ + micros(std::max<std::int64_t>(1, wait - wait / 1'000'000 * n.clock_ppm -
                                                     wait % 1'000'000 * n.clock_ppm / 1'000'000));
}

// -- processes -----------------------------------------------------------------------------------------

std::size_t world::add_node() {
  const auto n = nodes_.size();
  auto& made = *nodes_.emplace_back(std::make_unique<sim_node>());
  made.name = fmt::format("n{}", n);
  made.clock_offset = static_cast<std::int64_t>(below(1'000'000'000'000));
  made.clock_ppm = static_cast<std::int64_t>(below(40'001)) - 20'000;
  by_name_.emplace(made.name, n);
  return n;
}

void world::start_process(std::size_t n) {
  auto& node = at(n);
  if (node.up) return;
  node.up = true;
  node.frozen = false;
  ++node.process;
  node.last_moves = {};
  node.timer_set_for = {};
  membership_options membership;
  membership.self = {{node.name, {}},
                     "10.0.0.1:7443",
                     1,
                     1,
                     "sim",
                     static_cast<std::uint32_t>(50 + 50 * (n % 3)),
                     false};
  reconciler_options reconciler;
  reconciler.kinds = kinds();
  node.state = std::make_unique<coordinator_state>(
      membership,
      [this] {
        return incarnation{random_(), random_() | 1U};
      },
      reconciler);
  step(n, node.state->start(local(node)));
}

void world::kill(std::size_t n) {
  auto& node = at(n);
  if (!node.up) return;
  const bool was_member = node.state->membership().is_member();
  const auto run = node.state->membership().self();
  node.up = false;
  node.frozen = false;
  node.running.clear();
  node.backlog.clear();
  if (!was_member) return;
  // Whoever has a link sees the connection reset.
  for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
    if (peer == n || !at(peer).up || cut_.contains(std::minmax(peer, n)) || !chance(90)) continue;
    in_process(peer, at(peer).process, now_ + between(1ms, 50ms),
               [this, peer, run] { step(peer, at(peer).state->peer_gone(run, local(at(peer)))); });
  }
}

void world::report_gone(std::size_t observer, std::size_t victim) {
  if (!at(observer).up || !at(victim).up || observer == victim) return;
  const auto run = at(victim).state->membership().self();
  in_process(observer, at(observer).process, now_, [this, observer, run] {
    step(observer, at(observer).state->peer_gone(run, local(at(observer))));
  });
}

void world::freeze(std::size_t n) { at(n).frozen = at(n).up; }

void world::thaw(std::size_t n) {
  auto& node = at(n);
  if (!node.up || !node.frozen) return;
  node.frozen = false;
  auto backlog = std::exchange(node.backlog, {});
  // What a process finds when it wakes up comes in any order, its timers among it.
  for (std::size_t i = backlog.size(); i > 1; --i) std::swap(backlog[i - 1], backlog[below(i)]);
  for (auto& what : backlog) {
    if (!node.up || node.frozen) break;
    what();
  }
}

void world::drain(std::size_t n) {
  auto& node = at(n);
  if (!node.up) return;
  in_process(n, node.process, now_, [this, n] { step(n, at(n).state->drain(local(at(n)))); });
}

void world::in_process(std::size_t n, std::uint64_t process, micros when,
                       std::function<void()> what) {
  at(when, [this, n, process, what = std::move(what)]() mutable {
    auto& node = at(n);
    if (!node.up || node.process != process) return;
    if (node.frozen)
      node.backlog.push_back([this, n, process, what = std::move(what)] {
        if (at(n).up && at(n).process == process) what();
      });
    else
      what();
  });
}

std::size_t world::live() const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& n) { return n->up; }));
}

// -- effects -------------------------------------------------------------------------------------------

void world::step(std::size_t n, effects wanted) {
  auto& node = at(n);
  check_moves(node, wanted, node.running.size());
  const auto process = node.process;
  for (auto& e : wanted) {
    if (!node.up || node.process != process) return;
    carry_out(n, e);
  }
  if (!node.up) return;
  if (!node.state->membership().is_member() && !node.running.empty())
    throw violation(fmt::format("{} is no member and runs {}", node.name,
                                say(node.running.begin()->second.proof)));
  set_timer(n);
}

void world::set_timer(std::size_t n) {
  auto& node = at(n);
  const auto due = node.state->next_tick();
  if (due == node.timer_set_for) return;
  node.timer_set_for = due;
  const auto timer = ++node.timer;
  const auto late = chance(90) ? between(0us, 5ms) : between(0us, 250ms);
  in_process(n, node.process, global(node, due) + late, [this, n, timer] {
    if (at(n).timer != timer) return;
    at(n).timer_set_for = {};
    step(n, at(n).state->tick(local(at(n))));
  });
}

void world::carry_out(std::size_t n, effect& e) {
  auto& node = at(n);
  if (auto* question = std::get_if<ask_store>(&e)) {
    ask(n, std::move(question->what), question->patience,
        [this, n, number = question->number](result<lease_answer> answer) {
          step(n, at(n).state->answered(number, answer, local(at(n))));
        });
  } else if (const auto* begin = std::get_if<start_owned>(&e)) {
    start_work(n, begin->proof);
  } else if (const auto* proof = std::get_if<renew_proof>(&e)) {
    const auto found = node.running.find(proof->proof.what);
    if (found == node.running.end()) throw violation("a proof for what does not run");
    found->second.proof = proof->proof;
  } else if (const auto* stop = std::get_if<stop_owned>(&e)) {
    if (node.running.erase(stop->what) == 0) throw violation("a stop for what does not run");
    counters.moves += stop->why == stop_reason::moved ? 1U : 0U;
    in_process(n, node.process, now_ + between(0us, 200ms),
               [this, n, key = stop->what] { step(n, at(n).state->stopped(key, local(at(n)))); });
  } else if (const auto* read = std::get_if<cluster::read_desired>(&e)) {
    read_desired(n, *read);
  } else if (const auto* change = std::get_if<membership_changed>(&e)) {
    counters.fenced += change->state == membership_changed::to::fenced ? 1U : 0U;
    if (change->state == membership_changed::to::left) {
      if (!node.running.empty()) throw violation(node.name + " left with work running");
      // Its last words are on their way already.
      after(1us, [this, n, process = node.process] {
        if (at(n).process == process) at(n).up = false;
      });
    }
  }
}

// -- the store and the way there -----------------------------------------------------------------------

void world::ask(std::size_t n, lease_request what, milliseconds patience,
                std::function<void(result<lease_answer>)> done) {
  auto& node = at(n);
  const auto process = node.process;
  const auto answered = std::make_shared<bool>(false);
  const auto answer = [this, n, process, answered, done](micros when, result<lease_answer> r) {
    in_process(n, process, when, [answered, done, r = std::move(r)] {
      if (!std::exchange(*answered, true)) done(r);
    });
  };
  const fault late{fault_kind::timed_out, fault_side::store, retryable::yes, "no answer"};
  answer(global(node, local(node) + patience), late);
  if (store_down_ || node.cut_from_store) {
    // A refused connection tells at once, a dropped packet never.
    if (chance(50))
      answer(now_ + between(1ms, 20ms),
             fault{fault_kind::unreachable, fault_side::store, retryable::yes, "no way"});
    return;
  }
  if (lost()) return;
  after(delay(), [this, n, answer, what = std::move(what)] {
    if (store_down_ || at(n).cut_from_store) return;
    auto r = execute(what);
    spread_hints();
    if (!lost()) answer(now_ + delay(), std::move(r));
  });
}

result<lease_answer> world::execute(const lease_request& what) {
  const auto wall = 1'700'000'000'000 + now_.count() / 1'000 + server_jump_;
  auto answer = store_.apply(what, wall, std::to_string(epoch_));
  if (const auto* evict = std::get_if<evict_member>(&what))
    if (std::get<evict_outcome>(answer).evicted) {
      wronged_.insert(evict->victim);
      ++counters.evicted;
    }
  if (const auto* write = std::get_if<fenced_write>(&what)) {
    const bool written = std::get<write_outcome>(answer).is == write_result::written;
    ++(written ? counters.writes : counters.stale_writes);
    if (!written) return answer;
    const auto [last, is_first] = accepted_.try_emplace(write->proof.what, write->proof);
    const auto& before = last->second;
    if (!is_first &&
        (write->proof.number < before.number ||
         (write->proof.number == before.number && write->proof.holder != before.holder)))
      throw violation(fmt::format("a write of {} was accepted after one of {}", say(write->proof),
                                  say(before)));
    last->second = write->proof;
  }
  return answer;
}

void world::spread_hints() {
  for (const auto& published : store_.take_published()) {
    const auto parsed = parse_hint(published.text);
    if (!parsed) throw violation("a hint that is none: " + published.text);
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      auto& node = at(n);
      if (!node.up || node.cut_from_store || lost()) continue;
      if (published.channel != hint_channel() && published.channel != hint_channel(node.name))
        continue;
      in_process(n, node.process, now_ + delay(),
                 [this, n, news = *parsed] { step(n, at(n).state->hinted(news, local(at(n)))); });
    }
  }
}

void world::fail_over_after(micros lost) {
  ++counters.failovers;
  after(lost, [this, kept = store_.now(), accepted = accepted_] {
    store_.restore(kept);
    accepted_ = accepted;
    ++epoch_;
    excused_until_ = now_ + settling;
  });
}

void world::lose_everything() {
  ++counters.failovers;
  store_.restore({});
  accepted_.clear();
  ++epoch_;
  excused_until_ = now_ + settling;
}

void world::set_server_clock(std::int64_t jump_ms) {
  server_jump_ += jump_ms;
  if (jump_ms > 0) excused_until_ = std::max(excused_until_, now_ + lease);
}

// -- owned work ----------------------------------------------------------------------------------------

void world::start_work(std::size_t n, const ownership& proof) {
  auto& node = at(n);
  ++counters.starts;
  if (!node.state->membership().is_member() || node.state->membership().self() != proof.holder)
    throw violation(fmt::format("{} starts {} and is no member", node.name, say(proof)));
  check_overlap(n, proof);
  const auto start = ++next_start_;
  if (!node.running.emplace(proof.what, running_work{proof, start}).second)
    throw violation(fmt::format("{} starts {} twice", node.name, say(proof)));
  keep_writing(n, proof.what, start);
}

void world::keep_writing(std::size_t n, const owned_key& key, std::uint64_t start) {
  in_process(n, at(n).process, now_ + between(50ms, 1'500ms), [this, n, key, start] {
    auto& node = at(n);
    const auto found = node.running.find(key);
    if (found == node.running.end() || found->second.start != start) return;
    const auto proof = found->second.proof;
    ask(n, fenced_write{proof, {{"SET", to_text(key), node.name}}}, milliseconds(1'000),
        [this, n, key, proof](result<lease_answer> answer) {
          const auto now_running = at(n).running.find(key);
          const bool stale = answer && std::get<write_outcome>(*answer).is == write_result::stale;
          if (stale && now_running != at(n).running.end() && now_running->second.proof == proof)
            step(n, at(n).state->write_refused(key, local(at(n))));
        });
    keep_writing(n, key, start);
  });
}

// -- what should be ------------------------------------------------------------------------------------

void world::cut_peers(std::size_t a, std::size_t b, bool cut) {
  if (cut)
    cut_.insert(std::minmax(a, b));
  else
    cut_.erase(std::minmax(a, b));
}

void world::change_desired(const std::string& kind, const std::vector<std::string>& added,
                           const std::vector<std::string>& removed) {
  auto& set = desired_[kind];
  ++set.version;
  set.ids.insert(added.begin(), added.end());
  for (const auto& id : removed) set.ids.erase(id);
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (!at(n).up || at(n).cut_from_store || lost()) continue;
    in_process(n, at(n).process, now_ + delay(),
               [this, n, kind, version = set.version, added, removed] {
                 auto& node = at(n);
                 step(n, node.state->desired_changed(kind, version, added, removed, local(node)));
               });
  }
}

void world::read_desired(std::size_t n, const cluster::read_desired& what) {
  if (store_down_ || at(n).cut_from_store || lost()) return;
  after(delay(), [this, n, process = at(n).process, what] {
    const auto& set = desired_[what.kind];
    if (set.version == what.known_version || lost()) return;
    std::vector<std::string> ids(set.ids.begin(), set.ids.end());
    in_process(n, process, now_ + delay(),
               [this, n, kind = what.kind, version = set.version, ids = std::move(ids)] {
                 step(n, at(n).state->desired(kind, version, ids, local(at(n))));
               });
  });
}

}  // namespace stagedoor::test
