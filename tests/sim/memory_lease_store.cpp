// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/memory_lease_store.hpp"

#include <algorithm>

namespace stagedoor::test {

using namespace cluster;

lease_answer memory_lease_store::apply(const lease_request& what, std::int64_t wall_ms,
                                       const std::string& epoch) {
  if (data_.used)
    data_.clock += std::clamp<std::int64_t>(wall_ms - data_.wall, 0, longest_step.count());
  data_.wall = wall_ms;
  if (data_.used && data_.epoch != epoch) {
    data_.fence += failover_jump;
    data_.paused = data_.clock + lease_;
  }
  data_.epoch = epoch;
  data_.used = true;
  const auto before = data_.version;
  auto answer = std::visit([this](const auto& request) { return on(request); }, what);
  publish_version(before);
  return answer;
}

bool memory_lease_store::alive(const node_run& who) const {
  const auto found = data_.members.find(who.node);
  return found != data_.members.end() && found->second.who.who.run == who.run &&
         found->second.ends > data_.clock;
}

void memory_lease_store::lift(fence floor) {
  if (floor <= data_.fence) return;
  data_.fence = floor;
  data_.paused = data_.clock + lease_;
}

void memory_lease_store::remove(const std::string& node) {
  data_.members.erase(node);
  ++data_.version;
}

void memory_lease_store::sweep() {
  data_.version += std::erase_if(
      data_.members, [this](const auto& entry) { return entry.second.ends <= data_.clock; });
}

void memory_lease_store::publish_version(std::uint64_t before) {
  if (data_.version != before) published_.push_back({hint_channel(), "members"});
}

lease_standing memory_lease_store::stand(standing is, std::int64_t taken_for) const {
  const auto paused = std::max<std::int64_t>(0, data_.paused - data_.clock);
  return {is,          data_.version,        data_.epoch,
          data_.fence, milliseconds(paused), milliseconds(taken_for)};
}

lease_answer memory_lease_store::on(const join_cluster& r) {
  const auto& self = r.self.who;
  lift(r.floor);
  sweep();
  const auto evicted = data_.evicted.find(self.node);
  if (evicted != data_.evicted.end() && evicted->second == self.run)
    return stand(standing::evicted);
  const auto old = data_.members.find(self.node);
  if (old != data_.members.end()) {
    const auto& holder = old->second.who.who.run;
    if (holder != self.run && holder != r.previous)
      return stand(standing::superseded, old->second.ends - data_.clock);
  }
  if (old == data_.members.end() || old->second.who != r.self) ++data_.version;
  data_.members[self.node] = {r.self, data_.clock + lease_};
  data_.evicted.erase(self.node);
  return stand(standing::member);
}

lease_answer memory_lease_store::on(const renew_lease& r) {
  lift(r.floor);
  sweep();
  if (alive(r.self)) {
    data_.members[r.self.node].ends = data_.clock + lease_;
    return stand(standing::member);
  }
  const auto evicted = data_.evicted.find(r.self.node);
  if (evicted != data_.evicted.end() && evicted->second == r.self.run)
    return stand(standing::evicted);
  return stand(data_.members.contains(r.self.node) ? standing::superseded : standing::unknown);
}

lease_answer memory_lease_store::on(const leave_cluster& r) {
  if (alive(r.self)) remove(r.self.node);
  return stand(standing::unknown);
}

lease_answer memory_lease_store::on(const evict_member& r) {
  if (!alive(r.self) || !alive(r.victim)) return evict_outcome{false};
  remove(r.victim.node);
  data_.evicted[r.victim.node] = r.victim.run;
  return evict_outcome{true};
}

lease_answer memory_lease_store::on(const read_members& r) {
  sweep();
  member_list out{data_.version, data_.version != r.known_version, {}};
  if (out.changed)
    for (const auto& [name, entry] : data_.members) out.members.push_back(entry.who);
  return out;
}

lease_answer memory_lease_store::on(const acquire_owners& r) {
  lift(r.floor);
  if (!alive(r.self)) return acquire_outcome{false, {}};
  acquire_outcome out;
  for (const auto& claim : r.claims) {
    const auto found = data_.owners.find(claim.what);
    const owner* old = found == data_.owners.end() ? nullptr : &found->second;
    const bool mine = old != nullptr && old->holder == r.self;
    const bool outdated = claim.held > (old == nullptr ? 0 : old->number);
    const bool free = old == nullptr || !alive(old->holder);
    if (mine || outdated || (free && data_.clock >= data_.paused)) {
      data_.fence = std::max(data_.fence, claim.held) + 1;
      data_.owners[claim.what] = {r.self, data_.fence};
      out.claims.push_back({claim_result::granted, data_.fence, {}, {}});
    } else if (free) {
      out.claims.push_back({claim_result::paused, 0, {}, milliseconds(data_.paused - data_.clock)});
    } else {
      out.claims.push_back({claim_result::held, 0, old->holder.node, {}});
      if (claim.insist)
        published_.push_back({hint_channel(old->holder.node), "wanted\n" + to_text(claim.what)});
    }
  }
  return out;
}

lease_answer memory_lease_store::on(const release_owners& r) {
  std::string text = "released";
  release_outcome out;
  for (const auto& item : r.items) {
    const auto found = data_.owners.find(item.what);
    if (found == data_.owners.end() || found->second.holder != r.self ||
        found->second.number > item.number)
      continue;
    data_.owners.erase(found);
    text += "\n" + to_text(item.what);
    ++out.released;
  }
  if (out.released > 0) published_.push_back({hint_channel(), text});
  return out;
}

lease_answer memory_lease_store::on(const fenced_write& r) {
  const auto found = data_.owners.find(r.proof.what);
  if (found == data_.owners.end() || found->second.holder != r.proof.holder ||
      found->second.number != r.proof.number || !alive(r.proof.holder))
    return write_outcome{write_result::stale};
  for (const auto& words : r.commands)
    if (words.size() == 3 && words[0] == "SET") data_.values[words[1]] = words[2];
  return write_outcome{write_result::written};
}

}  // namespace stagedoor::test
