// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_router.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/publishers/changes.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>

namespace stagedoor::actors {

team_router::team_router(caf::actor_config& cfg, std::string host, team_router_options options)
    : shell(cfg, "team_router"),
      options_(std::move(options)),
      state_(std::move(host), options_.first_catalog) {}

caf::behavior team_router::make_behavior() {
  tell(find_name(system(), "registry"),
       router_ready{state_.host(), caf::actor_cast<caf::actor>(this)});
  return {
      [this](const offer_routes& m) { offered(m); },
      [this](const use_catalog& m) { run(state_.use(m.now)); },
      [this](const name_resolved& m) { run(state_.resolved(m.name, m.addresses, now())); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) run(state_.tick(now()));
      },
  };
}

void team_router::offered(const offer_routes& m) {
  if (m.use) state_.stamp(m.use);
  run(state_.offer(m.source, m.routes, now()), promise<messages::published>(this));
}

void team_router::run(router_effects effects, promise<messages::published> caller) {
  for (auto& effect : effects) {
    if (auto* p = std::get_if<publish_site>(&effect))
      publish(std::move(p->site), std::exchange(caller, {}));
    else if (auto* w = std::get_if<withdraw_site>(&effect))
      withdraw(std::move(w->host), std::exchange(caller, {}));
    else if (const auto* r = std::get_if<resolve_name>(&effect))
      resolve(r->name);
    else if (const auto* c = std::get_if<complain>(&effect))
      log::warning("route left out",
                   {{"site", state_.host()}, {"route", c->route}, {"error", c->reason}});
  }
  if (caller.pending()) caller.deliver({0});  // nothing to publish: it is as wanted already
  arm();
}

namespace {

/// Hands a change to the publisher of sites and passes its answer on.
template <class Stage>
void change(
    shell* self, Stage stage, milliseconds deadline, promise<messages::published> caller,
    const std::function<void()>& failed = [] {}) {
  const auto shared = std::make_shared<promise<messages::published>>(std::move(caller));
  ask<messages::published>(
      self, find_name(self->system(), "sites"), change_sites{{std::move(stage)}}, deadline,
      [shared](messages::published& live) { shared->deliver(live); },
      [shared, failed](const fault& f) {
        failed();
        if (!shared->pending()) log::warning("site not published", {{"error", to_string(f)}});
        shared->fail(f);
      });
}

}  // namespace

void team_router::publish(http::site site, promise<messages::published> caller) {
  const auto made = std::make_shared<http::site>(std::move(site));
  change(
      this,
      [made](snapshot::table_writer<http::site>& t) {
        std::string key = made->host;  // before the site is moved away
        t.put(std::move(key), std::move(*made));
      },
      options_.publish_deadline, std::move(caller));
}

void team_router::withdraw(std::string host, promise<messages::published> caller) {
  change(
      this, [host = std::move(host)](snapshot::table_writer<http::site>& t) { t.erase(host); },
      options_.publish_deadline, std::move(caller), [this] { state_.not_withdrawn(); });
}

void team_router::resolve(const std::string& name) {
  options_.resolve(name, [to = address(), name](result<std::vector<net::address>> addresses) {
    loop_gateway::send(to, name_resolved{name, std::move(addresses)});
  });
}

void team_router::arm() {
  if (const auto next = state_.next_tick()) timer_.arm(*this, *next);
}

}  // namespace stagedoor::actors
