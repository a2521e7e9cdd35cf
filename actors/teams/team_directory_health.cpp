// SPDX-License-Identifier: Apache-2.0
// What the team_directory does for the health of teams: it tells each checker of this node what to
// check, when that starts and when the team changes.
#include "actors/support/actor_names.hpp"
#include "actors/teams/team_directory.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {

namespace {
constexpr std::size_t told_at_once = 100;
}

// The checker of a team that is not active is told as well: its owner tends it when nobody asks.
void team_directory::checker_started(const std::string& slug, const caf::actor& handle) {
  checkers_[slug] = handle;
  watch(handle, [this, slug, who = handle.address()](const end_reason&) {
    const auto it = checkers_.find(slug);
    if (it != checkers_.end() && it->second.address() == who) checkers_.erase(it);
  });
  find_spec(
      slug,
      [this, slug](const std::optional<messages::team_spec>& spec) {
        const auto it = checkers_.find(slug);
        if (spec && it != checkers_.end()) tell(it->second, messages::check_servers{*spec});
      },
      [this, slug](const fault& f) {
        log::warning("health not checked yet", {{"team", slug}, {"error", to_string(f)}});
        untold_.insert(slug);
      });
}

// Those whose team could not be read when they started, or has changed unseen: some at a time.
void team_directory::tell_checkers() {
  for (std::size_t n = 0; n < told_at_once && !untold_.empty(); ++n) {
    const auto slug = std::move(untold_.extract(untold_.begin()).value());
    if (const auto it = checkers_.find(slug); it != checkers_.end())
      checker_started(slug, caf::actor(it->second));
  }
}

void team_directory::apply(const team_settled& e) {
  if (!e.spec) {
    tell(find_name(system(), "health"), messages::forget_servers{e.slug});
    return;  // its owner stops the checker
  }
  if (const auto it = checkers_.find(e.slug); it != checkers_.end())
    tell(it->second, messages::check_servers{*e.spec});
}

// Where another node checks the team, what that one found is known here too, without its reasons.
void team_directory::show_servers(const std::shared_ptr<messages::team_description>& about,
                                  const std::function<void()>& finished) {
  const bool checked = about->spec.health.interval_ms != 0;
  const auto show = [about, finished](const messages::server_states& known, const char* otherwise) {
    const auto add = [&](const char* part, const std::string& url) {
      const auto it = std::find_if(known.servers.begin(), known.servers.end(),
                                   [&](const auto& s) { return s.url == url; });
      const std::string state = it == known.servers.end() ? otherwise : it->state;
      about->servers.push_back(
          fmt::format("{} {}{}{}", part, url, state.empty() ? "" : " ", state));
    };
    for (const auto& url : about->spec.api) add("api", url);
    for (const auto& url : about->spec.web) add("web", url);
    finished();
  };
  const auto unknown = [show](const fault&) { show({}, ""); };
  if (const auto it = checkers_.find(about->spec.slug); it != checkers_.end())
    ask<messages::server_states>(
        this, it->second, messages::report_servers{}, options_.deadline,
        [show](messages::server_states& known) { show(known, ""); }, unknown);
  else if (checked)
    ask<messages::server_states>(
        this, find_name(system(), "health"), report_down{about->spec.slug}, options_.deadline,
        [show](messages::server_states& down) { show(down, "up"); }, unknown);
  else
    show({}, "");
}

}  // namespace stagedoor::actors
