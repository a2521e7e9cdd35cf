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
constexpr std::size_t read_batch = 100;      ///< teams in one HMGET

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

// -- the log ------------------------------------------------------------------------

void team_directory_state::look(mono_time now, directory_effects& out) {
  if (const auto q = follower_.look(now)) out.emplace_back(read_log{q->after, q->limit});
}

directory_effects team_directory_state::log_read(const team_log::page& page, mono_time now) {
  directory_effects out;
  teams_ = page.teams;
  tended_ = page.tended;
  using news = team_log_follower::news;
  const auto what = follower_.read(page);
  if (what != news::changes && what != news::far_behind && page.index < index_)
    out.emplace_back(complete_index{});
  switch (what) {
    case news::began: began(page, now, out); break;
    case news::changes:
    case news::far_behind: {
      tended_changed told;
      for (const auto& c : page.changes) {
        (c.tended == team_log::tending::wanted ? told.added : told.removed).push_back(c.slug);
        follow(c, what == news::far_behind, now, out);
      }
      if (!page.changes.empty()) out.emplace_back(std::move(told));
      applying_ = true;
      reload_more(now, out);
      break;
    }
    case news::forgotten:
      log::info("too much has changed to follow, active teams are read again",
                {{"version", page.version}, {"active", shelf_.size()}});
      out.emplace_back(tended_changed{{}, {}, true});
      reload(false, now, out);
      break;
    case news::other_store:
      log::warning("the store of teams is another one, what is live stays",
                   {{"epoch", page.epoch}, {"teams", page.teams}, {"active", shelf_.size()}});
      out.emplace_back(tended_changed{{}, {}, true});
      reload(true, now, out);
      break;
  }
  return out;
}

directory_effects team_directory_state::log_not_read(mono_time now) {
  follower_.not_read(now);
  return {};
}

void team_directory_state::follow(const team_log::change& c, bool far_behind, mono_time now,
                                  directory_effects& out) {
  const auto* known = shelf_.find(c.slug);
  if (known != nullptr && known->version >= c.version) return;
  if (const auto h = held_.find(c.slug); h != held_.end()) {
    h->second.missed = true;
  } else if (c.spec.empty()) {
    out.emplace_back(team_settled{c.slug, std::nullopt});
    if (known == nullptr) return;
    log_waits_.insert(c.slug);
    take_out(c.slug, withdraw_team::reason::gone, out);
    answer(c.slug, presence::unknown, out);
  } else if (known != nullptr || (!far_behind && !full())) {
    log_waits_.insert(c.slug);
    apply(c.slug, c.spec, now, out);
  } else if (auto spec = parse_team_spec(c.spec, domain_)) {
    out.emplace_back(team_settled{c.slug, *std::move(spec)});  // it may be tended here
    out.emplace_back(team_stored{c.slug});
  }
}

void team_directory_state::log_applied(mono_time now, directory_effects& out) {
  applying_ = false;
  gone_stay_ = false;
  follower_.applied(now);
  for (auto& a : follower_.answers())
    out.emplace_back(answer_catch_up{
        a.who, a.failed ? result<std::uint64_t>(*a.failed) : result<std::uint64_t>(a.version)});
  look(now, out);
}

// All active teams are compared with what is stored.
void team_directory_state::reload(bool gone_stay, mono_time now, directory_effects& out) {
  gone_stay_ = gone_stay;
  reloading_ = shelf_.slugs();
  applying_ = true;
  reload_more(now, out);
}

// The next pages, as far as the window has room; the end when there are none and nothing is under
// way.
void team_directory_state::reload_more(mono_time now, directory_effects& out) {
  while (!reloading_.empty() && log_waits_.size() < limits_.window) {
    read_teams page;
    while (!reloading_.empty() && page.slugs.size() < read_batch) {
      auto slug = std::move(reloading_.back());
      reloading_.pop_back();
      if (const auto h = held_.find(slug); h != held_.end()) {
        h->second.missed = true;
      } else if (shelf_.find(slug) != nullptr && asked_.insert(slug).second) {
        log_waits_.insert(slug);
        page.slugs.push_back(std::move(slug));
      }
    }
    if (!page.slugs.empty()) out.emplace_back(std::move(page));
  }
  if (reloading_.empty() && log_waits_.empty()) log_applied(now, out);
}

// -- the start ------------------------------------------------------------------------

void team_directory_state::began(const team_log::page& page, mono_time now,
                                 directory_effects& out) {
  warm_began_ = now;
  out.emplace_back(look_ups_served{});
  if (page.teams <= limits_.active) {
    warming_ = warming::reading;
    scan(out);
  } else {
    warming_ = warming::off;
    log::info("teams become active when they are asked for",
              {{"teams", page.teams}, {"active_at_most", limits_.active}});
  }
  reload(false, now, out);  // what an earlier run of this actor left in the tables
}

void team_directory_state::scan(directory_effects& out) {
  scan_again_ = false;
  out.emplace_back(scan_teams{"0", limits_.load_batch});
}

directory_effects team_directory_state::scanned(
    std::string cursor, std::vector<std::pair<std::string, std::string>> teams, mono_time now) {
  directory_effects out;
  for (const auto& [slug, json] : teams) {
    if (const auto h = held_.find(slug); h != held_.end()) {
      h->second.missed = true;
      continue;
    }
    // What is known already follows the log.
    if (shelf_.find(slug) != nullptr || asked_.contains(slug) || shelf_.size() >= limits_.active)
      continue;
    warm_waits_.insert(slug);
    apply(slug, json, now, out);
  }
  if (cursor == "0") {
    warming_ = warming::done;
    log::info("teams read from the store",
              {{"teams", shelf_.size()},
               {"took_ms", std::chrono::duration_cast<milliseconds>(now - warm_began_).count()}});
  } else {
    cursor_ = std::move(cursor);
  }
  warm(now, out);
  return out;
}

// Goes on reading when the window has room, and says when all that was read is live.
void team_directory_state::warm(mono_time now, directory_effects& out) {
  if (!cursor_.empty() && warm_waits_.size() < limits_.window)
    out.emplace_back(scan_teams{std::exchange(cursor_, {}), limits_.load_batch});
  if (warming_ != warming::done || !warm_waits_.empty() || std::exchange(told_live_, true)) return;
  log::info("stored teams are live",
            {{"teams", shelf_.size()},
             {"took_ms", std::chrono::duration_cast<milliseconds>(now - warm_began_).count()}});
  out.emplace_back(all_live{});
}

// -- time -----------------------------------------------------------------------------

directory_effects team_directory_state::connected(mono_time now) {
  directory_effects out;
  follower_.hurry(now);
  look(now, out);
  return out;
}

directory_effects team_directory_state::tick(mono_time now) {
  directory_effects out;
  look(now, out);
  if (!follower_.began()) return out;
  if (scan_again_) scan(out);
  read_teams retry;
  for (auto it = again_.begin(); it != again_.end() && retry.slugs.size() < read_batch;) {
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
