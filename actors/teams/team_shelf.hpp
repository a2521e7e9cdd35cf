// SPDX-License-Identifier: Apache-2.0
// The teams that are active on this node, and which of them nobody has asked for in a while.
//
// Requests do not pass an actor: a site's use is stamped by the lanes, so the order by last use
// is known only where it is looked at. The shelf keeps each team under the use it was last seen
// with, and looks again at the front only: whoever was used since moves back, so each look costs
// little however many there are.
// Owner: the team_directory. Runs on: the scheduler. No CAF; time comes in as an argument.
// Bounded by: its owner, who takes out what idle() names.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/http/site_use.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stagedoor::actors {

struct active_team {
  std::string json;  ///< as it was offered last; empty = to be offered again, whatever comes
  std::uint64_t version = 0;  ///< of the log that |json| holds; 0 = unknown
  std::shared_ptr<http::site_use> use;
  std::uint32_t offers = 0;  ///< under way
  bool live = false;         ///< an offer has succeeded
  bool kept = false;         ///< served although the store no longer knows it: stays
};

class team_shelf {
 public:
  /// A new one counts as used at |now|.
  active_team& put(const std::string& slug, mono_time now);
  void erase(const std::string& slug);
  [[nodiscard]] active_team* find(const std::string& slug);
  [[nodiscard]] std::size_t size() const noexcept { return teams_.size(); }

  /// The least recently used ones, unused for |least| or longer: at most |limit|, after at most
  /// |looks| looks. Those with an offer under way and kept ones are not among them.
  [[nodiscard]] std::vector<std::string> idle(mono_time now, seconds least, std::size_t limit,
                                              std::size_t looks);

  [[nodiscard]] std::vector<std::string> slugs() const;

 private:
  struct entry : active_team {
    mono_time seen{};  ///< its last use, as far as that was looked at
  };
  using node = std::pair<const std::string, entry>;

  void move(node& n, mono_time seen);

  std::unordered_map<std::string, entry> teams_;  ///< its elements stay where they are
  std::set<std::pair<mono_time, node*>> by_use_;
};

}  // namespace stagedoor::actors
