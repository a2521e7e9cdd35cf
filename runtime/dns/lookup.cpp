// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/lookup.hpp"

#include "runtime/snapshot/missing_names.hpp"

#include <algorithm>
#include <cstring>

namespace stagedoor::dns {
namespace {

std::string_view as_text(std::span<const std::uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// RFC 1034 section 4.3.2 step 3a: a CNAME is data, not a direction, for these.
bool stops_at_cname(std::uint16_t qtype) noexcept {
  return qtype == type::cname || qtype == type::any || qtype == type::rrsig || qtype == type::nsec;
}

void truncate(answer_writer& out) noexcept { out.set_flags(flag::tc); }

}  // namespace

owner_ref lookup::subject::ancestor(std::size_t labels) const noexcept {
  const std::size_t skip = name.offset(labels);
  const auto wire = owner.wire.substr(skip);
  // Only the question is known to stand in the message in one piece.
  if (owner.offset == 0 || wire.size() == 1) return {wire, 0};
  return {wire, static_cast<std::uint16_t>(owner.offset + skip)};
}

lookup::outcome lookup::answer(query& q, const zone_route& route, listener_id on,
                               answer_writer& out, absent_names absent) noexcept {
  apex_ns_ = route.chain->apex_ns;
  absent_ = absent;
  const auto question = q.packet.subspan(header_size, q.name.size());
  subject s{q.name, {as_text(question), header_size}, {*route.zone, route.apex_labels}, true};
  if (q.name.size() == 1) s.owner.offset = 0;
  out.set_flags(flag::aa);
  step last = resolve(s, q.qtype, out);
  if (last == step::absent) return outcome::absent;
  if (last == step::missing || last == step::no_zone) {
    out.clear_flags(flag::aa);
    return last == step::missing ? outcome::missing : outcome::no_zone;
  }
  // RFC 1034 section 4.3.2 step 3a: start again with the canonical name, in whichever of our zones
  // it is. The code is that of the last name, the AA bit that of the first (RFC 6604, RFC 2181).
  for (std::size_t hop = 1; last == step::follow && hop < limits_.chain; ++hop) {
    const std::string_view next{next_.data(), next_size_};
    if (!current_.assign(next)) break;
    const auto* to = find_route(routes_, current_, on, current_.labels());
    if (to == nullptr || !to->zone) break;
    const subject chased{current_, {next, 0}, {*to->zone, to->apex_labels}, false};
    last = resolve(chased, q.qtype, out);
    if (last == step::absent) return outcome::absent;
    if (last == step::no_zone) out.set_rcode(rcode::servfail);
    if (last == step::missing) {
      out.set_rcode(rcode::nxdomain);
      if (const auto* apex = find(current_, chased.at.apex_labels, chased.at))
        put_soa(chased, *apex, out);
    }
  }
  return outcome::answered;
}

void lookup::deny(query& q, const zone_route& route, answer_writer& out) noexcept {
  const auto question = q.packet.subspan(header_size, q.name.size());
  const subject s{q.name, {as_text(question), header_size}, {*route.zone, route.apex_labels}, true};
  out.set_flags(flag::aa);
  out.set_rcode(rcode::nxdomain);
  if (const auto* apex = find(q.name, route.apex_labels, s.at)) put_soa(s, *apex, out);
}

lookup::step lookup::resolve(const subject& s, std::uint16_t qtype, answer_writer& out) noexcept {
  const auto* apex = find(s.name, s.at.apex_labels, s.at);
  if (apex == nullptr) return step::no_zone;
  std::size_t labels = 0;
  if (const auto* cut = topmost_cut(s, *apex, qtype, labels)) {
    if (!cut->delegation) return follow_dname(s, labels, *cut, qtype, out);
    refer(s, labels, *cut, out);
    return step::done;
  }
  const auto all = s.name.labels();
  const auto* node = all == s.at.apex_labels ? apex : find(s.name, all, s.at);
  // Before a wildcard is asked, and also when only names below it are here.
  if ((node == nullptr || !node->sets.first()) && may_exist(s)) return step::absent;
  if (node != nullptr) return answer_node(s, *node, *apex, qtype, out);

  // RFC 4592 section 3.3.1: the source of synthesis is "*" below the closest encloser, and nothing
  // else; a wildcard further up does not reach past a name that exists.
  const std::size_t encloser = closest_encloser(s);
  const auto* above = encloser == s.at.apex_labels ? apex : find(s.name, encloser, s.at);
  if (above == nullptr || !above->wildcard_child) return step::missing;
  std::array<char, 264> scratch;
  const auto* wildcard = names_.find(s.name.wildcard_key(encloser, raw(s.at.zone), scratch));
  return wildcard == nullptr ? step::missing : answer_node(s, *wildcard, *apex, qtype, out);
}

bool lookup::may_exist(const subject& s) noexcept {
  if (absent_ == absent_names::do_not_exist || s.name.labels() != s.at.apex_labels + 1)
    return false;
  const auto& zones = limits_.asked_about;
  if (std::find(zones.begin(), zones.end(), s.at.zone) == zones.end()) return false;
  const auto wire = s.name.view();
  absent_label_ = wire.substr(1, static_cast<std::uint8_t>(wire[0]));
  return snapshot::is_host_label(absent_label_);
}

// The deepest existing ancestor, as its label count: existence is monotone, so halving finds it.
std::size_t lookup::closest_encloser(const subject& s) const noexcept {
  std::size_t exists = s.at.apex_labels;
  std::size_t missing = s.name.labels();
  while (exists + 1 < missing) {
    const std::size_t middle = exists + (missing - exists) / 2;
    (find(s.name, middle, s.at) != nullptr ? exists : missing) = middle;
  }
  return exists;
}

// The delegation or DNAME nearest to the apex that takes the name away from this zone, or null.
const zone_node* lookup::topmost_cut(const subject& s, const zone_node& apex, std::uint16_t qtype,
                                     std::size_t& labels) const noexcept {
  if (apex.cuts == nullptr) return nullptr;
  const std::size_t all = s.name.labels();
  for (std::size_t n = s.at.apex_labels; n <= all; ++n) {
    if (!apex.cuts->test(n)) continue;
    const auto* node = n == s.at.apex_labels ? &apex : find(s.name, n, s.at);
    if (node == nullptr) return nullptr;  // nothing exists further down
    // DS belongs to the parent's side of a cut (RFC 4035 section 3.1.4.1); a DNAME says nothing
    // about its own owner (RFC 6672 section 2.3).
    const bool delegates = node->delegation && !(n == all && qtype == type::ds);
    if (delegates || (node->redirection && n < all)) {
      labels = n;
      return node;
    }
  }
  return nullptr;
}

lookup::step lookup::answer_node(const subject& s, const zone_node& node, const zone_node& apex,
                                 std::uint16_t qtype, answer_writer& out) noexcept {
  if (!stops_at_cname(qtype))
    if (const auto cname = node.sets.find(type::cname)) return follow_cname(s, cname, out);
  // One RRset is answer enough to ANY (RFC 8482 section 4.1).
  const auto set = qtype == type::any ? node.sets.first() : node.sets.find(qtype);
  if (!set) {
    put_soa(s, apex, out);
    return step::done;
  }
  if (!out.put(section::answer, s.owner, set)) {
    truncate(out);
    return step::done;
  }
  if (apex_ns_ && !out.contains(apex.sets.find(type::ns)))
    if (const auto ns = apex.sets.find(type::ns))
      (void)out.put(section::authority, s.ancestor(s.at.apex_labels), ns);
  put_additional(s, set, out);
  return step::done;
}

lookup::step lookup::follow_cname(const subject& s, const rrset_view& cname,
                                  answer_writer& out) noexcept {
  if (out.contains(cname)) return step::done;  // a loop: what was collected is the answer
  if (!out.put(section::answer, s.owner, cname)) {
    truncate(out);
    return step::done;
  }
  const auto target = cname.first();
  std::memcpy(next_.data(), target.data(), target.size());
  next_size_ = target.size();
  return step::follow;
}

// RFC 6672 section 3: the DNAME itself, and a CNAME made from it for resolvers that know none.
lookup::step lookup::follow_dname(const subject& s, std::size_t labels, const zone_node& node,
                                  std::uint16_t qtype, answer_writer& out) noexcept {
  const auto dname = node.sets.find(type::dname);
  if (!out.contains(dname) && !out.put(section::answer, s.ancestor(labels), dname)) {
    truncate(out);
    return step::done;
  }
  const auto target = as_text(dname.first());
  const std::size_t prefix = s.name.offset(labels);
  if (prefix + target.size() > max_name_bytes) {
    out.set_rcode(rcode::yxdomain);
    return step::done;
  }
  std::array<std::uint8_t, 2 + max_name_bytes> record;
  store16(record.data(), static_cast<std::uint16_t>(prefix + target.size()));
  std::memcpy(record.data() + 2, s.owner.wire.data(), prefix);
  std::memcpy(record.data() + 2 + prefix, target.data(), target.size());
  const rrset_view cname{type::cname, 1, dname.ttl, {record.data(), 2 + prefix + target.size()}};
  if (!out.put(section::answer, s.owner, cname)) {
    truncate(out);
    return step::done;
  }
  next_size_ = prefix + target.size();
  std::memcpy(next_.data(), record.data() + 2, next_size_);
  return stops_at_cname(qtype) && qtype != type::any ? step::done : step::follow;
}

// RFC 1034 section 4.2.1; the addresses without which the child cannot be reached are required
// (RFC 9471), others are a courtesy.
void lookup::refer(const subject& s, std::size_t labels, const zone_node& cut,
                   answer_writer& out) noexcept {
  if (s.first) out.clear_flags(flag::aa);
  const auto ns = cut.sets.find(type::ns);
  if (!out.put(section::authority, s.ancestor(labels), ns)) {
    truncate(out);
    return;
  }
  const auto child = s.name.suffix(labels);
  for (const bool required : {true, false})
    ns.each([&](std::span<const std::uint8_t> rdata) {
      if (!target_.assign(rdata)) return;
      if (is_at_or_below(target_.view(), child) != required) return;
      if (!put_addresses(as_text(rdata), s.at, out) && required) truncate(out);
    });
}

// RFC 2308 sections 2 and 3.
void lookup::put_soa(const subject& s, const zone_node& apex, answer_writer& out) noexcept {
  const auto soa = apex.sets.find(type::soa);
  if (!soa) return;
  const auto ttl = std::min(soa.ttl, soa_minimum(soa.first()));
  if (!out.put(section::authority, s.ancestor(s.at.apex_labels), soa, ttl)) truncate(out);
}

// RFC 1035 section 3.3, RFC 2782, RFC 9460 section 4.1: addresses of the names in |set|.
void lookup::put_additional(const subject& s, const rrset_view& set, answer_writer& out) noexcept {
  const auto names = names_in(set.type);
  const bool service = set.type == type::svcb || set.type == type::https;
  if (!service && set.type != type::ns && set.type != type::mx && set.type != type::srv) return;
  set.each([&](std::span<const std::uint8_t> rdata) {
    const auto rest = rdata.subspan(names.offset);
    auto target = as_text(rest.first(name_length(rest)));
    const bool alias = service && load16(rdata.data()) == 0;
    if (service && !alias && target.size() == 1) target = s.owner.wire;  // "." is the owner itself
    if (alias && target_.assign(target))
      if (const auto* node = find(target_, target_.labels(), s.at))
        if (const auto next = node->sets.find(set.type); next && !out.contains(next))
          (void)out.put(section::additional, {target, 0}, next);
    (void)put_addresses(target, s.at, out);
  });
}

// A and AAAA of |target| if this zone has them. False when they exist but do not fit.
bool lookup::put_addresses(std::string_view target, place at, answer_writer& out) noexcept {
  if (!target_.assign(target)) return true;
  const auto* node = find(target_, target_.labels(), at);
  if (node == nullptr) return true;
  bool fits = true;
  for (const auto t : {type::a, type::aaaa})
    if (const auto set = node->sets.find(t); set && !out.contains(set))
      fits = out.put(section::additional, {target, 0}, set) && fits;
  return fits;
}

}  // namespace stagedoor::dns
