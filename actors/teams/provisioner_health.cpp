// SPDX-License-Identifier: Apache-2.0
// What the provisioner does for the health of live teams: it sees to it that each team that asks
// for checks has a health_checker, and tells it what to check.
#include "actors/support/actor_names.hpp"
#include "actors/teams/provisioner.hpp"
#include "messages/health.hpp"
#include "messages/supervision.hpp"
#include "runtime/base/log.hpp"

namespace stagedoor::actors {

namespace {
constexpr milliseconds watch_retry{100};
}

void provisioner::watch_health(const messages::team_spec& spec) {
  if (spec.health.interval_ms == 0) return unwatch_health(spec.slug);
  const auto [it, fresh] = checkers_.try_emplace(spec.slug);
  if (!fresh) {
    if (it->second) tell(it->second, messages::check_servers{spec});
    return;  // one that is starting asks when it is there
  }
  const std::string slug = spec.slug;
  const auto failed = [this, slug](const fault& f) {
    log::warning("health not checked", {{"team", slug}, {"error", to_string(f)}});
    // The team's next change tries again; one that has started by then is kept.
    if (const auto known = checkers_.find(slug); known != checkers_.end() && !known->second)
      checkers_.erase(known);
  };
  ask<messages::child_location>(
      this, find_name(system(), "checkers"), messages::start_child{slug, ""},
      options_.step_deadline, [](messages::child_location&) {},
      [this, slug, failed](const fault& f) {
        if (f.kind != fault_kind::conflict) return failed(f);
        // It outlived an earlier provisioner.
        ask<messages::child_location>(
            this, find_name(system(), "checkers"), messages::locate_child{slug},
            options_.step_deadline,
            [this, slug](messages::child_location& found) {
              if (found.handle) return checker_started(slug, found.handle);
              checkers_.erase(slug);  // an older one is just stopping
              after(this, watch_retry, watch_again{slug});
            },
            failed);
      });
}

void provisioner::unwatch_health(const std::string& slug) {
  if (checkers_.erase(slug) == 0) return;
  tell(find_name(system(), "checkers"), messages::stop_child{slug});
  tell(find_name(system(), "health"), messages::forget_servers{slug});
}

void provisioner::checker_started(const std::string& slug, const caf::actor& handle) {
  const auto team = teams_.find(slug);
  if (team == teams_.end() || team->second.health.interval_ms == 0) {
    tell(find_name(system(), "checkers"), messages::stop_child{slug});
    return;
  }
  checkers_[slug] = handle;
  tell(handle, messages::check_servers{team->second});
}

void provisioner::show_servers(std::shared_ptr<messages::team_description> about,
                               const std::function<void()>& finished) {
  const auto show = [about](const messages::server_states& known) {
    const auto add = [&](const char* part, const std::string& url) {
      std::string line = std::string(part) + " " + url;
      for (const auto& s : known.servers)
        if (s.url == url && !s.state.empty()) {
          line += " " + s.state;
          break;
        }
      about->servers.push_back(std::move(line));
    };
    for (const auto& url : about->spec.api) add("api", url);
    for (const auto& url : about->spec.web) add("web", url);
  };
  const auto it = checkers_.find(about->spec.slug);
  if (it == checkers_.end() || !it->second) {
    show({});
    finished();
    return;
  }
  ask<messages::server_states>(
      this, it->second, messages::report_servers{}, options_.step_deadline,
      [show, finished](messages::server_states& known) {
        show(known);
        finished();
      },
      [show, finished](const fault&) {
        show({});
        finished();
      });
}

}  // namespace stagedoor::actors
