// SPDX-License-Identifier: Apache-2.0
// How far this node is in the log of teams, and who waits for it to get further.
//
//   look() ─▶ since() of the store ─▶ read() ─▶ changes, or a reload ─▶ applied() ─▶ look() ...
//
// One page at a time is on its way; the next is asked for when all of it is live.
// Owner: the team_directory. Runs on: the scheduler. No CAF; time comes in as an argument.
// Bounded by: limits.page changes, limits.waiting callers. On failure: asked again after
// limits.retry.
#pragma once

#include "actors/teams/team_log.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stagedoor::actors {

struct log_limits {
  std::size_t page = defaults::team_changes_page;
  std::size_t followed = defaults::team_changes_followed;
  std::size_t waiting = defaults::team_catch_ups;
  milliseconds interval = defaults::team_log_interval;
  milliseconds close_interval = defaults::team_log_close_interval;
  milliseconds retry = defaults::team_log_retry;
};

class team_log_follower {
 public:
  using token = std::uint64_t;

  explicit team_log_follower(log_limits limits = {}) : limits_(limits) {}

  struct question {
    std::uint64_t after = 0;
    std::size_t limit = 0;
  };
  /// What is to be asked of the store now, if anything.
  [[nodiscard]] std::optional<question> look(mono_time now);
  /// The next look is due now, or as soon as what is under way is applied.
  void hurry(mono_time now);
  /// From now on looks at short intervals.
  void follow_closely(mono_time now);

  enum class news : std::uint8_t {
    began,        ///< the first answer: from here on changes are followed
    changes,      ///< apply them, also to teams that are not active
    far_behind,   ///< apply them to active teams only: there are too many
    forgotten,    ///< more happened than is remembered: reload, what is gone is gone
    other_store,  ///< reload, but what is gone stays: it was not removed, it was lost
  };
  [[nodiscard]] news read(const team_log::page& page);
  void not_read(mono_time now);
  /// Everything of the last page is live.
  void applied(mono_time now);

  // -- callers --------------------------------------------------------------------

  /// True when it is so already. On failure: unreachable (nothing was read yet), overloaded.
  [[nodiscard]] result<bool> wait_for(std::uint64_t version, token who, mono_time now);
  struct answer {
    token who = 0;
    std::uint64_t version = 0;
    std::optional<fault> failed;
  };
  /// Those whose version is live, and those who wait for one that the store does not have.
  [[nodiscard]] std::vector<answer> answers();

  // -- observers --------------------------------------------------------------------

  [[nodiscard]] bool began() const noexcept { return !epoch_.empty(); }
  [[nodiscard]] std::uint64_t version() const noexcept { return position_; }
  [[nodiscard]] const std::string& epoch() const noexcept { return epoch_; }
  [[nodiscard]] std::optional<mono_time> next_look() const noexcept { return due_; }

 private:
  log_limits limits_;
  std::string epoch_;           ///< empty = nothing was read yet
  std::uint64_t position_ = 0;  ///< all changes up to it are live
  std::uint64_t newest_ = 0;    ///< that the store is known to have
  std::uint64_t page_end_ = 0;  ///< position once the page under way is applied
  bool under_way_ = false;      ///< a question, or the applying of its answer
  bool hurry_ = false;          ///< look again as soon as that is over
  bool confirmed_ = false;      ///< |newest_| was read after the last caller came
  std::optional<mono_time> due_ = mono_time::min();
  std::vector<std::pair<std::uint64_t, token>> waiting_;  ///< by version, unsorted
};

}  // namespace stagedoor::actors
