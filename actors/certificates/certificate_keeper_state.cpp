// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/certificate_keeper_state.hpp"

#include "runtime/acme/certificate_info.hpp"
#include "runtime/base/date.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

std::string parent_wildcard(const std::string& host) {
  const auto dot = host.find('.');
  return dot == std::string::npos ? std::string() : "*" + host.substr(dot);
}

}  // namespace

certificate_keeper_state::certificate_keeper_state(
    const std::map<std::string, resolver_facts>& resolvers, keeper_limits limits, unsigned seed)
    : limits_(limits), random_(seed) {
  for (const auto& [name, facts] : resolvers) resolvers_[name].facts = facts;
}

wall_time certificate_keeper_state::renewal_of(const tls::certificate& c) {
  return acme::renewal_time(c.not_before(), c.not_after());
}

double certificate_keeper_state::random_share() {
  return std::uniform_real_distribution<double>(0.0, 1.0)(random_);
}

keeper_effects certificate_keeper_state::sources_known(mono_time now) {
  keeper_effects out;
  knows_sources_ = true;
  start_orders(now, out);
  return out;
}

keeper_effects certificate_keeper_state::taken_over(mono_time now) {
  keeper_effects out;
  for (const auto& [name, certificate] : served_)
    out.emplace_back(serve_certificate{name, certificate});
  for (auto& [host, w] : wanted_) {
    if (w.at != phase::ordering) continue;
    out.emplace_back(abandon_order{host, w.order});
    order_over(w);
    enqueue(host, w, queue_end::front);
  }
  start_orders(now, out);
  return out;
}

// -- certificates -------------------------------------------------------------------

keeper_effects certificate_keeper_state::found(const std::string& source,
                                               const std::vector<tls::certificate>& all,
                                               mono_time now, wall_time wall) {
  keeper_effects out;
  review_names(offer_names(source, all, out), now, wall);
  start_orders(now, out);
  return out;
}

const tls::certificate* certificate_keeper_state::served(const std::string& name) const {
  const auto it = served_.find(name);
  return it == served_.end() ? nullptr : &it->second;
}

// Returns the names that are served differently now.
std::vector<std::string> certificate_keeper_state::offer_names(
    const std::string& source, const std::vector<tls::certificate>& all, keeper_effects& out) {
  std::set<std::string> touched;
  for (const auto& name : by_source_[source]) {
    std::erase_if(offers_[name], [&](const offer& o) { return o.source == source; });
    touched.insert(name);
  }
  std::vector<std::string> names;
  for (const auto& certificate : all)
    for (const auto& name : certificate.names()) {
      auto& offers = offers_[name];
      // What an order made is on disk now: from here on the disk says how long it lives.
      std::erase_if(offers, [&](const offer& o) {
        return o.source.starts_with(order_prefix) &&
               o.what.fingerprint() == certificate.fingerprint();
      });
      offers.push_back({source, certificate});
      names.push_back(name);
      touched.insert(name);
    }
  if (names.empty())
    by_source_.erase(source);
  else
    by_source_[source] = std::move(names);
  std::vector<std::string> changed;
  for (const auto& name : touched)
    if (choose(name, out)) changed.push_back(name);
  return changed;
}

bool certificate_keeper_state::choose(const std::string& name, keeper_effects& out) {
  const auto found = offers_.find(name);
  const auto known = served_.find(name);
  if (found == offers_.end() || found->second.empty()) {
    if (found != offers_.end()) offers_.erase(found);
    if (known == served_.end()) return false;
    served_.erase(known);
    out.emplace_back(drop_certificate{name});
    return true;
  }
  const auto& best = std::max_element(found->second.begin(), found->second.end(),
                                      [](const offer& a, const offer& b) {
                                        return a.what.not_after() < b.what.not_after();
                                      })
                         ->what;
  if (known != served_.end() && known->second.fingerprint() == best.fingerprint()) return false;
  served_.insert_or_assign(name, best);
  out.emplace_back(serve_certificate{name, best});
  return true;
}

const tls::certificate* certificate_keeper_state::covering(const std::string& host) const {
  const auto* own = served(host);
  const auto* wildcard = served(parent_wildcard(host));
  if (own == nullptr || wildcard == nullptr) return own == nullptr ? wildcard : own;
  return wildcard->not_after() > own->not_after() ? wildcard : own;
}

// -- wishes -------------------------------------------------------------------------

result<keeper_effects> certificate_keeper_state::want(const std::string& host,
                                                      const std::string& resolver, mono_time now,
                                                      wall_time wall) {
  keeper_effects out;
  auto it = wanted_.find(host);
  if (it != wanted_.end() && it->second.resolver == resolver) return out;
  if (it == wanted_.end()) {
    if (wanted_.size() >= limits_.max_wanted)
      return fault{fault_kind::overloaded, fault_side::self, retryable::no,
                   fmt::format("certificates for {} hosts are wanted already", wanted_.size())};
    it = wanted_.try_emplace(host).first;
  }
  auto& w = it->second;
  if (w.at == phase::ordering) {
    w.resolver = resolver;  // the order under way is finished first
    return out;
  }
  rest(host, w, phase::hopeless);  // its place and its pause were with another CA
  w.resolver = resolver;
  w.memory = {};
  w.last_error.clear();
  review(host, w, now, wall);
  if (const auto r = resolvers_.find(resolver); r != resolvers_.end())
    start_orders(r->second, now, out);
  return out;
}

keeper_effects certificate_keeper_state::release(const std::string& host, mono_time now) {
  keeper_effects out;
  const auto it = wanted_.find(host);
  if (it == wanted_.end()) return out;
  auto& w = it->second;
  if (w.at == phase::ordering) {
    out.emplace_back(abandon_order{host, w.order});
    auto& r = order_over(w);
    wanted_.erase(it);
    start_orders(r, now, out);
  } else {
    rest(host, w, phase::hopeless);
    wanted_.erase(it);
  }
  return out;
}

void certificate_keeper_state::review_names(const std::vector<std::string>& changed, mono_time now,
                                            wall_time wall) {
  const bool wildcards = std::any_of(changed.begin(), changed.end(),
                                     [](const auto& name) { return name.starts_with("*."); });
  if (wildcards) {
    for (auto& [host, w] : wanted_) review(host, w, now, wall);
    return;
  }
  for (const auto& name : changed)
    if (const auto it = wanted_.find(name); it != wanted_.end())
      review(it->first, it->second, now, wall);
}

// Where a wish stands, given the certificates there are.
void certificate_keeper_state::review(const std::string& host, wish& w, mono_time now,
                                      wall_time wall) {
  if (w.at == phase::ordering) return;
  const auto* certificate = covering(host);
  const auto r = resolvers_.find(w.resolver);
  if (r == resolvers_.end() || !r->second.facts.unsupported.empty()) {
    // Nothing can be ordered: files are replaced by whoever wrote them.
    rest(host, w, certificate != nullptr ? phase::covered : phase::hopeless);
    w.last_error.clear();
    if (certificate != nullptr || w.resolver.empty()) return;
    w.last_error = r != resolvers_.end()
                       ? r->second.facts.unsupported
                       : fmt::format("certificate resolver \"{}\" does not exist", w.resolver);
    return;
  }
  if (certificate != nullptr && wall < renewal_of(*certificate)) {
    rest(host, w, phase::covered);
    w.last_error.clear();
    w.memory = {};
    w.attempts = 0;
    const auto jitter =
        std::chrono::duration_cast<milliseconds>(limits_.renewal_jitter * random_share());
    const auto wait = std::chrono::ceil<milliseconds>(renewal_of(*certificate) - wall);
    plan(host, w, now + wait + jitter);
    return;
  }
  if (w.at == phase::queued || w.at == phase::pausing) return;  // its turn comes
  enqueue(host, w, queue_end::back);
}

// In no queue and without a plan.
void certificate_keeper_state::rest(const std::string& host, wish& w, phase at) {
  plan(host, w, std::nullopt);
  if (w.ticket) resolvers_.at(w.resolver).queue.erase(*w.ticket);
  w.ticket.reset();
  w.at = at;
}

void certificate_keeper_state::plan(const std::string& host, wish& w,
                                    std::optional<mono_time> due) {
  if (w.due) due_.erase({*w.due, host});
  w.due = due;
  if (w.due) due_.insert({*w.due, host});
}

void certificate_keeper_state::enqueue(const std::string& host, wish& w, queue_end where) {
  rest(host, w, phase::queued);
  w.ticket = where == queue_end::front ? --first_ticket_ : ++last_ticket_;
  resolvers_.at(w.resolver).queue.emplace(*w.ticket, host);
}

void certificate_keeper_state::pause(const std::string& host, wish& w, const acme::failure& why,
                                     mono_time now) {
  acme::retry_policy policy({}, w.memory);
  const auto wait = policy.failed(why, random_share()).after;
  w.memory = policy.state();
  w.last_error = why.why.detail;
  rest(host, w, phase::pausing);
  plan(host, w, now + wait);
}

// -- observers ----------------------------------------------------------------------

std::size_t certificate_keeper_state::ordering() const noexcept {
  std::size_t sum = 0;
  for (const auto& [name, r] : resolvers_) sum += r.ordering;
  return sum;
}

std::string certificate_keeper_state::state_of(const std::string& host, wall_time wall) const {
  const auto* certificate = covering(host);
  if (certificate != nullptr && wall < certificate->not_after())
    return "valid until " + date_of(certificate->not_after());
  const auto expired =
      certificate == nullptr ? "" : "expired on " + date_of(certificate->not_after()) + ", ";
  const auto it = wanted_.find(host);
  if (it == wanted_.end() || it->second.resolver.empty()) return expired + "default";
  const auto& w = it->second;
  if (w.at == phase::ordering) return expired + "pending: being ordered";
  const auto r = resolvers_.find(w.resolver);
  if (w.at == phase::queued && r != resolvers_.end() && !r->second.trouble.empty())
    return expired + "pending: " + r->second.trouble;
  return expired + "pending: " + (w.last_error.empty() ? "waiting for its turn" : w.last_error);
}

std::string certificate_keeper_state::source_of(const std::string& host) const {
  for (const auto& name : {host, parent_wildcard(host)}) {
    const auto* certificate = served(name);
    if (certificate == nullptr || certificate != covering(host)) continue;
    for (const auto& o : offers_.at(name))
      if (o.what.fingerprint() == certificate->fingerprint()) return o.source;
  }
  return {};
}

std::vector<keeper_row> certificate_keeper_state::rows(std::size_t limit, mono_time now,
                                                       wall_time wall) const {
  std::vector<keeper_row> pending;
  std::vector<keeper_row> others;
  for (const auto& [host, w] : wanted_) {
    auto& list = w.at == phase::covered ? others : pending;
    if (list.size() >= limit) continue;
    auto source = source_of(host);
    keeper_row row{host,         state_of(host, wall), source.empty() ? w.resolver : source,
                   w.last_error, std::nullopt,         w.attempts};
    auto next = w.due;
    if (w.at == phase::queued) next = resolvers_.at(w.resolver).closed_until;
    if (next) row.next_try = wall + std::chrono::duration_cast<wall_clock::duration>(*next - now);
    list.push_back(std::move(row));
  }
  const auto by_host = [](const keeper_row& a, const keeper_row& b) { return a.host < b.host; };
  std::sort(pending.begin(), pending.end(), by_host);
  std::sort(others.begin(), others.end(), by_host);
  pending.insert(pending.end(), std::make_move_iterator(others.begin()),
                 std::make_move_iterator(others.end()));
  if (pending.size() > limit) pending.resize(limit);
  return pending;
}

}  // namespace stagedoor::actors
