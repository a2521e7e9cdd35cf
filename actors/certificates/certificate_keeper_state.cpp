// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/certificate_keeper_state.hpp"

#include "runtime/acme/certificate_info.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

std::string date_of(wall_time at) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(wall_clock::to_time_t(at)));
}

std::string parent_wildcard(const std::string& host) {
  const auto dot = host.find('.');
  return dot == std::string::npos ? std::string() : "*" + host.substr(dot);
}

/// Failures that say more about the CA than about the host.
bool is_the_cas(const acme::failure& f) { return f.what == acme::failure_class::server; }

}  // namespace

certificate_keeper_state::certificate_keeper_state(std::map<std::string, resolver_facts> resolvers,
                                                   keeper_limits limits, unsigned seed)
    : limits_(limits), random_(seed) {
  for (auto& [name, facts] : resolvers) resolvers_[name].facts = std::move(facts);
}

double certificate_keeper_state::random_share() {
  return std::uniform_real_distribution<double>(0.0, 1.0)(random_);
}

// -- certificates -------------------------------------------------------------------

keeper_effects certificate_keeper_state::found(const std::string& source,
                                               std::vector<tls::certificate> all, mono_time now,
                                               wall_time wall) {
  keeper_effects out;
  offer_names(source, all, out);
  // Wishes that this covers, or no longer covers, are looked at again.
  for (auto& [host, w] : wanted_) review(host, w, now, wall);
  for (auto& [name, r] : resolvers_) start_orders(r, now, out);
  return out;
}

void certificate_keeper_state::offer_names(const std::string& source,
                                           const std::vector<tls::certificate>& all,
                                           keeper_effects& out) {
  std::set<std::string> touched;
  for (const auto& name : by_source_[source]) {
    std::erase_if(offers_[name], [&](const offer& o) { return o.source == source; });
    touched.insert(name);
  }
  std::vector<std::string> names;
  for (const auto& certificate : all)
    for (const auto& name : certificate.names()) {
      offers_[name].push_back({source, certificate});
      names.push_back(name);
      touched.insert(name);
    }
  by_source_[source] = std::move(names);
  for (const auto& name : touched) choose(name, out);
}

void certificate_keeper_state::choose(const std::string& name, keeper_effects& out) {
  const auto found = offers_.find(name);
  if (found != offers_.end() && found->second.empty()) offers_.erase(found);
  const auto it = offers_.find(name);
  const auto served = served_.find(name);
  if (it == offers_.end()) {
    if (served == served_.end()) return;
    served_.erase(served);
    out.emplace_back(drop_certificate{name});
    return;
  }
  const auto& best =
      std::max_element(it->second.begin(), it->second.end(), [](const offer& a, const offer& b) {
        return a.what.not_after() < b.what.not_after();
      })->what;
  if (served != served_.end() && served->second.fingerprint() == best.fingerprint()) return;
  served_.insert_or_assign(name, best);
  out.emplace_back(serve_certificate{name, best});
}

const tls::certificate* certificate_keeper_state::covering(const std::string& host) const {
  const tls::certificate* best = nullptr;
  for (const auto& name : {host, parent_wildcard(host)})
    if (const auto it = served_.find(name); it != served_.end())
      if (best == nullptr || it->second.not_after() > best->not_after()) best = &it->second;
  return best;
}

// -- wishes -----------------------------------------------------------------------------

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
    it->second.at = phase::hopeless;
  }
  auto& w = it->second;
  // An order under way is finished with the resolver it was begun with.
  if (w.at != phase::ordering) {
    w.resolver = resolver;
    review(host, w, now, wall);
    if (const auto r = resolvers_.find(resolver); r != resolvers_.end())
      start_orders(r->second, now, out);
  }
  return out;
}

keeper_effects certificate_keeper_state::release(const std::string& host, mono_time now) {
  keeper_effects out;
  const auto it = wanted_.find(host);
  if (it == wanted_.end()) return out;
  plan(host, it->second, std::nullopt);
  const bool ordering = it->second.at == phase::ordering;
  const auto r = resolvers_.find(it->second.resolver);
  wanted_.erase(it);  // a queued entry is skipped when its turn comes
  if (!ordering) return out;
  out.emplace_back(abandon_order{host});
  if (r != resolvers_.end()) {
    --r->second.ordering;
    r->second.probing = false;
    start_orders(r->second, now, out);
  }
  return out;
}

// Where a wish stands, given the certificates there are.
void certificate_keeper_state::review(const std::string& host, wish& w, mono_time now,
                                      wall_time wall) {
  if (w.at == phase::ordering || w.at == phase::queued) return;
  const auto* certificate = covering(host);
  const auto r = resolvers_.find(w.resolver);
  if (certificate != nullptr) {
    w.at = phase::covered;
    w.last_error.clear();
    // Only what we can order is ours to renew; files are replaced by whoever wrote them.
    if (r == resolvers_.end() || !r->second.facts.unsupported.empty()) return;
    const auto renew = acme::renewal_time(certificate->not_before(), certificate->not_after());
    const auto jitter = milliseconds(static_cast<std::int64_t>(
        random_share() * static_cast<double>(limits_.renewal_jitter.count())));
    const auto wait = std::chrono::duration_cast<milliseconds>(renew - wall) + jitter;
    if (!w.due) plan(host, w, now + std::max(wait, milliseconds(0)));
    return;
  }
  if (r == resolvers_.end()) {
    w.at = phase::hopeless;
    w.last_error = w.resolver.empty()
                       ? ""
                       : fmt::format("certificate resolver \"{}\" does not exist", w.resolver);
    return;
  }
  if (!r->second.facts.unsupported.empty()) {
    w.at = phase::hopeless;
    w.last_error = r->second.facts.unsupported;
    return;
  }
  if (w.at == phase::pausing) return;  // its pause goes on
  enqueue(host, w);
}

void certificate_keeper_state::plan(const std::string& host, wish& w,
                                    std::optional<mono_time> due) {
  if (w.due) due_.erase({*w.due, host});
  w.due = due;
  if (w.due) due_.insert({*w.due, host});
}

void certificate_keeper_state::enqueue(const std::string& host, wish& w) {
  plan(host, w, std::nullopt);
  w.at = phase::queued;
  resolvers_.at(w.resolver).queue.push_back(host);
}

// -- orders -----------------------------------------------------------------------------

void certificate_keeper_state::start_orders(resolver_state& r, mono_time now, keeper_effects& out) {
  std::size_t at_once = limits_.orders_at_once;
  if (r.closed_until) {
    if (*r.closed_until > now || r.probing) return;
    at_once = r.ordering + 1;  // one tries for all
  }
  while (r.ordering < at_once && !r.queue.empty()) {
    const std::string host = std::move(r.queue.front());
    r.queue.pop_front();
    const auto it = wanted_.find(host);
    if (it == wanted_.end() || it->second.at != phase::queued) continue;  // released meanwhile
    it->second.at = phase::ordering;
    ++it->second.attempts;
    ++r.ordering;
    r.probing = r.closed_until.has_value();
    out.emplace_back(begin_order{host, it->second.resolver});
  }
}

keeper_effects certificate_keeper_state::order_completed(const std::string& host,
                                                         tls::certificate made, mono_time now,
                                                         wall_time wall) {
  keeper_effects out;
  offer_names("order " + host, {made}, out);
  const auto it = wanted_.find(host);
  if (it == wanted_.end() || it->second.at != phase::ordering) return out;
  auto& w = it->second;
  auto& r = resolvers_.at(w.resolver);
  --r.ordering;
  r.closed_until.reset();
  r.probing = false;
  r.memory = {};
  r.trouble.clear();
  w.memory = {};
  w.attempts = 0;
  w.at = phase::covered;
  review(host, w, now, wall);
  start_orders(r, now, out);
  return out;
}

keeper_effects certificate_keeper_state::order_failed(const std::string& host,
                                                      const acme::failure& why, mono_time now) {
  keeper_effects out;
  const auto it = wanted_.find(host);
  if (it == wanted_.end() || it->second.at != phase::ordering) return out;
  auto& w = it->second;
  auto& r = resolvers_.at(w.resolver);
  --r.ordering;
  r.probing = false;
  w.last_error = why.why.detail;
  if (is_the_cas(why)) {
    // The host is not to blame: it goes back to the front, and the CA gets the pause.
    acme::retry_policy policy({}, r.memory);
    r.closed_until = now + policy.failed(why, random_share()).after;
    r.memory = policy.state();
    r.trouble = why.why.detail;
    w.at = phase::queued;
    r.queue.push_front(host);
  } else {
    r.closed_until.reset();
    r.memory = {};
    acme::retry_policy policy({}, w.memory);
    const auto plan_for = policy.failed(why, random_share());
    w.memory = policy.state();
    w.at = phase::pausing;
    plan(host, w, now + plan_for.after);
  }
  start_orders(r, now, out);
  return out;
}

keeper_effects certificate_keeper_state::tick(mono_time now, wall_time) {
  keeper_effects out;
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::string host = due_.begin()->second;
    auto& w = wanted_.at(host);
    enqueue(host, w);
  }
  for (auto& [name, r] : resolvers_) start_orders(r, now, out);
  return out;
}

std::optional<mono_time> certificate_keeper_state::next_tick() const {
  std::optional<mono_time> next;
  if (!due_.empty()) next = due_.begin()->first;
  for (const auto& [name, r] : resolvers_)
    if (r.closed_until && !r.probing && !r.queue.empty() && (!next || *r.closed_until < *next))
      next = r.closed_until;
  return next;
}

// -- observers ----------------------------------------------------------------------------

std::size_t certificate_keeper_state::ordering() const noexcept {
  std::size_t sum = 0;
  for (const auto& [name, r] : resolvers_) sum += r.ordering;
  return sum;
}

std::string certificate_keeper_state::state_of(const std::string& host) const {
  if (const auto* certificate = covering(host))
    return "valid until " + date_of(certificate->not_after());
  const auto it = wanted_.find(host);
  if (it == wanted_.end() || it->second.resolver.empty()) return "default";
  const auto& w = it->second;
  if (w.at == phase::ordering) return "pending: being ordered";
  const auto r = resolvers_.find(w.resolver);
  if (r != resolvers_.end() && !r->second.trouble.empty()) return "pending: " + r->second.trouble;
  return "pending: " + (w.last_error.empty() ? std::string("waiting for its turn") : w.last_error);
}

std::vector<keeper_row> certificate_keeper_state::rows(std::size_t limit, mono_time now,
                                                       wall_time wall) const {
  std::vector<keeper_row> pending;
  std::vector<keeper_row> others;
  for (const auto& [host, w] : wanted_) {
    auto& list = w.at == phase::covered ? others : pending;
    if (list.size() >= limit) continue;
    keeper_row row{host, state_of(host), w.resolver, w.last_error, std::nullopt, w.attempts};
    auto next = w.due;
    const auto r = resolvers_.find(w.resolver);
    if (!next && w.at == phase::queued && r != resolvers_.end()) next = r->second.closed_until;
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
