// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/zone_state.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::dns {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

fault rejected(fault_kind kind, const record& r, std::string_view why) {
  return {kind, fault_side::operator_input, retryable::no,
          fmt::format("{} {}: {}", name_text(r.owner), type_name(r.type), why)};
}

// What may stand beside a CNAME: its DNSSEC records (RFC 4034 section 3, RFC 4035 section 2.5).
bool beside_cname(std::uint16_t t) noexcept {
  return t == type::cname || t == type::rrsig || t == type::nsec || t == type::sig ||
         t == type::key || t == type::nxt;
}

wire_name wildcard_below(std::string_view name) { return wire_name("\x01*", 2).append(name); }

}  // namespace

bool same_rdata(std::uint16_t type, std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  const auto names = names_in(type);
  if (names.count == 0) return a == b;
  if (a.substr(0, names.offset) != b.substr(0, names.offset)) return false;
  std::size_t end = names.offset;
  for (unsigned i = 0; i < names.count; ++i) {
    const std::size_t n = name_length(bytes_of(a.substr(end)));
    if (!ascii::iequals(a.substr(end, n), b.substr(end, n))) return false;
    end += n;
  }
  return a.substr(end) == b.substr(end);
}

void stage(change_set changes, name_table_writer& table) {
  for (auto& item : changes.items) {
    if (item.node) {
      table.put(std::move(item.key), std::move(*item.node));
    } else {
      table.erase(item.key);
    }
  }
}

zone_state::zone_state(zone_id id, const wire_name& apex, zone_limits limits, serial_source source)
    : id_(id), apex_(lower_cased(apex)), limits_(limits), source_(source) {}

// -- one record ----------------------------------------------------------------------------------

result<void> zone_state::check(const record& r, std::string_view owner) const {
  if (name_length(bytes_of(r.owner)) != r.owner.size() || r.owner.empty())
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no, "not a name"};
  if (!is_at_or_below(owner, apex_))
    return rejected(fault_kind::invalid, r,
                    fmt::format("is outside the zone {}", name_text(apex_)));
  if (type::is_meta(r.type)) return rejected(fault_kind::invalid, r, "is not a type of zone data");
  if (!well_formed_rdata(r.type, bytes_of(r.rdata)))
    return rejected(fault_kind::invalid, r, "has malformed RDATA");
  return {};
}

// RFC 1034 section 3.6.2: a CNAME stands alone, and there is only one of it; of DNAME also
// (RFC 6672 section 2.4).
bool zone_state::allows(const entry& e, std::uint16_t added) {
  return std::all_of(e.records.begin(), e.records.end(), [&](const stored& s) {
    if (s.type == added) return added != type::cname && added != type::dname;
    if (added == type::cname) return beside_cname(s.type);
    return s.type != type::cname || beside_cname(added);
  });
}

void zone_state::insert(entry& e, const record& r, bool from_file) {
  const auto first = std::lower_bound(e.records.begin(), e.records.end(), r.type,
                                      [](const stored& s, std::uint16_t t) { return s.type < t; });
  auto last = first;
  auto same = e.records.end();
  for (; last != e.records.end() && last->type == r.type; ++last)
    if (same_rdata(r.type, last->rdata, r.rdata)) same = last;
  // One TTL for the RRset (RFC 2181 section 5.2): the file's first record decides, and at run time
  // the newest (RFC 2136 section 3.4.2.2).
  const std::uint32_t ttl = from_file && first != last ? first->ttl : r.ttl;
  if (!from_file) std::for_each(first, last, [&](stored& s) { s.ttl = ttl; });
  if (same != e.records.end()) {
    (from_file ? same->from_file : same->at_run_time) = true;
    return;
  }
  e.records.insert(last, stored{r.type, from_file, !from_file, ttl, r.rdata});
}

// -- the tree ----------------------------------------------------------------------------------

zone_state::entry& zone_state::grow(entries& all, std::string_view apex, std::string_view name,
                                    touched_names* touched) {
  const auto [it, fresh] = all.try_emplace(wire_name(name));
  entry& made = it->second;  // references survive rehashing
  if (!fresh) return made;
  if (touched != nullptr) touched->emplace(name);
  if (name == apex) return made;
  const auto above = parent_of(name);
  entry& parent = grow(all, apex, above, touched);
  ++parent.children;
  if (touched != nullptr && is_wildcard(name)) touched->emplace(above);
  return made;
}

void zone_state::prune(std::string_view name, touched_names& touched) {
  touched.emplace(name);
  const auto it = entries_.find(name);
  if (name == apex_ || it == entries_.end()) return;
  if (!it->second.records.empty() || it->second.children != 0) return;
  const wire_name above(parent_of(name));
  if (is_wildcard(name)) touched.insert(above);
  entries_.erase(it);
  auto& parent = entries_.find(above)->second;
  if (--parent.children == 0 && parent.records.empty()) prune(above, touched);
}

void zone_state::count_cut(std::string_view name, const entry& e, int change) {
  const bool cut = std::any_of(e.records.begin(), e.records.end(), [&](const stored& s) {
    return s.type == type::dname || (s.type == type::ns && name != apex_);
  });
  if (cut) cuts_[label_count(name)] += static_cast<std::uint32_t>(change);
}

zone_node zone_state::build(std::string_view name, const entry& e) const {
  zone_node node;
  std::string soa;
  std::vector<std::string_view> rdata;
  for (std::size_t i = 0; i < e.records.size();) {
    const auto& head = e.records[i];
    rdata.clear();
    for (; i < e.records.size() && e.records[i].type == head.type; ++i)
      rdata.emplace_back(e.records[i].rdata);
    if (head.type == type::soa) {
      soa = head.rdata;
      store32(reinterpret_cast<std::uint8_t*>(soa.data()) + soa.size() - 20, serial_);
      rdata[0] = soa;
    }
    node.sets.add(head.type, head.ttl, rdata);
    node.delegation |= head.type == type::ns && name != apex_;
    node.redirection |= head.type == type::dname;
  }
  node.wildcard_child = entries_.contains(wildcard_below(name));
  if (name == apex_) {
    depth_set depths;
    for (std::size_t n = 0; n < cuts_.size(); ++n) depths.set(n, cuts_[n] != 0);
    if (depths.any()) node.cuts = std::make_unique<const depth_set>(depths);
  }
  return node;
}

change_set zone_state::collect(const touched_names& touched, std::size_t records) const {
  change_set changes;
  changes.serial = serial_;
  changes.records = records;
  changes.items.reserve(touched.size() + 1);
  const auto emit = [&](const wire_name& name) {
    const auto it = entries_.find(name);
    auto& item = changes.items.emplace_back();
    item.key = name_key(name, raw(id_));
    if (it != entries_.end()) item.node = build(name, it->second);
  };
  for (const auto& name : touched) emit(name);
  if (!touched.contains(apex_)) emit(apex_);  // its SOA and its depths
  return changes;
}

change_set zone_state::restate(std::span<const wire_name> names) const {
  return collect({names.begin(), names.end()}, 0);
}

// -- loading ------------------------------------------------------------------------------------

result<zone_state::entries> zone_state::merge(const zone_data& file, std::size_t& overruled) const {
  if (file.records.size() > limits_.records)
    return fault{fault_kind::too_large, fault_side::operator_input, retryable::no,
                 fmt::format("zone {} has {} records, at most {} are allowed", name_text(apex_),
                             file.records.size(), limits_.records)};
  entries all;
  all.reserve(file.records.size());
  std::size_t soas = 0;
  for (const auto& r : file.records) {
    const auto owner = lower_cased(r.owner);
    if (const auto good = check(r, owner); !good) return good.error();
    if (r.type == type::soa && owner != apex_)
      return rejected(fault_kind::invalid, r, "stands below the top of the zone");
    auto& e = grow(all, apex_, owner, nullptr);
    const bool again = std::any_of(e.records.begin(), e.records.end(), [&](const stored& s) {
      return s.type == r.type && same_rdata(r.type, s.rdata, r.rdata);
    });
    if (again) continue;
    if (r.type == type::soa && ++soas > 1)
      return rejected(fault_kind::invalid, r, "is there twice");
    if (!allows(e, r.type))
      return rejected(fault_kind::invalid, r, "cannot stand beside a CNAME, or is there twice");
    if (e.records.size() >= limits_.records_per_name)
      return rejected(fault_kind::too_large, r,
                      fmt::format("over {} records at one name", limits_.records_per_name));
    insert(e, r, true);
  }
  if (soas == 0)
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 fmt::format("zone {} has no SOA record", name_text(apex_))};
  for (const auto& r : added()) {
    const auto it = all.find(lower_cased(r.owner));
    const bool present =
        it != all.end() &&
        std::any_of(it->second.records.begin(), it->second.records.end(), [&](const stored& s) {
          return s.type == r.type && same_rdata(r.type, s.rdata, r.rdata);
        });
    if (it != all.end() && !present && !allows(it->second, r.type)) {
      ++overruled;  // the file wins
      continue;
    }
    insert(grow(all, apex_, lower_cased(r.owner), nullptr), r, false);
  }
  return all;
}

zone_state::touched_names zone_state::differences(const entries& before) const {
  touched_names touched;
  for (const auto& [name, e] : entries_) {
    const auto old = before.find(name);
    const bool fresh = old == before.end();
    if (fresh || old->second.records != e.records) touched.insert(name);
    if (fresh && is_wildcard(name) && name != apex_) touched.emplace(parent_of(name));
  }
  for (const auto& [name, e] : before) {
    if (entries_.contains(name)) continue;
    touched.insert(name);
    if (is_wildcard(name) && name != apex_) touched.emplace(parent_of(name));
  }
  return touched;
}

result<change_set> zone_state::load(const zone_data& file) {
  std::size_t overruled = 0;
  auto merged = merge(file, overruled);
  if (!merged) return std::move(merged).error();
  const entries before = std::exchange(entries_, std::move(*merged));
  cuts_ = {};
  records_ = 0;
  std::uint32_t in_file = 0;
  for (const auto& [name, e] : entries_) {
    count_cut(name, e, +1);
    records_ += e.records.size();
    for (const auto& s : e.records)
      if (s.type == type::soa) in_file = soa_serial(bytes_of(s.rdata));
  }
  const auto touched = differences(before);
  // A secondary that has seen a serial must never be offered an older or another zone under it.
  file_serial_ = in_file;
  const bool newer = source_ == serial_source::counted && serial_before(serial_, in_file);
  if (!loaded_ || newer)
    serial_ = in_file;
  else if (!touched.empty())
    count_change();
  const bool first = !std::exchange(loaded_, true);
  change_set changes;
  changes.serial = serial_;
  if (first || !touched.empty()) changes = collect(touched, records_);
  changes.overruled = overruled;
  return changes;
}

change_set zone_state::unload() {
  change_set changes;
  changes.serial = serial_;
  for (const auto& [name, e] : entries_) changes.items.push_back({name_key(name, raw(id_)), {}});
  entries_.clear();
  cuts_ = {};
  records_ = 0;
  loaded_ = false;
  return changes;
}

// -- run time -----------------------------------------------------------------------------------

result<change_set> zone_state::add_records(std::span<const record> records) {
  if (!loaded_)
    return fault{fault_kind::not_found, fault_side::self, retryable::yes,
                 fmt::format("zone {} is not loaded", name_text(apex_))};
  // The names involved are worked on as copies, so that a refused record leaves no trace.
  std::unordered_map<wire_name, entry> work;
  std::size_t grown = 0;
  for (const auto& r : records) {
    const auto owner = lower_cased(r.owner);
    if (const auto good = check(r, owner); !good) return good.error();
    if (r.type == type::soa) return rejected(fault_kind::invalid, r, "belongs to the server");
    auto [it, fresh] = work.try_emplace(owner);
    if (fresh)
      if (const auto old = entries_.find(owner); old != entries_.end()) it->second = old->second;
    entry& e = it->second;
    const bool present = std::any_of(e.records.begin(), e.records.end(), [&](const stored& s) {
      return s.type == r.type && same_rdata(r.type, s.rdata, r.rdata);
    });
    if (!present && !allows(e, r.type))
      return rejected(fault_kind::conflict, r, "cannot stand beside a CNAME, or is there already");
    if (!present &&
        (e.records.size() >= limits_.records_per_name || records_ + ++grown > limits_.records))
      return rejected(fault_kind::too_large, r, "too many records");
    insert(e, r, false);
  }
  touched_names touched;
  std::size_t changed = 0;
  for (auto& [owner, e] : work) {
    const auto old = entries_.find(owner);
    if (old != entries_.end() && old->second.records == e.records) continue;
    touched.insert(owner);
    ++changed;
    entry& target = grow(entries_, apex_, owner, &touched);
    count_cut(owner, target, -1);
    records_ += e.records.size() - target.records.size();
    target.records = std::move(e.records);
    count_cut(owner, target, +1);
  }
  if (changed == 0) return change_set{{}, serial_, 0, 0};
  count_change();
  return collect(touched, records.size());
}

result<change_set> zone_state::remove_records(std::span<const record_match> matches) {
  if (!loaded_)
    return fault{fault_kind::not_found, fault_side::self, retryable::yes,
                 fmt::format("zone {} is not loaded", name_text(apex_))};
  touched_names touched;
  std::size_t removed = 0;
  for (const auto& m : matches) {
    const auto owner = lower_cased(m.owner);
    const auto it = entries_.find(owner);
    if (it == entries_.end()) continue;
    entry& e = it->second;
    const std::size_t before = removed;
    count_cut(owner, e, -1);
    for (auto& s : e.records) {
      if (!s.at_run_time || (m.type && s.type != *m.type)) continue;
      if (m.rdata && !same_rdata(s.type, s.rdata, *m.rdata)) continue;
      s.at_run_time = false;
      ++removed;
    }
    records_ -=
        std::erase_if(e.records, [](const stored& s) { return !s.from_file && !s.at_run_time; });
    count_cut(owner, e, +1);
    if (removed != before) prune(owner, touched);
  }
  if (removed == 0) return change_set{{}, serial_, 0, 0};
  count_change();
  return collect(touched, removed);
}

change_set zone_state::set_serial(std::uint32_t serial) {
  if (!loaded_ || !serial_before(serial_, serial)) return change_set{{}, serial_, 0, 0};
  serial_ = serial;
  return collect({apex_}, 0);
}

std::vector<record> zone_state::added() const {
  std::vector<record> out;
  for (const auto& [name, e] : entries_)
    for (const auto& s : e.records)
      if (s.at_run_time) out.push_back({name, s.type, s.ttl, s.rdata});
  return out;
}

}  // namespace stagedoor::dns
