// SPDX-License-Identifier: Apache-2.0
// How the team_directory comes to know what is stored: by following the log, by reading again what
// is active when the log does not reach back, and by loading all teams where they fit.
#include "actors/teams/team_directory_state.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "runtime/base/log.hpp"

namespace stagedoor::actors {
namespace {

using messages::presence;

}  // namespace

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
    while (!reloading_.empty() && page.slugs.size() < limits_.read_batch) {
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
    out.emplace_back(stored_teams_live{});
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
    std::string cursor, const std::vector<std::pair<std::string, std::string>>& teams,
    mono_time now) {
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
  out.emplace_back(stored_teams_live{});
  log::info("stored teams are live",
            {{"teams", shelf_.size()},
             {"took_ms", std::chrono::duration_cast<milliseconds>(now - warm_began_).count()}});
}

}  // namespace stagedoor::actors
