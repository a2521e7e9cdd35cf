// SPDX-License-Identifier: Apache-2.0
// What one node knows of all teams: which are active, who waits for one, what changed.
//
// Problem: the desired state of a million teams is in the store, and a node has memory for those
// that somebody uses. So a team becomes active (its site and name are live) when it is looked up,
// when the log says that it changed, or, while all of them fit, in the background after the start;
// and passive again when it was idle for long or more would be active than there may be.
//
// One thing at a time decides about a team: while a flow of this node holds it, neither a look-up
// nor the log touches it; what they missed is read when the flow lets go.
// Owner: the team_directory. Runs on: the scheduler. No CAF; time comes in as an argument.
// Bounded by: directory_limits. On failure: what could not be made live is tried again with the
// next look at the log; a look-up is answered with the fault.
#pragma once

#include "actors/teams/flow_end.hpp"
#include "actors/teams/team_log_follower.hpp"
#include "actors/teams/team_shelf.hpp"
#include "messages/team.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace stagedoor::actors {

struct directory_limits {
  std::size_t active = defaults::teams_active;
  seconds idle = defaults::teams_idle;
  std::size_t look_ups = defaults::team_look_ups;
  std::size_t callers = defaults::team_look_up_callers;
  std::size_t load_batch = 500;  ///< teams read from the store at a time, while all are loaded
  /// The next ones are read when fewer than this are on their way to the loops. CAF looks through
  /// all open requests of an actor at each answer: with all teams at once loading would be
  /// quadratic.
  std::size_t window = 250;
  std::size_t read_batch = 100;  ///< teams in one HMGET
  std::size_t passivated_at_once = 64;
  log_limits log;
};

// -- effects --------------------------------------------------------------------------------------

/// HMGET; report with stored() or not_stored().
struct read_teams {
  std::vector<std::string> slugs;
};
/// since(); report with log_read() or log_not_read().
struct read_log {
  std::uint64_t after = 0;
  std::size_t limit = 0;
};
/// HSCAN; report with scanned() or not_scanned().
struct scan_teams {
  std::string cursor;
  std::size_t count = 0;
};
/// Make site and name live; report with served().
struct serve_team {
  messages::team_spec spec;
  std::shared_ptr<http::site_use> use;
};
/// Take both out of the tables; report with withdrawn().
struct withdraw_team {
  std::string slug;
  enum class reason : std::uint8_t { passivated, gone } why = reason::passivated;
};
struct answer_look_up {
  std::uint64_t who = 0;
  result<messages::presence> found;
};
struct answer_hold {
  std::uint64_t who = 0;
  std::shared_ptr<http::site_use> use;
};
struct answer_catch_up {
  std::uint64_t who = 0;
  result<std::uint64_t> version;
};
/// Look-ups can be answered. Once.
struct look_ups_served {};
/// What was stored at the start is live, or comes when it is asked for. Once.
struct stored_teams_live {};
/// Complete the index, from the start.
struct complete_index {};
/// What changed in the set of teams to be looked after.
struct tended_changed {
  std::vector<std::string> added, removed;
  bool all = false;  ///< anything may have changed
};
/// A team is served in this form now, or was removed (no spec).
struct team_settled {
  std::string slug;
  std::optional<messages::team_spec> spec;
};
/// It is stored and not active: nobody here should remember that it does not exist.
struct team_stored {
  std::string slug;
};

using directory_effect =
    std::variant<read_teams, read_log, scan_teams, serve_team, withdraw_team, answer_look_up,
                 answer_hold, answer_catch_up, look_ups_served, stored_teams_live, complete_index,
                 tended_changed, team_settled, team_stored>;
using directory_effects = std::vector<directory_effect>;

class team_directory_state {
 public:
  using token = std::uint64_t;

  team_directory_state(std::string domain, team_log::indexing index, directory_limits limits = {})
      : domain_(std::move(domain)), index_(index), limits_(limits), follower_(limits.log) {}

  // -- questions and orders -------------------------------------------------------

  [[nodiscard]] directory_effects look_up(const std::string& slug, token who, mono_time now);
  [[nodiscard]] directory_effects catch_up(std::uint64_t version, token who, mono_time now);
  /// A flow of this node decides about the team until release(). Answered when nothing else is
  /// under way for it.
  [[nodiscard]] directory_effects hold(const std::string& slug, std::string doing, token who,
                                       mono_time now);
  /// The flow has made the team live in this form; empty = withdrawn.
  [[nodiscard]] directory_effects changed(const std::string& slug, std::uint64_t version,
                                          std::string json, mono_time now);
  /// unsure = the flow failed: what is stored now is made so.
  [[nodiscard]] directory_effects release(const std::string& slug, flow_end ended, mono_time now);

  // -- callbacks ------------------------------------------------------------------

  /// Teams that an earlier run of this actor has made live: found in the registry at the start.
  void adopt(const std::string& slug, std::shared_ptr<http::site_use> use, mono_time now);
  /// JSON by the slugs asked for, in their order; none = there is no such team.
  [[nodiscard]] directory_effects stored(const std::vector<std::string>& slugs,
                                         std::vector<std::optional<std::string>> values,
                                         mono_time now);
  [[nodiscard]] directory_effects not_stored(const std::vector<std::string>& slugs,
                                             const fault& why, mono_time now);
  [[nodiscard]] directory_effects log_read(const team_log::page& page, mono_time now);
  [[nodiscard]] directory_effects log_not_read(mono_time now);
  [[nodiscard]] directory_effects scanned(
      std::string cursor, const std::vector<std::pair<std::string, std::string>>& teams,
      mono_time now);
  void not_scanned() { scan_again_ = true; }
  /// |use| is that of the serve_team: a team that left and came again has another one.
  [[nodiscard]] directory_effects served(const std::string& slug, const http::site_use* use,
                                         const result<void>& outcome, mono_time now);
  [[nodiscard]] directory_effects withdrawn(const std::string& slug, const result<void>& outcome,
                                            mono_time now);
  /// The store can be asked (again).
  [[nodiscard]] directory_effects connected(mono_time now);
  /// Changes are looked for at short intervals, since nobody tells of them any more.
  [[nodiscard]] directory_effects follow_closely(mono_time now);
  [[nodiscard]] directory_effects tick(mono_time now);
  /// Effects of what gathered since the last call: look-ups that go out together.
  [[nodiscard]] directory_effects gathered();

  // -- observers ------------------------------------------------------------------

  [[nodiscard]] bool has_gathered() const noexcept { return !unread_.empty(); }
  /// JSON of an active team; null = it is not active.
  [[nodiscard]] const std::string* json_of(const std::string& slug);
  /// "provisioning", or empty when no flow holds it.
  [[nodiscard]] std::string doing(const std::string& slug) const;
  [[nodiscard]] std::size_t active() const noexcept { return shelf_.size(); }
  [[nodiscard]] const team_log_follower& log() const noexcept { return follower_; }
  [[nodiscard]] std::uint64_t teams() const noexcept { return teams_; }
  [[nodiscard]] std::uint64_t tended() const noexcept { return tended_; }
  enum class warming : std::uint8_t { waiting, off, reading, done };
  [[nodiscard]] warming warm_up() const noexcept { return warming_; }

 private:
  struct held {
    std::string doing;
    std::shared_ptr<http::site_use> use;
    std::optional<token> asking;  ///< waits for what is under way
    bool missed = false;          ///< read again when it ends
  };

  void apply(const std::string& slug, const std::string& json, mono_time now,
             directory_effects& out);
  void take_out(const std::string& slug, withdraw_team::reason why, directory_effects& out);
  void missing(const std::string& slug, mono_time now, directory_effects& out);
  void follow(const team_log::change& c, bool far_behind, mono_time now, directory_effects& out);
  void answer_holder(const std::string& slug, directory_effects& out);
  void settle(const std::string& slug, const result<messages::presence>& found, mono_time now,
              directory_effects& out);
  void answer(const std::string& slug, const result<messages::presence>& found,
              directory_effects& out);
  void reread(const std::string& slug, directory_effects& out);
  void began(const team_log::page& page, mono_time now, directory_effects& out);
  void reload(bool gone_stay, mono_time now, directory_effects& out);
  void reload_more(mono_time now, directory_effects& out);
  void log_applied(mono_time now, directory_effects& out);
  void look(mono_time now, directory_effects& out);
  void warm(mono_time now, directory_effects& out);
  void scan(directory_effects& out);
  void passivate(std::size_t limit, seconds least, mono_time now, directory_effects& out);
  void make_room(mono_time now, directory_effects& out);
  [[nodiscard]] bool full() const;

  const std::string domain_;
  const team_log::indexing index_;  ///< what this node needs
  const directory_limits limits_;
  team_log_follower follower_;
  team_shelf shelf_;
  std::unordered_map<std::string, held> held_;
  std::unordered_map<std::string, std::vector<token>> look_ups_;  ///< by slug, until answered
  std::size_t callers_ = 0;                                       ///< of all of them
  std::vector<std::string> unread_;        ///< look-ups whose question has not gone out
  std::unordered_set<std::string> asked_;  ///< for what a question is under way
  std::unordered_map<std::string, std::uint32_t> leaving_;  ///< withdrawals under way
  std::unordered_set<std::string> again_;   ///< to be read with the next look: something failed
  std::unordered_set<std::string> forced_;  ///< of what is read: made so whatever is known here

  // The page of the log, or the reload, that is being applied.
  bool applying_ = false;
  std::unordered_set<std::string> log_waits_;
  std::vector<std::string> reloading_;  ///< not asked for yet
  bool gone_stay_ = false;

  // The loading of all teams.
  warming warming_ = warming::waiting;
  std::unordered_set<std::string> warm_waits_;
  std::string cursor_;  ///< of the page to read when the window has room; empty = none
  bool scan_again_ = false;
  bool told_live_ = false;
  mono_time warm_began_{};

  std::uint64_t teams_ = 0, tended_ = 0;  ///< in the store, at the last look
};

}  // namespace stagedoor::actors
