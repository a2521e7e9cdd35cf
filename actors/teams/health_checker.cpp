// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/health_checker.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/routing_messages.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/redis.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"
#include "runtime/snapshot/table.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

constexpr milliseconds introduce_again = seconds(1);

bool lists(const std::vector<std::string>& urls, const std::string& url) {
  return std::find(urls.begin(), urls.end(), url) != urls.end();
}

}  // namespace

health_checker::health_checker(caf::actor_config& cfg, std::string slug,
                               messages::owner_proof proof, probe_function probe)
    : shell(cfg, "health_checker"),
      slug_(std::move(slug)),
      probe_(std::move(probe)),
      proof_(std::move(proof)),
      state_(snapshot::hash_key(slug_)) {}

// Again to each directory that starts, since that knows of no checker.
void health_checker::introduce() {
  const auto self = caf::actor_cast<caf::actor>(this);
  const auto directory = find_name(system(), "teamdir");
  if (!directory) return after(this, introduce_again, checker_ready{slug_, self});
  tell(directory, checker_ready{slug_, self});
  // No handle of its own inside: an actor that holds itself is never freed.
  watch(directory, [this](const end_reason&) {
    after(this, introduce_again, checker_ready{slug_, caf::actor_cast<caf::actor>(this)});
  });
}

caf::behavior health_checker::make_behavior() {
  introduce();
  return {
      [this](const messages::check_servers& m) {
        const auto effects = state_.use(m.spec, now());
        spec_ = m.spec;
        run(effects);
      },
      [this](const round_probed& m) {
        run(state_.probed(m.round, m.failures));
        settle();
      },
      [this](const messages::owner_proof& m) { proof_ = m; },
      [this](const checker_ready&) { introduce(); },  // its own, later
      [this](const messages::report_servers&) { return report(); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) run(state_.tick(now()));
      },
  };
}

void health_checker::run(const health_effects& effects) {
  for (const auto& effect : effects) {
    if (const auto* r = std::get_if<start_round>(&effect))
      start(*r);
    else if (const auto* c = std::get_if<server_changed>(&effect))
      judge(c->url, c->up, c->reason);
    else if (const auto* f = std::get_if<server_forgotten>(&effect))
      judge(f->url, true, "");
  }
  if (const auto next = state_.next_tick())
    timer_.arm(*this, *next);
  else
    timer_.cancel();
}

void health_checker::start(const start_round& round) {
  probe_(round.urls, round.path, round.deadline,
         [to = address(), number = round.round](std::vector<probe_failure> failures) {
           loop_gateway::send(to, round_probed{number, std::move(failures)});
         });
}

void health_checker::judge(const std::string& url, bool up, const std::string& reason) {
  messages::server_judged verdict{slug_, {}, url, messages::server_health::up};
  if (!up) verdict.health = messages::server_health::down;
  // Both, whatever the team lists now: a server that moved from one to the other leaves no trace.
  for (const char* part : {"api", "web"}) verdict.services.push_back(team_service(slug_, part));
  tell(find_name(system(), "health"), std::move(verdict));
  if (!lists(spec_.api, url) && !lists(spec_.web, url)) return;  // no server of the team any more
  const char* status = up ? "up" : "down";
  log::info("server judged",
            {{"team", slug_}, {"server", url}, {"health", status}, {"reason", reason}});
  ask<messages::done>(
      this, find_name(system(), "cluster"),
      messages::write_owned{
          proof_,
          {{"PUBLISH", "team:status", server_event_json(slug_, url, status, reason)}},
          seconds(2)},
      seconds(2), [](messages::done&) {},
      [slug = slug_](const fault& f) {
        log::warning("health not announced", {{"team", slug}, {"error", to_string(f)}});
      });
}

// Whoever checked this team before may have left verdicts on every node. They stay until there are
// as good ones: a server that is down is not tried on clients meanwhile.
void health_checker::settle() {
  if (settled_ || !state_.settled()) return;
  settled_ = true;
  team_judged all{slug_, {}};
  for (const auto& url : state_.down())
    for (const char* part : {"api", "web"}) all.down.push_back({team_service(slug_, part), url});
  tell(find_name(system(), "health"), std::move(all));
}

messages::server_states health_checker::report() const {
  messages::server_states out;
  for (const auto* list : {&spec_.api, &spec_.web})
    for (const auto& url : *list) out.servers.push_back({url, state_.describe(url)});
  return out;
}

}  // namespace stagedoor::actors
