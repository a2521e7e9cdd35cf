// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/provisioner.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/team_log.hpp"
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
  return {
      [this](const messages::provision_team& m) {
        if (remember_caller(m.flow)) run(state_.provision(m));
      },
      [this](const messages::deprovision_team& m) {
        if (remember_caller(m.flow)) run(state_.deprovision(m));
      },
      [this](const messages::report_status&) { return report(); },
      [this](const use_catalog& m) { catalog_ = m.now; },
      [this](const servers_probed& m) {
        step_outcome found;
        for (const auto& f : m.failures)
          found.unhealthy.push_back(fmt::format("{}: {}", f.url, f.reason));
        run(state_.step_done(m.flow, std::move(found)));
      },
      [this](const step_over& m) {
        run(state_.step_done(m.flow, m.why ? result<step_outcome>(*m.why) : step_outcome{}));
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
  auto& who = node.mapped();
  if (who.holds) tell(find_name(system(), "teamdir"), release_team{effect.slug, effect.ended});
  if (who.proof.fence != 0) tell(find_name(system(), "cluster"), messages::release_work{who.proof});
  if (effect.outcome)
    who.reply.deliver(*std::move(effect.outcome));
  else
    who.reply.fail(effect.outcome.error());
}

messages::status_rows provisioner::report() const {
  messages::status_rows out;
  out.rows.push_back({"teams", "flows", fmt::format("{}", state_.active())});
  return out;
}

// -- steps ------------------------------------------------------------------------

void provisioner::step(const run_step& s) {
  switch (s.step) {
    case provisioning_step::validate: return validate(s);
    case provisioning_step::persist: return persist(s);
    case provisioning_step::name: return publish_name_of(s);
    case provisioning_step::site: return site(s);
    case provisioning_step::spread: return spread(s);
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
             step_over{s.flow,
                       fault{fault_kind::invalid, fault_side::client, retryable::no,
                             fmt::format("middlewares: \"{}\" does not exist", middleware)}});
        return;
      }
  callers_.at(s.flow).holds = true;
  const char* doing = s.action == step_action::apply ? "provisioning" : "deprovisioning";
  ask<team_held>(
      this, find_name(system(), "teamdir"),
      hold_team{s.spec.slug, doing, caf::actor_cast<caf::actor>(this)}, options_.step_deadline,
      [this, s](team_held& held) {
        callers_.at(s.flow).use = std::move(held.use);
        claim(s);
      },
      step_failed(s.flow));
}

// Before the first effect: no other node has a flow of this team under way.
void provisioner::claim(const run_step& s) {
  const auto cluster = find_name(system(), "cluster");
  if (!cluster) return read_stored(s);
  ask<messages::owner_proof>(
      this, cluster, messages::claim_work{{"flow", s.spec.slug, 0}, options_.step_deadline / 2},
      options_.step_deadline,
      [this, s](messages::owner_proof& proof) {
        callers_.at(s.flow).proof = std::move(proof);
        read_stored(s);
      },
      step_failed(s.flow));
}

void provisioner::read_stored(const run_step& s) {
  ask_for_step<messages::redis_value>(
      s.flow, "redis",
      messages::redis_command{{"HGET", team_log::teams_key, s.spec.slug}, options_.step_deadline},
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
  const auto& proof = callers_.at(s.flow).proof;
  const bool tended = s.spec.health.interval_ms != 0 || !options_.certificate_resolver.empty();
  auto script = s.action == step_action::apply
                    ? team_log::put(proof, s.spec.slug, to_json(s.spec),
                                    tended ? team_log::tending::wanted : team_log::tending::none,
                                    options_.step_deadline)
                    : team_log::remove(proof, s.spec.slug, options_.step_deadline);
  ask_for_step<messages::redis_value>(
      s.flow, "redis", std::move(script),
      [](const messages::redis_value& reply) -> result<step_outcome> {
        const auto version = team_log::read_version(reply);
        if (!version) return version.error();
        step_outcome out;
        out.version = *version;
        return out;
      });
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
  offer_routes offer{host, "team", nullptr, callers_.at(s.flow).use};
  if (s.action == step_action::apply)
    offer.routes = std::make_shared<const route_plans>(routes_of(s.spec, *catalog_));
  ask_for_step<messages::published>(
      s.flow, "registry", std::move(offer),
      [this, s](const messages::published&) -> result<step_outcome> {
        std::string json = s.action == step_action::apply ? to_json(s.spec) : std::string();
        tell(find_name(system(), "teamdir"), team_changed{s.spec.slug, s.version, std::move(json)});
        return step_outcome{};
      });
}

// A node that is not reached catches up by itself: worth a line, not a failure.
void provisioner::spread(const run_step& s) {
  const auto over = [this, flow = s.flow] { run(state_.step_done(flow, step_outcome{})); };
  const auto cluster = find_name(system(), "cluster");
  if (!cluster) {
    tell(caf::actor_cast<caf::actor>(this), step_over{s.flow, std::nullopt});
    return;
  }
  ask<messages::change_spread>(
      this, cluster, messages::spread_change{s.version, options_.spread_deadline},
      options_.spread_deadline + seconds(1),
      [over, slug = s.spec.slug](messages::change_spread& spread) {
        if (!spread.missing.empty())
          log::warning(
              "team not live on every node yet",
              {{"team", slug}, {"missing", fmt::format("{}", fmt::join(spread.missing, " "))}});
        over();
      },
      [over, slug = s.spec.slug](const fault& f) {
        log::warning("team not live on every node yet", {{"team", slug}, {"error", to_string(f)}});
        over();
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

}  // namespace stagedoor::actors
