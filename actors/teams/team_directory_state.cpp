// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_directory_state.hpp"

#include "actors/teams/team_spec_json.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

using messages::presence;

constexpr std::size_t looks_a_turn = 1'000;  ///< at uses, to find idle teams

result<presence> overloaded(std::string detail) {
  return fault{fault_kind::overloaded, fault_side::self, retryable::yes, std::move(detail)};
}

}  // namespace

// -- questions and orders -------------------------------------------------------

directory_effects team_directory_state::look_up(const std::string& slug, token who, mono_time now) {
  directory_effects out;
  const auto reply = [&](result<presence> found) {
    out.emplace_back(answer_look_up{who, std::move(found)});
    return std::move(out);
  };
  const auto* known = shelf_.find(slug);
  if (known != nullptr && known->live) return reply(presence::active);
  if (!follower_.began())
    return reply(fault{fault_kind::unreachable, fault_side::store, retryable::yes,
                       "the teams have not been read from the store yet"});
  if (callers_ >= limits_.callers)
    return reply(overloaded(fmt::format("{} callers look teams up already", callers_)));
  const auto it = look_ups_.find(slug);
  if (it != look_ups_.end()) {
    it->second.push_back(who);
    ++callers_;
    return out;
  }
  if (look_ups_.size() >= limits_.look_ups)
    return reply(overloaded(fmt::format("{} teams are being looked up already", limits_.look_ups)));
  make_room(now, out);
  if (full()) return reply(overloaded(fmt::format("{} teams are in use", shelf_.size())));
  look_ups_[slug].push_back(who);
  ++callers_;
  // Whoever holds it, or makes it live just now, answers.
  if (!held_.contains(slug) && known == nullptr && !asked_.contains(slug)) unread_.push_back(slug);
  return out;
}

directory_effects team_directory_state::gathered() {
  directory_effects out;
  std::erase_if(unread_, [this](const std::string& slug) {
    return held_.contains(slug) || !asked_.insert(slug).second;
  });
  if (!unread_.empty()) out.emplace_back(read_teams{std::exchange(unread_, {})});
  return out;
}

directory_effects team_directory_state::catch_up(std::uint64_t version, token who, mono_time now) {
  directory_effects out;
  const auto done = follower_.wait_for(version, who, now);
  if (!done)
    out.emplace_back(answer_catch_up{who, done.error()});
  else if (*done)
    out.emplace_back(answer_catch_up{who, follower_.version()});
  look(now, out);
  return out;
}

directory_effects team_directory_state::hold(const std::string& slug, std::string doing, token who,
                                             mono_time now) {
  directory_effects out;
  const auto [it, fresh] = held_.try_emplace(slug);
  auto& h = it->second;
  if (!fresh) h.missed = true;  // its flow ended without a word
  h.doing = std::move(doing);
  h.asking = who;
  const auto* known = shelf_.find(slug);
  if (known != nullptr)
    h.use = known->use;
  else if (!h.use)
    h.use = std::make_shared<http::site_use>(now);
  answer_holder(slug, out);
  return out;
}

void team_directory_state::answer_holder(const std::string& slug, directory_effects& out) {
  const auto it = held_.find(slug);
  if (it == held_.end() || !it->second.asking) return;
  const auto* known = shelf_.find(slug);
  if (asked_.contains(slug) || leaving_.contains(slug) || (known != nullptr && known->offers > 0))
    return;
  out.emplace_back(answer_hold{*std::exchange(it->second.asking, std::nullopt), it->second.use});
}

directory_effects team_directory_state::changed(const std::string& slug, std::uint64_t version,
                                                std::string json, mono_time now) {
  directory_effects out;
  if (json.empty()) {
    shelf_.erase(slug);
    out.emplace_back(team_settled{slug, std::nullopt});
  } else {
    auto& team = shelf_.put(slug, now);
    if (const auto it = held_.find(slug); it != held_.end()) team.use = it->second.use;
    team.version = version;
    team.live = true;
    team.kept = false;
    if (auto spec = parse_team_spec(json, domain_))
      out.emplace_back(team_settled{slug, *std::move(spec)});
    team.json = std::move(json);
    answer(slug, presence::active, out);
    make_room(now, out);
  }
  follower_.hurry(now);
  look(now, out);
  return out;
}

directory_effects team_directory_state::release(const std::string& slug, flow_end ended,
                                                mono_time) {
  directory_effects out;
  const auto node = held_.extract(slug);
  if (node.empty()) return out;
  if (ended == flow_end::unsure) forced_.insert(slug);
  if (ended == flow_end::unsure || node.mapped().missed || look_ups_.contains(slug))
    reread(slug, out);
  return out;
}

// -- reading the store --------------------------------------------------------------

void team_directory_state::adopt(const std::string& slug, std::shared_ptr<http::site_use> use,
                                 mono_time now) {
  auto& team = shelf_.put(slug, now);
  if (use) team.use = std::move(use);
  team.live = true;
}

void team_directory_state::reread(const std::string& slug, directory_effects& out) {
  if (const auto it = held_.find(slug); it != held_.end())
    it->second.missed = true;
  else if (asked_.insert(slug).second)
    out.emplace_back(read_teams{{slug}});
  else
    again_.insert(slug);  // the answer that is under way may be older
}

directory_effects team_directory_state::stored(const std::vector<std::string>& slugs,
                                               std::vector<std::optional<std::string>> values,
                                               mono_time now) {
  directory_effects out;
  for (std::size_t i = 0; i < slugs.size(); ++i) {
    const auto& slug = slugs[i];
    asked_.erase(slug);
    if (const auto h = held_.find(slug); h != held_.end()) {
      h->second.missed = true;
      log_waits_.erase(slug);
      answer_holder(slug, out);
    } else if (values[i]) {
      if (forced_.erase(slug) > 0)
        if (auto* known = shelf_.find(slug)) known->json.clear();
      apply(slug, *values[i], now, out);
    } else {
      missing(slug, now, out);
    }
  }
  if (applying_) reload_more(now, out);
  return out;
}

directory_effects team_directory_state::not_stored(const std::vector<std::string>& slugs,
                                                   const fault& why, mono_time now) {
  directory_effects out;
  for (const auto& slug : slugs) {
    asked_.erase(slug);
    if (const auto h = held_.find(slug); h != held_.end())
      h->second.missed = true;
    else if (forced_.contains(slug) || shelf_.find(slug) != nullptr)
      again_.insert(slug);
    settle(slug, why, now, out);
  }
  return out;
}

// There is no such team in the store.
void team_directory_state::missing(const std::string& slug, mono_time now, directory_effects& out) {
  const bool forced = forced_.erase(slug) > 0;
  auto* known = shelf_.find(slug);
  if (known != nullptr && !forced && (gone_stay_ || known->kept)) {
    known->kept = true;
    return settle(slug, presence::active, now, out);
  }
  if (known != nullptr || forced) {
    take_out(slug, withdraw_team::reason::gone, out);
    out.emplace_back(team_settled{slug, std::nullopt});
    answer(slug, presence::unknown, out);
    return;
  }
  settle(slug, presence::unknown, now, out);
}

// -- making live ------------------------------------------------------------------

void team_directory_state::apply(const std::string& slug, const std::string& json, mono_time now,
                                 directory_effects& out) {
  auto* known = shelf_.find(slug);
  if (known != nullptr && known->json == json) {
    known->kept = false;
    if (known->offers == 0) settle(slug, presence::active, now, out);
    return;
  }
  auto spec = parse_team_spec(json, domain_);
  if (!spec || spec->slug != slug) {
    log::error("stored team left out",
               {{"team", slug}, {"error", spec ? "its slug is another one" : spec.error().detail}});
    const bool served = known != nullptr && known->live;
    return settle(slug, served ? presence::active : presence::unknown, now, out);
  }
  auto& team = shelf_.put(slug, now);
  team.json = json;
  team.kept = false;
  ++team.offers;
  out.emplace_back(team_settled{slug, *spec});
  out.emplace_back(serve_team{*std::move(spec), team.use});
}

directory_effects team_directory_state::served(const std::string& slug, const http::site_use* use,
                                               const result<void>& outcome, mono_time now) {
  directory_effects out;
  auto* team = shelf_.find(slug);
  if (team == nullptr || team->use.get() != use || team->offers == 0) return out;
  --team->offers;
  if (outcome) {
    team->live = true;
  } else {
    log::error("stored team not live", {{"team", slug}, {"error", to_string(outcome.error())}});
    team->json.clear();
    again_.insert(slug);
  }
  if (team->offers > 0) return out;
  if (team->live) {
    settle(slug, presence::active, now, out);
  } else {
    // Half of it may be: it is not known as active, so it must not be in the tables.
    take_out(slug, withdraw_team::reason::passivated, out);
    settle(slug, outcome ? result<presence>(presence::active) : outcome.error(), now, out);
  }
  make_room(now, out);
  return out;
}

void team_directory_state::take_out(const std::string& slug, withdraw_team::reason why,
                                    directory_effects& out) {
  shelf_.erase(slug);
  ++leaving_[slug];
  out.emplace_back(withdraw_team{slug, why});
}

directory_effects team_directory_state::withdrawn(const std::string& slug,
                                                  const result<void>& outcome, mono_time now) {
  directory_effects out;
  const auto it = leaving_.find(slug);
  if (it != leaving_.end() && --it->second == 0) leaving_.erase(it);
  if (!outcome) {
    log::warning("team not withdrawn", {{"team", slug}, {"error", to_string(outcome.error())}});
    if (shelf_.find(slug) == nullptr) {
      forced_.insert(slug);
      again_.insert(slug);
    }
  }
  answer_holder(slug, out);
  if (log_waits_.erase(slug) > 0 && applying_) reload_more(now, out);
  return out;
}

// Nothing is under way for the team any more: whoever waited for that goes on.
void team_directory_state::settle(const std::string& slug, const result<presence>& found,
                                  mono_time now, directory_effects& out) {
  if (!held_.contains(slug)) answer(slug, found, out);
  answer_holder(slug, out);
  if (log_waits_.erase(slug) > 0 && applying_) reload_more(now, out);
  if (warm_waits_.erase(slug) > 0) warm(now, out);
}

void team_directory_state::answer(const std::string& slug, const result<presence>& found,
                                  directory_effects& out) {
  const auto node = look_ups_.extract(slug);
  if (node.empty()) return;
  callers_ -= node.mapped().size();
  for (const auto who : node.mapped()) out.emplace_back(answer_look_up{who, found});
}

// -- time -----------------------------------------------------------------------------

directory_effects team_directory_state::connected(mono_time now) {
  directory_effects out;
  follower_.hurry(now);
  look(now, out);
  return out;
}

directory_effects team_directory_state::follow_closely(mono_time now) {
  directory_effects out;
  follower_.follow_closely(now);
  look(now, out);
  return out;
}

directory_effects team_directory_state::tick(mono_time now) {
  directory_effects out;
  look(now, out);
  if (!follower_.began()) return out;
  if (scan_again_) scan(out);
  read_teams retry;
  for (auto it = again_.begin(); it != again_.end() && retry.slugs.size() < limits_.read_batch;) {
    const auto h = held_.find(*it);
    if (h != held_.end())
      h->second.missed = true;
    else if (asked_.insert(*it).second)
      retry.slugs.push_back(*it);
    it = again_.erase(it);
  }
  if (!retry.slugs.empty()) out.emplace_back(std::move(retry));
  passivate(limits_.passivated_at_once, limits_.idle, now, out);
  make_room(now, out);
  return out;
}

// One that was used within the precision of a stamp may be busy. With the margin used up as well,
// somebody asks for more teams than fit: then the least recently used goes, and costs its next
// request a millisecond.
void team_directory_state::make_room(mono_time now, directory_effects& out) {
  if (shelf_.size() <= limits_.active) return;
  const auto limit = std::min(shelf_.size() - limits_.active, limits_.passivated_at_once);
  passivate(limit, http::site_use::stamp_every, now, out);
  if (full()) passivate(limit, seconds(1), now, out);
}

void team_directory_state::passivate(std::size_t limit, seconds least, mono_time now,
                                     directory_effects& out) {
  if (leaving_.size() >= limits_.window) return;
  for (const auto& slug : shelf_.idle(now, least, limit, looks_a_turn))
    if (!held_.contains(slug) && !asked_.contains(slug))
      take_out(slug, withdraw_team::reason::passivated, out);
}

bool team_directory_state::full() const {
  return shelf_.size() >= limits_.active + limits_.active / 8 + 1;
}

// -- observers --------------------------------------------------------------------------

const std::string* team_directory_state::json_of(const std::string& slug) {
  const auto* known = shelf_.find(slug);
  return known != nullptr && known->live && !known->json.empty() ? &known->json : nullptr;
}

std::string team_directory_state::doing(const std::string& slug) const {
  const auto it = held_.find(slug);
  return it == held_.end() ? std::string() : it->second.doing;
}

}  // namespace stagedoor::actors
