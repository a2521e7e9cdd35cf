// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/site_registry.hpp"

#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>

namespace stagedoor::actors {

namespace {

/// The site of every host has no name of its own.
std::string child_id(const std::string& host) { return host.empty() ? "*" : host; }

}  // namespace

site_registry::site_registry(caf::actor_config& cfg, site_registry_options options)
    : shell(cfg, "site_registry"), options_(std::move(options)), state_(options_.max_sites) {}

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
      [this](const messages::count_entries&) {
        return messages::entry_count{state_.size(), 0};
      },
  };
}

void site_registry::offered(const offer_routes& m) {
  const auto caller = std::make_shared<promise<messages::published>>(this);
  const auto actions = state_.offer(m.host, m.source, m.routes);
  if (!actions) {
    caller->fail(actions.error());
    return;
  }
  if (!actions->forward.empty()) {
    for (const auto& offer : actions->forward) forward(offer, caller);
  } else if (actions->start || waiting_.contains(m.host)) {
    waiting_[m.host].emplace_back(m.source, caller);
    if (actions->start) start(m.host);
  } else {
    caller->deliver({0});  // nothing was offered, and nothing is
  }
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
          fail_waiting(host, f);
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
  routers_[m.host] = m.handle;
  if (catalog_ != nullptr) tell(m.handle, use_catalog{catalog_});
  auto callers = std::exchange(waiting_[m.host], {});
  waiting_.erase(m.host);
  const auto offers = state_.ready(m.host);
  for (const auto& offer : offers) {
    shared_promise caller;  // every caller of one source waits for the newest offer of it
    std::vector<shared_promise> same;
    for (auto& [source, p] : callers)
      if (source == offer.source) same.push_back(p);
    ask<messages::published>(
        this, m.handle, offer_routes{offer.host, offer.source, offer.routes},
        options_.publish_deadline,
        [same](messages::published& live) {
          for (const auto& p : same) p->deliver(live);
        },
        [same](const fault& f) {
          for (const auto& p : same) p->fail(f);
        });
  }
  if (offers.empty()) {
    for (auto& [source, p] : callers) p->deliver({0});  // withdrawn before it started
    settle(m.host);
  }
}

void site_registry::forward(const forward_offer& offer, shared_promise caller) {
  ask<messages::published>(
      this, routers_[offer.host], offer_routes{offer.host, offer.source, offer.routes},
      options_.publish_deadline,
      [this, caller, host = offer.host](messages::published& live) {
        caller->deliver(live);
        settle(host);
      },
      [caller](const fault& f) { caller->fail(f); });
}

// A host that nobody offers anything for needs no router.
void site_registry::settle(const std::string& host) {
  if (!state_.settled(host)) return;
  routers_.erase(host);
  ask<messages::child_stopped>(
      this, find_name(system(), "routers"), messages::stop_child{child_id(host)},
      options_.start_deadline, [](messages::child_stopped&) {},
      [host](const fault& f) {
        log::warning("router not stopped", {{"site", host}, {"error", to_string(f)}});
      });
}

void site_registry::fail_waiting(const std::string& host, const fault& f) {
  const auto it = waiting_.find(host);
  if (it == waiting_.end()) return;
  for (auto& [source, p] : it->second) p->fail(f);
  waiting_.erase(it);
}

}  // namespace stagedoor::actors
