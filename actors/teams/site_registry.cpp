// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/site_registry.hpp"

#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>
#include <map>

namespace stagedoor::actors {

namespace {

/// The site of every host has no name of its own.
std::string child_id(const std::string& host) { return host.empty() ? "*" : host; }

}  // namespace

site_registry::site_registry(caf::actor_config& cfg, site_registry_options options)
    : shell(cfg, "site_registry"), options_(options), state_(options_.max_sites) {}

caf::behavior site_registry::make_behavior() {
  publish_name(system(), "registry", caf::actor_cast<caf::actor>(this));
  return {
      [this](const offer_routes& m) { offered(m); },
      [this](const use_catalog& m) {
        catalog_ = m.now;
        for (const auto& [host, router] : routers_) tell(router, m);
      },
      [this](const router_ready& m) { ready(m); },
      [this](const messages::start_child& m) {  // to itself, see find_running
        if (waiting_.contains(m.argument)) start(m.argument);
      },
      [this](const which_hosts& m) { return offered_hosts{state_.hosts_of(m.source)}; },
      [this](const messages::count_entries&) {
        return messages::entry_count{state_.size(), 0};
      },
  };
}

void site_registry::offered(const offer_routes& m) {
  const auto caller = std::make_shared<promise<messages::published>>(this);
  const auto actions = state_.offer(m.host, m.source, m.routes, m.use);
  if (!actions) {
    caller->fail(actions.error());
    return;
  }
  for (const auto& offer : actions->forward) forward(offer, {caller});
  if (actions->forward.empty()) waiting_[m.host].emplace_back(m.source, caller);
  if (actions->start) start(m.host);
}

void site_registry::start(const std::string& host) {
  // The router's own router_ready is what counts; the supervisor's answer only tells of failure.
  ask<messages::child_location>(
      this, find_name(system(), "routers"), messages::start_child{child_id(host), host},
      options_.start_deadline, [](messages::child_location&) {},
      [this, host](const fault& f) {
        if (f.kind == fault_kind::conflict)
          find_running(host);
        else
          start_failed(host, f);
      });
}

// The supervisor has a router of that host already: one that outlived an earlier registry, or one
// that is just stopping.
void site_registry::find_running(const std::string& host) {
  const auto again = [this, host] {
    after(this, start_retry, messages::start_child{child_id(host), host});
  };
  ask<messages::child_location>(
      this, find_name(system(), "routers"), messages::locate_child{child_id(host)},
      options_.start_deadline,
      [this, host, again](messages::child_location& found) {
        if (found.handle)
          ready({host, found.handle});
        else
          again();
      },
      [again](const fault&) { again(); });
}

void site_registry::ready(const router_ready& m) {
  auto offers = state_.ready(m.host);
  if (!offers) return stop_router(m.host);
  routers_[m.host] = m.handle;
  if (catalog_ != nullptr) tell(m.handle, use_catalog{catalog_});
  // Every caller of one source waits for the newest offer of it.
  std::map<std::string, std::vector<shared_promise>> callers;
  if (auto node = waiting_.extract(m.host))
    for (auto& [source, caller] : node.mapped()) callers[source].push_back(std::move(caller));
  for (const auto& offer : *offers) {
    auto node = callers.extract(offer.source);
    forward(offer, node ? std::move(node.mapped()) : std::vector<shared_promise>{});
  }
  // What was withdrawn before the router was there: it, or one before it, may have published that.
  if (offers->empty() && callers.empty()) callers.try_emplace({});
  for (const auto& [source, of_source] : callers) forward({m.host, source, nullptr}, of_source);
}

void site_registry::forward(const forward_offer& offer,
                            const std::vector<shared_promise>& callers) {
  ask<messages::published>(
      this, routers_[offer.host], offer_routes{offer.host, offer.source, offer.routes, offer.use},
      options_.publish_deadline,
      [this, callers, host = offer.host](messages::published& live) {
        for (const auto& caller : callers) caller->deliver(live);
        settle(host);
      },
      [callers](const fault& f) {
        for (const auto& caller : callers) caller->fail(f);
      });
}

// A host that nobody offers anything for needs no router.
void site_registry::settle(const std::string& host) {
  if (!state_.settled(host)) return;
  routers_.erase(host);
  stop_router(host);
}

void site_registry::stop_router(const std::string& host) {
  ask<messages::child_stopped>(
      this, find_name(system(), "routers"), messages::stop_child{child_id(host)},
      options_.start_deadline, [](messages::child_stopped&) {},
      [host](const fault& f) {
        log::warning("router not stopped", {{"site", host}, {"error", to_string(f)}});
      });
}

void site_registry::start_failed(const std::string& host, const fault& f) {
  state_.start_failed(host);
  if (auto node = waiting_.extract(host))
    for (auto& [source, caller] : node.mapped()) caller->fail(f);
}

}  // namespace stagedoor::actors
