// SPDX-License-Identifier: Apache-2.0
#include "actors/providers/docker_provider.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/providers/provider_messages.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/routing_messages.hpp"
#include "configs/docker_labels.hpp"
#include "messages/certificates.hpp"
#include "messages/publishing.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

constexpr std::string_view provider = "docker";

docker_limits limits_of(const configs::static_config& edge) {
  docker_limits out;
  out.throttle = std::chrono::duration_cast<milliseconds>(edge.provider_throttle);
  return out;
}

bool same_middlewares(const configs::dynamic_config& a, const configs::dynamic_config& b) {
  return std::equal(
      a.middlewares.begin(), a.middlewares.end(), b.middlewares.begin(), b.middlewares.end(),
      [](const auto& x, const auto& y) { return x.name == y.name && x.kind == y.kind; });
}

fault ended_by_engine() {
  return {fault_kind::closed, fault_side::upstream, retryable::yes,
          "the Docker engine ended its event stream"};
}

}  // namespace

docker_provider::docker_provider(caf::actor_config& cfg, const node_parts& parts)
    : shell(cfg, "docker_provider"),
      parts_(parts),
      options_(*parts.config->edge.docker),
      state_(options_, limits_of(parts.config->edge)),
      catalog_(parts.first_catalog) {}

caf::behavior docker_provider::make_behavior() {
  publish_name(system(), "docker", caf::actor_cast<caf::actor>(this));
  if (auto endpoint = client::docker_endpoint(options_.endpoint)) {
    engine_.emplace(*parts_.http, *std::move(endpoint));
    run(state_.start(now()));
  } else {
    unusable_ = endpoint.error().detail;
    log::error("Docker engine is not followed", {{"error", unusable_}});
  }
  return {
      [this](const engine_news& m) { run(state_.heard(m.session, m.what, now())); },
      [this](const use_catalog& m) {
        catalog_ = m.now;
        if (labels_ != nullptr && !shared_)
          share_middlewares();  // from a file_provider that was started again
        else
          route();
      },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) ticked();
      },
      [this](const messages::report_status&) { return report(); },
  };
}

void docker_provider::on_exit() {
  stream_.cancel();
  shell::on_exit();
}

// -- the engine -----------------------------------------------------------------------

void docker_provider::run(const docker_effects& effects) {
  for (const auto& effect : effects) {
    if (const auto* o = std::get_if<open_engine_events>(&effect)) {
      open(o->session);
    } else if (std::holds_alternative<close_engine_events>(effect)) {
      stream_.cancel();
    } else if (const auto* l = std::get_if<list_containers>(&effect)) {
      list(l->session);
    } else if (const auto* i = std::get_if<inspect_container>(&effect)) {
      inspect(i->session, i->id);
    } else if (std::holds_alternative<route_containers>(effect)) {
      read_labels();
    } else if (const auto* f = std::get_if<engine_found>(&effect)) {
      log::info("Docker engine connected",
                {{"endpoint", options_.endpoint}, {"containers", f->containers}});
    } else if (const auto* u = std::get_if<engine_out_of_reach>(&effect)) {
      log::warning("Docker engine out of reach",
                   {{"endpoint", options_.endpoint}, {"error", u->why}});
    } else if (const auto* c = std::get_if<container_unreadable>(&effect)) {
      log::error("container left out", {{"container", c->id}, {"error", c->why}});
    }
  }
  arm();
}

void docker_provider::ticked() {
  if (offer_again_at_ && *offer_again_at_ <= now()) {
    offer_again_at_.reset();
    offer_again();
  }
  run(state_.tick(now()));
}

void docker_provider::arm() {
  auto next = state_.next_tick();
  if (offer_again_at_ && (!next || *offer_again_at_ < *next)) next = offer_again_at_;
  if (next) timer_.arm(*this, *next);
}

void docker_provider::open(std::uint64_t session) {
  const auto tell_us = [to = address(), session](engine_event what) {
    loop_gateway::send(to, engine_news{session, std::move(what)});
  };
  client::docker_engine::event_callbacks callbacks;
  callbacks.on_open = [tell_us] { tell_us(engine_opened{}); };
  callbacks.on_event = [tell_us](const client::docker_event& e) {
    if (e.action != client::docker_action::other) tell_us(engine_changed{e.container});
  };
  callbacks.on_end = [tell_us](const result<void>& end) {
    tell_us(engine_ended{end ? ended_by_engine() : end.error()});
  };
  const auto opened = engine_->events(std::move(callbacks));
  if (opened)
    stream_ = *opened;
  else
    told(session, engine_ended{opened.error()});
}

void docker_provider::list(std::uint64_t session) {
  const auto asked =
      engine_->list([to = address(), session](result<std::vector<client::container>> all) {
        loop_gateway::send(to, engine_news{session, engine_listed{std::move(all)}});
      });
  if (!asked) told(session, engine_listed{asked.error()});
}

void docker_provider::inspect(std::uint64_t session, const std::string& id) {
  const auto asked =
      engine_->inspect(id, [to = address(), session, id](result<client::container> found) {
        loop_gateway::send(to, engine_news{session, engine_inspected{id, std::move(found)}});
      });
  if (!asked) told(session, engine_inspected{id, asked.error()});
}

void docker_provider::told(std::uint64_t session, engine_event what) {
  tell(caf::actor_cast<caf::actor>(this), engine_news{session, std::move(what)});
}

// -- routes ---------------------------------------------------------------------------

void docker_provider::read_labels() {
  label_problems_ = {};
  auto fresh = std::make_shared<const configs::dynamic_config>(
      configs::read_containers(state_.routable(), options_, provider, label_problems_));
  shared_ = shared_ && same_middlewares(*labels_, *fresh);
  labels_ = std::move(fresh);
  if (shared_)
    route();
  else
    share_middlewares();
}

// The routes are offered when the catalog comes back.
void docker_provider::share_middlewares() {
  const auto files = find_name(system(), "providers");
  if (!files) return;  // when it starts it sends a catalog, and we are here again
  shared_ = true;
  tell(files, containers_known{labels_});
  watch(files, [this](const end_reason&) { shared_ = false; });
}

void docker_provider::route() {
  if (labels_ == nullptr) return;
  auto problems = label_problems_;
  auto built = build_routes(*labels_, parts_.config->edge, parts_.entry_points, {},
                            catalog_->middlewares, problems);
  complain(problems);
  ++unanswered_;  // until everything is sent
  send(offers_.change(built.sites));
  one_answered();
  const auto keeper = find_name(system(), "certs");
  for (const auto& [host, resolver] : built.certificates)
    tell(keeper, messages::want_certificate{host, resolver});
  watch_registry();
}

// A registry that was restarted has forgotten the offers.
void docker_provider::watch_registry() {
  if (const auto registry = find_name(system(), "registry")) {
    watch(registry, [this](const end_reason&) { offer_again(); });
  } else {  // its supervisor is about to start it
    offer_again_at_ = now() + seconds(1);
    arm();
  }
}

void docker_provider::send(const std::vector<source_offer>& offers) {
  for (const auto& o : offers) {
    ++unanswered_;
    ask<messages::published>(
        this, find_name(system(), "registry"),
        offer_routes{o.host, std::string(provider), o.routes}, longest_wait,
        [this, host = o.host](messages::published&) {
          log::info("site published", {{"site", host.empty() ? "*" : host}, {"source", provider}});
          one_answered();
        },
        [this, host = o.host](const fault& f) {
          log::error("site not published",
                     {{"site", host}, {"source", provider}, {"error", to_string(f)}});
          one_answered();
        });
  }
}

void docker_provider::one_answered() {
  if (--unanswered_ == 0) tell(find_name(system(), "providers"), containers_live{});
}

void docker_provider::offer_again() {
  if (find_name(system(), "registry")) {
    ++unanswered_;
    send(offers_.all());
    one_answered();
  }
  watch_registry();
}

void docker_provider::complain(const configs::diagnostics& problems) {
  std::set<std::string> all;
  for (const auto& d : problems.sorted()) {
    const auto text = configs::to_string(d);
    if (all.insert(text).second && !told_.contains(text)) {
      if (d.level == configs::severity::error)
        log::error("labels", {{"error", text}});
      else
        log::warning("labels", {{"warning", text}});
    }
  }
  told_ = std::move(all);
}

messages::status_rows docker_provider::report() const {
  messages::status_rows out;
  const auto row = [&](const char* key, std::string value) {
    out.rows.push_back({std::string(provider), key, std::move(value)});
  };
  row("engine", unusable_.empty() ? state_.state() : "not followed: " + unusable_);
  row("containers", fmt::format("{}", state_.known()));
  row("sites", fmt::format("{}", offers_.all().size()));
  row("problems", fmt::format("{}", told_.size()));
  return out;
}

}  // namespace stagedoor::actors
