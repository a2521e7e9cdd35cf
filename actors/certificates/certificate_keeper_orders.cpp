// SPDX-License-Identifier: Apache-2.0
// When certificate_keeper_state orders, and what it makes of how an order ends. The rest of it
// keeps certificates and wishes.
#include "actors/certificates/certificate_keeper_state.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

/// The next host would fail as this one did: the CA, our account there, or a limit of it.
bool stops_all(const acme::failure& f) {
  return f.what == acme::failure_class::server || f.what == acme::failure_class::account ||
         f.what == acme::failure_class::rate_limited;
}

/// The host is not to blame at all.
bool is_the_cas(const acme::failure& f) {
  return f.what == acme::failure_class::server || f.what == acme::failure_class::account;
}

}  // namespace

// -- orders -------------------------------------------------------------------------

void certificate_keeper_state::start_orders(mono_time now, keeper_effects& out) {
  for (auto& [name, r] : resolvers_) start_orders(r, now, out);
}

void certificate_keeper_state::start_orders(resolver_state& r, mono_time now, keeper_effects& out) {
  if (!knows_sources_) return;
  if (r.closed_until && (*r.closed_until > now || r.probe != 0)) return;
  while (!r.queue.empty() &&
         (r.closed_until ? r.probe == 0 : r.ordering < limits_.orders_at_once)) {
    const std::string host = r.queue.begin()->second;
    auto& w = wanted_.at(host);
    rest(host, w, phase::ordering);
    ++w.attempts;
    ++r.ordering;
    w.order = ++last_order_;
    w.ordered_from = w.resolver;
    if (r.closed_until) r.probe = w.order;
    out.emplace_back(begin_order{host, w.resolver, w.order});
  }
}

certificate_keeper_state::resolver_state& certificate_keeper_state::order_over(wish& w) {
  auto& r = resolvers_.at(w.ordered_from);
  --r.ordering;
  if (r.probe == w.order) r.probe = 0;
  w.order = 0;
  w.at = phase::hopeless;
  return r;
}

// Only a failure that tries the CA, or the first of those that were under way together, makes the
// pause longer: eight orders that fail together say the same thing once.
void certificate_keeper_state::close(resolver_state& r, const acme::failure& why, mono_time now) {
  auto as_servers = why;
  as_servers.what = acme::failure_class::server;
  if (why.what == acme::failure_class::rate_limited) as_servers.retry_after.reset();  // the host's
  acme::retry_policy policy({}, r.memory);
  r.closed_until = now + policy.failed(as_servers, random_share()).after;
  r.memory = policy.state();
  r.trouble = why.why.detail;
}

void certificate_keeper_state::open(resolver_state& r) {
  r.closed_until.reset();
  r.probe = 0;
  r.memory = {};
  r.trouble.clear();
}

keeper_effects certificate_keeper_state::order_completed(const std::string& host,
                                                         std::uint64_t number,
                                                         const tls::certificate& made,
                                                         mono_time now, wall_time wall) {
  keeper_effects out;
  review_names(offer_names(std::string(order_prefix) + host, {made}, out), now, wall);
  if (is_ordering(host, number)) {
    auto& w = wanted_.at(host);
    open(order_over(w));
    const auto* certificate = covering(host);
    if (certificate == nullptr || wall >= renewal_of(*certificate))
      // Ordered again at once, it would be ordered for ever.
      pause(host, w,
            {acme::failure_class::validation,
             {fault_kind::invalid, fault_side::upstream, retryable::yes,
              "the new certificate is due for renewal already: is the clock right?"},
             std::nullopt,
             std::nullopt},
            now);
    else
      review(host, w, now, wall);
  }
  start_orders(now, out);
  return out;
}

keeper_effects certificate_keeper_state::order_failed(const std::string& host, std::uint64_t number,
                                                      const acme::failure& why, mono_time now,
                                                      wall_time wall) {
  keeper_effects out;
  if (!is_ordering(host, number)) return out;
  auto& w = wanted_.at(host);
  auto& asked = resolvers_.at(w.ordered_from);
  const bool tried = !asked.closed_until || asked.probe == number;
  order_over(w);
  if (!stops_all(why))
    open(asked);
  else if (tried)
    close(asked, why, now);
  w.last_error = why.why.detail;
  if (w.resolver != w.ordered_from) {
    review(host, w, now, wall);
  } else if (is_the_cas(why)) {
    enqueue(host, w, queue_end::front);
    w.last_error = why.why.detail;
  } else {
    pause(host, w, why, now);
  }
  start_orders(now, out);
  return out;
}

bool certificate_keeper_state::is_ordering(const std::string& host, std::uint64_t number) const {
  const auto it = wanted_.find(host);
  return it != wanted_.end() && it->second.at == phase::ordering && it->second.order == number;
}

keeper_effects certificate_keeper_state::tick(mono_time now, wall_time wall) {
  keeper_effects out;
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::string host = due_.begin()->second;
    auto& w = wanted_.at(host);
    rest(host, w, phase::hopeless);
    review(host, w, now, wall);
  }
  start_orders(now, out);
  return out;
}

std::optional<mono_time> certificate_keeper_state::next_tick() const {
  std::optional<mono_time> next;
  if (!due_.empty()) next = due_.begin()->first;
  for (const auto& [name, r] : resolvers_)
    if (r.closed_until && r.probe == 0 && !r.queue.empty() && (!next || *r.closed_until < *next))
      next = r.closed_until;
  return next;
}

}  // namespace stagedoor::actors
