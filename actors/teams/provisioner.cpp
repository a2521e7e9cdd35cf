// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/provisioner.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/certificates.hpp"
#include "messages/dns.hpp"
#include "messages/publishing.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {

provisioner::provisioner(caf::actor_config& cfg, provisioner_options options)
    : shell(cfg, "provisioner"),
      options_(std::move(options)),
      state_(options_.max_flows),
      catalog_(options_.first_catalog) {}

caf::behavior provisioner::make_behavior() {
  publish_name(system(), "teams", caf::actor_cast<caf::actor>(this));
  load("0");
  return {
      [this](const messages::provision_team& m) {
        if (remember_caller(m.flow)) run(state_.provision(m));
      },
      [this](const messages::deprovision_team& m) {
        if (remember_caller(m.flow)) run(state_.deprovision(m));
      },
      [this](const messages::list_teams& m) { return list(m); },
      [this](const messages::show_team& m) { show(m); },
      [this](const messages::report_status&) { return report(); },
      [this](const use_catalog& m) { catalog_ = m.now; },
      [this](const servers_probed& m) {
        step_outcome found;
        for (const auto& f : m.failures)
          found.unhealthy.push_back(fmt::format("{}: {}", f.url, f.reason));
        run(state_.step_done(m.flow, std::move(found)));
      },
      [this](const watch_again& m) {
        if (const auto it = teams_.find(m.slug); it != teams_.end()) watch_health(it->second);
      },
      [this](const checker_ready& m) { checker_started(m.slug, m.handle); },
      [this](const step_refused& m) { run(state_.step_done(m.flow, m.why)); },
      [this](const store_connected&) {
        if (load_ != load_state::reading) load("0");
      },
      [this](const messages::tick& t) {
        if (load_timer_.due(*this, t)) load("0");
      },
  };
}

// -- orders ---------------------------------------------------------------------

bool provisioner::remember_caller(const std::string& flow) {
  caller c;
  c.sender = caf::actor_cast<caf::actor>(current_sender());
  c.reply = promise<messages::team_flow_finished>(this);
  const auto [it, fresh] = callers_.try_emplace(flow, std::move(c));
  // Refused here, since a fault of the flow would go to the first caller.
  if (!fresh)
    c.reply.fail({fault_kind::conflict, fault_side::client, retryable::no,
                  fmt::format("flow {} is running already", flow)});
  return fresh;
}

void provisioner::run(provisioning_effects effects) {
  for (auto& effect : effects) {
    if (const auto* s = std::get_if<run_step>(&effect)) {
      step(*s);
    } else if (const auto* p = std::get_if<report_progress>(&effect)) {
      if (const auto it = callers_.find(p->flow); it != callers_.end())
        tell(it->second.sender,
             messages::team_flow_progressed{p->flow, p->step, p->total_steps, p->message});
    } else if (auto* f = std::get_if<finish_flow>(&effect)) {
      finished(*f);
    }
  }
}

void provisioner::finished(finish_flow& effect) {
  auto node = callers_.extract(effect.flow);
  if (effect.outcome)
    log::info("team flow finished", {{"flow", effect.flow},
                                     {"team", effect.outcome->slug},
                                     {"certificate", effect.outcome->certificate}});
  else
    log::warning("team flow failed",
                 {{"flow", effect.flow}, {"error", to_string(effect.outcome.error())}});
  if (node.empty()) return;
  if (effect.outcome)
    node.mapped().reply.deliver(*std::move(effect.outcome));
  else
    node.mapped().reply.fail(effect.outcome.error());
}

messages::team_listing provisioner::list(const messages::list_teams& m) const {
  messages::team_listing out;
  out.total = teams_.size();
  const std::size_t limit = std::min<std::size_t>(m.limit, 1000);
  for (auto it = teams_.upper_bound(m.after); it != teams_.end() && out.slugs.size() < limit; ++it)
    out.slugs.push_back(it->first);
  return out;
}

void provisioner::show(const messages::show_team& m) {
  auto reply = std::make_shared<promise<messages::team_description>>(this);
  const auto it = teams_.find(m.slug);
  if (it == teams_.end()) {
    const auto state = state_.state_of(m.slug);
    reply->fail({fault_kind::not_found, fault_side::client, retryable::no,
                 state.empty() ? fmt::format("there is no team \"{}\"", m.slug)
                               : fmt::format("team \"{}\" is {}", m.slug, state)});
    return;
  }
  const auto about = std::make_shared<messages::team_description>();
  about->spec = it->second;
  const auto running = state_.state_of(m.slug);
  about->state = running.empty() ? "live" : running;
  show_servers(about, [this, about, reply] {
    ask<messages::certificate_status>(
        this, find_name(system(), "certs"),
        messages::want_certificate{about->spec.host, options_.certificate_resolver},
        options_.step_deadline,
        [about, reply](messages::certificate_status& c) {
          about->certificate = c.state;
          reply->deliver(*about);
        },
        [about, reply](const fault& f) {
          about->certificate = "unknown: " + to_string(f);
          reply->deliver(*about);
        });
  });
}

messages::status_rows provisioner::report() const {
  messages::status_rows out;
  out.rows.push_back({"teams", "known", fmt::format("{}", teams_.size())});
  out.rows.push_back({"teams", "flows", fmt::format("{}", state_.active())});
  const char* loading = load_ == load_state::done ? "loaded" : "loading";
  out.rows.push_back(
      {"teams", "store", load_ == load_state::waiting ? "waiting for Redis" : loading});
  return out;
}

// -- steps ------------------------------------------------------------------------

void provisioner::step(const run_step& s) {
  switch (s.step) {
    case provisioning_step::validate: return validate(s);
    case provisioning_step::persist: return persist(s);
    case provisioning_step::name: return publish_name_of(s);
    case provisioning_step::site: return site(s);
    case provisioning_step::certificate: return certificate(s);
    case provisioning_step::health: return health(s);
    case provisioning_step::announce: return announce(s);
  }
}

std::function<void(const fault&)> provisioner::step_failed(const std::string& flow) {
  return [this, flow](const fault& f) { run(state_.step_done(flow, f)); };
}

template <class Reply, class Message>
void provisioner::ask_for_step(const std::string& flow, const char* service, Message message,
                               std::function<result<step_outcome>(const Reply&)> outcome) {
  ask<Reply>(
      this, find_name(system(), service), std::move(message), options_.step_deadline,
      [this, flow, outcome = std::move(outcome)](Reply& reply) {
        run(state_.step_done(flow, outcome(reply)));
      },
      step_failed(flow));
}

namespace {

constexpr const char* teams_key = "stagedoor:teams";

template <class Reply>
result<step_outcome> nothing_more(const Reply&) {
  return step_outcome{};
}

}  // namespace

void provisioner::validate(const run_step& s) {
  if (s.action == step_action::apply)
    for (const auto& middleware : s.spec.middlewares)
      if (!catalog_->middlewares.contains(middleware)) {
        // Answered in a later turn, like every step.
        tell(caf::actor_cast<caf::actor>(this),
             step_refused{s.flow,
                          fault{fault_kind::invalid, fault_side::client, retryable::no,
                                fmt::format("middlewares: \"{}\" does not exist", middleware)}});
        return;
      }
  ask_for_step<messages::redis_value>(
      s.flow, "redis",
      messages::redis_command{{"HGET", teams_key, s.spec.slug}, options_.step_deadline},
      [this, s](const messages::redis_value& stored) -> result<step_outcome> {
        step_outcome out;
        if (stored.type == messages::redis_type::nil) {
          if (s.action == step_action::apply) return out;
          return fault{fault_kind::not_found, fault_side::client, retryable::no,
                       fmt::format("there is no team \"{}\"", s.spec.slug)};
        }
        auto previous = parse_team_spec(stored.text, options_.domain);
        // What cannot be read any more is replaced, or removed by its slug.
        if (previous) out.previous = *std::move(previous);
        return out;
      });
}

void provisioner::persist(const run_step& s) {
  messages::redis_command command{{}, options_.step_deadline};
  if (s.action == step_action::apply)
    command.words = {"HSET", teams_key, s.spec.slug, to_json(s.spec)};
  else
    command.words = {"HDEL", teams_key, s.spec.slug};
  ask_for_step<messages::redis_value>(s.flow, "redis", std::move(command),
                                      nothing_more<messages::redis_value>);
}

void provisioner::publish_name_of(const run_step& s) {
  if (s.action == step_action::apply)
    ask_for_step<messages::published>(s.flow, "zonedir",
                                      messages::publish_host_names{{s.spec.slug}},
                                      nothing_more<messages::published>);
  else
    ask_for_step<messages::published>(s.flow, "zonedir",
                                      messages::withdraw_host_names{{s.spec.slug}},
                                      nothing_more<messages::published>);
}

void provisioner::site(const run_step& s) {
  const std::string host = fmt::format("{}.{}", s.spec.slug, options_.domain);
  offer_routes offer{host, "team", nullptr};
  if (s.action == step_action::apply)
    offer.routes = std::make_shared<const route_plans>(routes_of(s.spec, *catalog_));
  ask_for_step<messages::published>(s.flow, "registry", std::move(offer),
                                    [this, s](const messages::published&) -> result<step_outcome> {
                                      if (s.action == step_action::apply) {
                                        teams_[s.spec.slug] = s.spec;
                                        watch_health(s.spec);
                                      } else {
                                        teams_.erase(s.spec.slug);
                                        unwatch_health(s.spec.slug);
                                      }
                                      return step_outcome{};
                                    });
}

void provisioner::certificate(const run_step& s) {
  const std::string host = fmt::format("{}.{}", s.spec.slug, options_.domain);
  if (s.action == step_action::apply)
    ask_for_step<messages::certificate_status>(
        s.flow, "certs", messages::want_certificate{host, options_.certificate_resolver},
        [](const messages::certificate_status& c) -> result<step_outcome> {
          step_outcome out;
          out.certificate = c.state;
          return out;
        });
  else
    ask_for_step<messages::done>(s.flow, "certs", messages::release_certificate{host},
                                 nothing_more<messages::done>);
}

// A server that does not answer yet is worth telling, not failing for: it may still be starting.
void provisioner::health(const run_step& s) {
  auto urls = s.spec.api;
  urls.insert(urls.end(), s.spec.web.begin(), s.spec.web.end());
  options_.probe(std::move(urls), s.spec.health.path, options_.probe_deadline,
                 [to = address(), flow = s.flow](std::vector<probe_failure> failures) {
                   loop_gateway::send(to, servers_probed{flow, std::move(failures)});
                 });
}

void provisioner::announce(const run_step& s) {
  const char* status = s.action == step_action::apply ? "live" : "removed";
  ask_for_step<messages::redis_value>(
      s.flow, "redis",
      messages::redis_command{
          {"PUBLISH", "team:status", team_event_json(s.spec.slug, s.spec.host, status)},
          options_.step_deadline},
      nothing_more<messages::redis_value>);
}

// -- loading ------------------------------------------------------------------------

void provisioner::load(const std::string& cursor) {
  if (cursor == "0") {
    load_ = load_state::reading;
    load_began_ = now();
  }
  ask<messages::redis_value>(
      this, find_name(system(), "redis"),
      messages::redis_command{
          {"HSCAN", teams_key, cursor, "COUNT", fmt::format("{}", options_.load_batch)},
          options_.step_deadline},
      options_.step_deadline, [this](messages::redis_value& page) { loaded(page); },
      [this](const fault& f) {
        log::warning("teams not read from the store", {{"error", to_string(f)}});
        load_later();
      });
}

void provisioner::load_later() {
  load_ = load_state::waiting;
  load_timer_.arm(*this, now() + seconds(1));
}

void provisioner::loaded(const messages::redis_value& page) {
  if (page.items.size() != 2 || page.items[1].items.size() % 2 != 0) {
    log::error("teams not read from the store", {{"error", "HSCAN answered in an unknown form"}});
    return load_later();
  }
  std::vector<messages::team_spec> batch;
  const auto& pairs = page.items[1].items;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    auto spec = parse_team_spec(pairs[i + 1].text, options_.domain);
    if (!spec || spec->slug != pairs[i].text) {
      log::error("stored team left out",
                 {{"team", pairs[i].text},
                  {"error", spec ? "its slug is another one" : spec.error().detail}});
      continue;
    }
    // A running flow decides about its team itself.
    if (!state_.state_of(spec->slug).empty()) continue;
    const auto known = teams_.find(spec->slug);
    if (known != teams_.end() && to_json(known->second) == to_json(*spec)) continue;
    batch.push_back(*std::move(spec));
  }
  if (!batch.empty()) make_live(std::move(batch));
  if (page.items[0].text != "0") {
    next_page_ = page.items[0].text;
    ++being_published_;  // in case nothing of this page is
    return one_published();
  }
  load_ = load_state::done;
  log::info("teams read from the store",
            {{"teams", teams_.size()},
             {"took_ms", std::chrono::duration_cast<milliseconds>(now() - load_began_).count()}});
  maybe_live();
}

// Something of the loading is live, or has been given up.
void provisioner::one_published() {
  --being_published_;
  if (!next_page_.empty() && being_published_ < options_.load_window)
    load(std::exchange(next_page_, {}));
  maybe_live();
}

// Names and sites of everything that was read have been published.
void provisioner::maybe_live() {
  if (load_ != load_state::done || being_published_ > 0 || std::exchange(told_live_, true)) return;
  log::info("stored teams are live",
            {{"teams", teams_.size()},
             {"took_ms", std::chrono::duration_cast<milliseconds>(now() - load_began_).count()}});
  if (options_.on_live) options_.on_live();
}

void provisioner::make_live(std::vector<messages::team_spec> batch) {
  messages::publish_host_names names;
  const auto registry = find_name(system(), "registry");
  const auto certificates = find_name(system(), "certs");
  // A team that could not be made live is named, and does not hold up the others.
  const auto one_less = [this] { one_published(); };
  const auto complain = [one_less](const char* what) {
    return [what, one_less](const fault& f) {
      log::error(what, {{"error", to_string(f)}});
      one_less();
    };
  };
  for (auto& spec : batch) {
    names.labels.push_back(spec.slug);
    auto plans = std::make_shared<const route_plans>(routes_of(spec, *catalog_));
    ++being_published_;
    ask<messages::published>(
        this, registry, offer_routes{spec.host, "team", std::move(plans)}, longest_wait,
        [one_less](messages::published&) { one_less(); }, complain("stored team not live"));
    tell(certificates, messages::want_certificate{spec.host, options_.certificate_resolver});
    auto slug = spec.slug;
    watch_health(teams_.insert_or_assign(std::move(slug), std::move(spec)).first->second);
  }
  ++being_published_;
  ask<messages::published>(
      this, find_name(system(), "zonedir"), std::move(names), longest_wait,
      [one_less](messages::published&) { one_less(); }, complain("names of stored teams not live"));
}

}  // namespace stagedoor::actors
