// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/routes.hpp"

#include <fmt/format.h>
#include <set>

namespace stagedoor::dns {

const zone_route* find_route(const route_table& table, query_name& name, listener_id listener,
                             std::size_t most_labels) noexcept {
  const auto id = raw(listener);
  const auto* listed = table.find({reinterpret_cast<const char*>(&id), sizeof id});
  if (listed == nullptr) return nullptr;
  for (std::size_t n = std::min(most_labels, name.labels()) + 1; n-- > 0;) {
    if (!listed->depths.test(n)) continue;
    if (const auto* route = table.find(name.key(n, id))) return route;
  }
  return nullptr;
}

std::optional<std::size_t> zone_routes::block_of(std::string_view name, listener_id on) const {
  for (;; name = parent_of(name)) {
    if (const auto it = keys_.find({on, wire_name(name)}); it != keys_.end()) return it->second;
    if (name.size() <= 1) return std::nullopt;
  }
}

void zone_routes::count_depth(listener_id on, std::size_t labels, int change) {
  auto& count = depths_[{on, labels}];
  const bool before = count != 0;
  count = change > 0 ? count + 1 : count - 1;
  if (before == (count != 0)) return;
  const auto key = name_key({}, raw(on));
  zone_route entry;
  if (const auto* old = table_.find(key)) entry = *old;
  entry.depths.set(labels, count != 0);
  table_.put(key, std::move(entry));
}

// Brings the route named |name| in line with the blocks: which one has it, and which of that
// block's zones answers. A name that is neither a key nor a zone of its block has no route.
void zone_routes::refresh(std::string_view name, listener_id on) {
  const auto key = name_key(name, raw(on));
  const bool had = table_.find(key) != nullptr;
  const auto index = block_of(name, on);
  const bool is_key = keys_.contains({on, wire_name(name)});
  if (!index || (!is_key && !blocks_[*index].zones.contains(name))) {
    if (had && table_.erase(key)) count_depth(on, label_count(name), -1);
    return;
  }
  const auto& state = blocks_[*index];
  zone_route route;
  route.chain = state.block.chain;
  route.labels = static_cast<std::uint8_t>(label_count(name));
  for (std::string_view at = name;; at = parent_of(at)) {
    if (const auto it = state.zones.find(at); it != state.zones.end()) {
      route.zone = it->second;
      route.apex_labels = static_cast<std::uint8_t>(label_count(at));
      break;
    }
    if (at.size() <= 1) break;
  }
  table_.put(key, std::move(route));
  if (!had) count_depth(on, label_count(name), +1);
}

result<void> zone_routes::set_blocks(std::vector<server_block> blocks) {
  std::map<std::pair<listener_id, wire_name>, std::size_t> keys;
  for (std::size_t i = 0; i < blocks.size(); ++i)
    for (const auto on : blocks[i].listeners)
      for (const auto& key : blocks[i].keys)
        if (!keys.emplace(std::pair{on, key}, i).second)
          return fault{fault_kind::conflict, fault_side::operator_input, retryable::no,
                       fmt::format("zone {} is defined twice on one listener", name_text(key))};
  std::set<std::pair<listener_id, wire_name>> touched;
  const auto touch_all = [&] {
    for (const auto& [key, index] : keys_) touched.insert(key);
    for (const auto& state : blocks_)
      for (const auto on : state.block.listeners)
        for (const auto& [apex, id] : state.zones) touched.insert({on, apex});
  };
  touch_all();
  keys_ = std::move(keys);
  blocks_.clear();
  for (auto& block : blocks) {
    block_state state;
    for (auto& zone : block.zones) state.zones.insert_or_assign(zone.apex, zone.id);
    state.block = std::move(block);
    blocks_.push_back(std::move(state));
  }
  touch_all();
  for (const auto& [on, name] : touched) refresh(name, on);
  return {};
}

void zone_routes::refresh_zone(std::size_t block, std::string_view apex) {
  for (const auto on : blocks_[block].block.listeners) {
    refresh(apex, on);
    // A key below the apex is answered from the zone above it.
    for (const auto& key : blocks_[block].block.keys)
      if (key != apex && is_at_or_below(key, apex)) refresh(key, on);
  }
}

void zone_routes::add_zone(std::size_t block, served_zone zone) {
  const wire_name apex = zone.apex;
  blocks_.at(block).zones.insert_or_assign(apex, zone.id);
  refresh_zone(block, apex);
}

void zone_routes::remove_zone(std::size_t block, std::string_view apex) {
  auto& zones = blocks_.at(block).zones;
  const auto it = zones.find(apex);
  if (it == zones.end()) return;
  const wire_name name = it->first;
  zones.erase(it);
  refresh_zone(block, name);
}

}  // namespace stagedoor::dns
