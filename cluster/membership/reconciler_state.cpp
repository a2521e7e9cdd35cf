// SPDX-License-Identifier: Apache-2.0
// What should be owned and by whom: from the lists of the kinds and the members. What this node
// does about it is in reconciler_rounds.cpp.
#include "cluster/membership/reconciler_state.hpp"

#include <algorithm>
#include <cassert>

namespace stagedoor::cluster {

reconciler_state::reconciler_state(reconciler_options options) : options_(std::move(options)) {
  for (const auto& [name, replicas] : options_.kinds) {
    assert(replicas >= 1 && replicas <= most_replicas);
    kinds_.push_back(
        {.name = name, .replicas = replicas, .version = 0, .read_at = {}, .index = {}});
  }
}

// -- finding -----------------------------------------------------------------------------------------

reconciler_state::kind_state* reconciler_state::find_kind(std::string_view name) {
  for (auto& kind : kinds_)
    if (kind.name == name) return &kind;
  return nullptr;
}

reconciler_state::item* reconciler_state::find(const owned_key& key) {
  auto* kind = find_kind(key.kind);
  if (kind == nullptr) return nullptr;
  const auto found = kind->index.find(key.id);
  if (found == kind->index.end()) return nullptr;
  auto& i = items_[found->second];
  return i.slot == key.slot ? &i : nullptr;
}

owned_key reconciler_state::key_of(const item& i) const {
  return {kinds_[i.kind].name, i.id, i.slot};
}

std::vector<ownership> reconciler_state::list_owned() const {
  std::vector<ownership> out;
  for (const auto& i : items_)
    if (i.is == phase::owned) out.push_back({key_of(i), self_, i.number});
  return out;
}

// -- what should be ------------------------------------------------------------------------------------

void reconciler_state::desired(std::string_view kind, std::uint64_t version,
                               const std::vector<std::string>& ids, mono_time now) {
  auto* k = find_kind(kind);
  if (k == nullptr) return;
  const auto kind_index = static_cast<std::uint32_t>(k - kinds_.data());
  k->version = version;
  ++readings_;
  for (const auto& id : ids) add(*k, kind_index, id);
  for (std::size_t at = items_.size(); at-- > 0;) {
    auto& i = items_[at];
    if (i.kind != kind_index || i.seen == readings_) continue;
    i.is_desired = false;
    want(i);
    if (i.is == phase::none) erase(static_cast<std::uint32_t>(at));
  }
  soon(now);
}

effects reconciler_state::desired_changed(std::string_view kind, std::uint64_t version,
                                          const std::vector<std::string>& added,
                                          const std::vector<std::string>& removed, mono_time now) {
  effects out;
  auto* k = find_kind(kind);
  if (k == nullptr || version <= k->version) return out;
  if (version != k->version + 1) {
    out.push_back(read_desired{k->name, k->version});
    return out;
  }
  k->version = version;
  const auto kind_index = static_cast<std::uint32_t>(k - kinds_.data());
  for (const auto& id : added) add(*k, kind_index, id);
  for (const auto& id : removed) {
    const auto found = k->index.find(id);
    if (found == k->index.end()) continue;
    auto& i = items_[found->second];
    i.is_desired = false;
    want(i);
    if (i.is == phase::none) erase(found->second);
  }
  soon(now);
  return out;
}

void reconciler_state::add(kind_state& kind, std::uint32_t kind_index, const std::string& id) {
  const auto [at, is_new] = kind.index.try_emplace(id, static_cast<std::uint32_t>(items_.size()));
  if (is_new) {
    if (items_.size() >= options_.most_ids) {
      kind.index.erase(at);
      return;
    }
    auto& i = items_.emplace_back();
    i.kind = kind_index;
    i.id = id;
    i.hash = key_hash(kind.name, id);
    place(i);
  }
  auto& i = items_[at->second];
  i.seen = readings_;
  i.is_desired = true;
  want(i);
}

void reconciler_state::erase(std::uint32_t at) {
  kinds_[items_[at].kind].index.erase(items_[at].id);
  if (at + 1 != items_.size()) {
    items_[at] = std::move(items_.back());
    kinds_[items_[at].kind].index[items_[at].id] = at;
  }
  items_.pop_back();
}

void reconciler_state::place(item& i) {
  i.ranks.choose(i.hash, candidates_, kinds_[i.kind].replicas);
}

void reconciler_state::want(item& i) {
  i.wanted = i.is_desired && !draining_ && self_index_ != no_index && i.ranks.contains(self_index_);
}

void reconciler_state::want_all() {
  const auto found = names_.find(self_.node);
  self_index_ = found == names_.end() ? no_index : found->second;
  for (auto& i : items_) want(i);
}

// -- membership ------------------------------------------------------------------------------------

void reconciler_state::joined(const node_run& self, mono_time now) {
  self_ = self;
  member_ = true;
  for (auto& kind : kinds_) kind.read_at = now;
  want_all();
  soon(now);
}

effects reconciler_state::fenced(mono_time now) {
  effects out;
  member_ = false;
  asked_.clear();
  claims_in_flight_ = 0;
  for (auto& i : items_) {
    i.assert_now = i.asserting = false;
    if (i.is == phase::owned) stop(i, stop_reason::fenced, now, out);
    if (i.is == phase::stopping)
      i.release_after_stop = false;  // our records are void already
    else
      become(i, phase::none);
  }
  soon(now);
  return out;
}

std::uint32_t reconciler_state::index_of(const std::string& node) {
  const auto found = names_.find(node);
  if (found != names_.end()) return found->second;
  std::uint32_t index = 0;
  if (spare_indexes_.empty()) {
    index = static_cast<std::uint32_t>(candidates_.size());
    candidates_.emplace_back();
  } else {
    index = spare_indexes_.back();
    spare_indexes_.pop_back();
  }
  candidates_[index] = {stable_hash(node), 0};
  names_.emplace(node, index);
  return index;
}

void reconciler_state::view(const std::vector<member>& members, mono_time now) {
  std::vector<std::uint32_t> weights(candidates_.size(), 0);
  std::vector<bool> listed(candidates_.size(), false);
  for (const auto& m : members) {
    const auto index = index_of(m.who.node);
    weights.resize(candidates_.size(), 0);
    listed.resize(candidates_.size(), false);
    weights[index] = m.draining ? 0 : m.capacity;
    listed[index] = true;
  }
  std::vector<bool> stale(candidates_.size(), false);
  std::vector<std::uint32_t> fresh;
  for (std::uint32_t index = 0; index < candidates_.size(); ++index) {
    auto& c = candidates_[index];
    if (c.weight == weights[index]) continue;
    if (c.weight != 0) stale[index] = true;
    if (weights[index] != 0) fresh.push_back(index);
    c.weight = weights[index];
  }
  place_again(stale, fresh);
  // Only now does no ranking name those who left, and their places can be given away.
  for (auto name = names_.begin(); name != names_.end();) {
    const bool stays = listed[name->second];
    if (!stays) spare_indexes_.push_back(name->second);
    name = stays ? std::next(name) : names_.erase(name);
  }
  want_all();
  soon(now);
}

void reconciler_state::place_again(const std::vector<bool>& stale,
                                   const std::vector<std::uint32_t>& fresh) {
  const bool any_stale = std::find(stale.begin(), stale.end(), true) != stale.end();
  if (!any_stale && fresh.empty()) return;
  for (auto& i : items_) {
    bool again = false;
    for (std::size_t r = 0; r < i.ranks.count() && any_stale; ++r) again |= stale[i.ranks.at(r)];
    if (again) {
      place(i);
    } else {
      for (const auto index : fresh)
        i.ranks.consider(i.hash, index, candidates_[index], kinds_[i.kind].replicas);
    }
  }
}

void reconciler_state::store_changed(mono_time now) {
  for (auto& i : items_) i.assert_now = i.is == phase::owned;
  soon(now);
}

void reconciler_state::saw_fence(fence number) noexcept { highest_ = std::max(highest_, number); }

void reconciler_state::drain(mono_time now) {
  draining_ = true;
  most_owned_ = owned_;
  want_all();
  soon(now);
}

}  // namespace stagedoor::cluster
