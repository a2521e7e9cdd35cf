// SPDX-License-Identifier: Apache-2.0
// What must hold in a simulated cluster: while it runs, and when it has come to rest.
#include "tests/sim/world.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::test {

using namespace cluster;

// -- at any time ---------------------------------------------------------------------------------------

void world::check_overlap(std::size_t n, const ownership& proof) {
  for (std::size_t other = 0; other < nodes_.size(); ++other) {
    auto& peer = at(other);
    if (other == n || !peer.up || peer.frozen) continue;
    const auto found = peer.running.find(proof.what);
    if (found == peer.running.end()) continue;
    if (now_ < excused_until_ || wronged_.contains(found->second.proof.holder)) {
      ++counters.excused_overlaps;
      continue;
    }
    throw violation(fmt::format("{} starts while {} runs", say(proof), say(found->second.proof)));
  }
}

void world::check_moves(sim_node& n, const effects& wanted, std::size_t owned_before) {
  const auto moved =
      static_cast<std::size_t>(std::count_if(wanted.begin(), wanted.end(), [](const effect& e) {
        const auto* stop = std::get_if<stop_owned>(&e);
        return stop != nullptr && stop->why == stop_reason::moved;
      }));
  if (moved == 0) return;
  const reconciler_options limits;
  const bool draining = n.state->membership().draining();
  const auto share = std::max(limits.at_least, owned_before * limits.share_percent / 100);
  if (!draining && moved > share)
    throw violation(fmt::format("{} moves {} of {} at once", n.name, moved, owned_before));
  if (n.last_moves != mono_time{} && local(n) - n.last_moves < limits.interval)
    throw violation(fmt::format("{} moves twice in one interval", n.name));
  n.last_moves = local(n);
}

// -- at rest --------------------------------------------------------------------------------------

std::string world::missing() {
  std::map<owned_key, std::size_t> runs;
  for (const auto& n : nodes_) {
    if (!n->up || n->frozen) continue;
    for (const auto& [key, work] : n->running) {
      if (++runs[key] > 1) return fmt::format("{} runs twice", to_text(key));
      if (!desired_[key.kind].ids.contains(key.id))
        return fmt::format("{} runs on {} and is not desired", to_text(key), n->name);
      const auto record = store_.now().owners.find(key);
      if (record == store_.now().owners.end() || record->second.holder != work.proof.holder)
        return fmt::format("{} runs on {} without a record", to_text(key), n->name);
    }
  }
  for (const auto& [kind, set] : desired_)
    for (const auto& id : set.ids) {
      std::size_t slots = 0;
      for (std::uint32_t slot = 0; slot < kinds().find(kind)->second; ++slot)
        slots += runs.contains({kind, id, slot}) ? 1U : 0U;
      if (slots < std::min(live(), kinds().find(kind)->second))
        return fmt::format("{} {} runs {} times", kind, id, slots);
    }
  return "";
}

std::string world::misplaced() {
  std::vector<candidate> candidates;
  std::vector<const sim_node*> who;
  for (const auto& n : nodes_) {
    if (!n->up || n->state->membership().draining()) continue;
    const auto entry = store_.now().members.find(n->name);
    if (entry == store_.now().members.end()) return n->name + " is no member";
    candidates.push_back({stable_hash(n->name), entry->second.who.capacity});
    who.push_back(n.get());
  }
  for (const auto& [kind, set] : desired_)
    for (const auto& id : set.ids) {
      ranking best;
      best.choose(key_hash(kind, id), candidates, kinds().find(kind)->second);
      for (std::size_t r = 0; r < best.count(); ++r) {
        const auto& running = who[best.at(r)]->running;
        const auto first = running.lower_bound({kind, id, 0});
        if (first == running.end() || first->first.kind != kind || first->first.id != id)
          return fmt::format("{} {} should run on {}", kind, id, who[best.at(r)]->name);
      }
    }
  return "";
}

}  // namespace stagedoor::test
