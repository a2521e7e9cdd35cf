// SPDX-License-Identifier: Apache-2.0
// Which servers of a team are down, from the outcomes of its probes.
//
// One lost packet must not take a server out, and a server that answers every second time must not
// flap: a server is down after failures_to_down failed probes in a row and up again after
// successes_to_up good ones. Servers start as up, so that a new team is served at once.
// Rounds are spread by jitter: after a restart the teams of a node do not all probe at one moment.
// A round that is not answered does not stop the checks: the next one starts in its place, and the
// late answer is ignored.
// Owner: a health checker, one per team. Runs on: the scheduler. No CAF; time is an argument.
// Bounded by: the servers of the team; one round at a time.
#pragma once

#include "actors/teams/probing.hpp"
#include "messages/team.hpp"
#include "runtime/base/clock.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stagedoor::actors {

struct health_limits {
  std::uint32_t failures_to_down = 3;
  std::uint32_t successes_to_up = 2;
  milliseconds shortest_interval{1000};  ///< a shorter one that is asked for is taken as this
  milliseconds longest_deadline{5000};   ///< of a round; never longer than the interval
  std::uint32_t jitter_percent = 10;     ///< of the interval, at most, before or after its end
};

// -- effects --------------------------------------------------------------------

/// Probe each of these once and report with probed().
struct start_round {
  std::uint64_t round = 0;
  std::vector<std::string> urls;
  std::string path;
  milliseconds deadline{};
};
/// The verdict about a server changed.
struct server_changed {
  std::string url;
  bool up = true;
  std::string reason;  ///< of being down
};
/// A server that was down is no server of the team any more: nothing is known of it.
struct server_forgotten {
  std::string url;
};

using health_effect = std::variant<start_round, server_changed, server_forgotten>;
using health_effects = std::vector<health_effect>;

class health_checker_state {
 public:
  /// |seed| makes the jitter: different for each team, the same in a test.
  explicit health_checker_state(std::uint64_t seed, health_limits limits = {})
      : limits_(limits), random_(seed) {}

  // -- orders -------------------------------------------------------------------

  /// The team as it is now. Servers that stay keep their verdict. With an interval of 0 all are
  /// forgotten and nothing is probed.
  [[nodiscard]] health_effects use(const messages::team_spec& spec, mono_time now);

  // -- callbacks ----------------------------------------------------------------

  [[nodiscard]] health_effects probed(std::uint64_t round,
                                      const std::vector<probe_failure>& failures);
  [[nodiscard]] health_effects tick(mono_time now);
  [[nodiscard]] std::optional<mono_time> next_tick() const noexcept { return next_; }

  // -- observers ----------------------------------------------------------------

  /// As many rounds were answered as a verdict takes.
  [[nodiscard]] bool settled() const noexcept { return answered_ >= limits_.failures_to_down; }
  [[nodiscard]] std::vector<std::string> down() const;
  /// "up", "down: why", or empty when the server is not checked.
  [[nodiscard]] std::string describe(const std::string& url) const;

 private:
  struct verdict {
    bool up = true;
    std::uint32_t against = 0;  ///< probes in a row that contradict it
    std::string reason;
  };

  void judge(const std::string& url, verdict& v, const std::string* failure,
             health_effects& out) const;
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) noexcept;

  const health_limits limits_;
  std::uint64_t random_;
  std::map<std::string, verdict> servers_;
  std::string path_;
  milliseconds interval_{0};
  std::optional<mono_time> next_;
  std::uint64_t round_ = 0;  ///< the newest one
  bool open_ = false;        ///< its outcome is missing
  std::uint32_t answered_ = 0;
};

}  // namespace stagedoor::actors
