// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/health_checker_state.hpp"

#include <algorithm>

namespace stagedoor::actors {

// -- orders ---------------------------------------------------------------------

health_effects health_checker_state::use(const messages::team_spec& spec, mono_time now) {
  std::map<std::string, verdict> kept;
  if (spec.health.interval_ms != 0)
    for (const auto* list : {&spec.api, &spec.web})
      for (const auto& url : *list) {
        const auto known = servers_.find(url);
        kept.try_emplace(url, known != servers_.end() ? known->second : verdict{});
      }
  health_effects out;
  for (const auto& [url, v] : servers_)
    if (!v.up && !kept.contains(url)) out.emplace_back(server_forgotten{url});
  servers_ = std::move(kept);
  path_ = spec.health.path;
  interval_ = std::max(limits_.shortest_interval, milliseconds(spec.health.interval_ms));
  // What is under way was asked of other servers, or in another way.
  open_ = false;
  next_.reset();
  if (!servers_.empty())
    next_ = now + milliseconds(draw(static_cast<std::uint64_t>(interval_.count())));
  return out;
}

// -- callbacks ------------------------------------------------------------------

health_effects health_checker_state::tick(mono_time now) {
  health_effects out;
  if (!next_ || now < *next_) return out;
  start_round round;
  round.round = ++round_;
  for (const auto& [url, v] : servers_) round.urls.push_back(url);
  round.path = path_;
  open_ = true;
  const auto spread = static_cast<std::uint64_t>(interval_.count()) * limits_.jitter_percent / 100;
  const auto shift =
      static_cast<milliseconds::rep>(draw(2 * spread + 1)) - static_cast<milliseconds::rep>(spread);
  // Shorter than the shortest time to the next round, or its answers would come too late.
  round.deadline = std::min(limits_.longest_deadline, interval_ * 3 / 4);
  next_ = now + interval_ + milliseconds(shift);
  out.emplace_back(std::move(round));
  return out;
}

health_effects health_checker_state::probed(std::uint64_t round,
                                            const std::vector<probe_failure>& failures) {
  health_effects out;
  if (!open_ || round != round_) return out;
  open_ = false;
  ++answered_;
  for (auto& [url, v] : servers_) {
    const auto failed = std::find_if(failures.begin(), failures.end(),
                                     [&u = url](const probe_failure& f) { return f.url == u; });
    judge(url, v, failed != failures.end() ? &failed->reason : nullptr, out);
  }
  return out;
}

void health_checker_state::judge(const std::string& url, verdict& v, const std::string* failure,
                                 health_effects& out) const {
  if (failure != nullptr && !v.up) v.reason = *failure;  // the newest reason is the one to tell
  if ((failure == nullptr) == v.up) {
    v.against = 0;
    return;
  }
  if (++v.against < (v.up ? limits_.failures_to_down : limits_.successes_to_up)) return;
  v = {!v.up, 0, failure != nullptr ? *failure : std::string()};
  out.emplace_back(server_changed{url, v.up, v.reason});
}

// -- observers ------------------------------------------------------------------

std::vector<std::string> health_checker_state::down() const {
  std::vector<std::string> out;
  for (const auto& [url, v] : servers_)
    if (!v.up) out.push_back(url);
  return out;
}

std::string health_checker_state::describe(const std::string& url) const {
  const auto it = servers_.find(url);
  if (it == servers_.end()) return {};
  return it->second.up ? "up" : "down: " + it->second.reason;
}

// splitmix64: spreads well from any seed, and nothing here needs more.
std::uint64_t health_checker_state::draw(std::uint64_t below) noexcept {
  random_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return (z ^ (z >> 31U)) % below;
}

}  // namespace stagedoor::actors
