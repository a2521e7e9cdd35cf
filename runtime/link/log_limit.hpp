// SPDX-License-Identifier: Apache-2.0
// One line about the same thing in a minute, however often it happens.
//
// Whoever can reach a port can make it complain; what is logged about strangers must not fill a
// disk. Owner: a listener or dialer. Runs on: its loop; takes the time as an argument.
// Bounded by: max_kept things; beyond, further ones are not logged until old ones have expired.
#pragma once

#include "runtime/base/clock.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace stagedoor::link {

class log_limit {
 public:
  static constexpr std::size_t max_kept = 1024;
  static constexpr seconds interval{60};

  /// Whether to log |what| now; with the number of times that it was not since the last line.
  [[nodiscard]] std::optional<std::uint64_t> pass(const std::string& what, mono_time now) {
    auto at = told_.find(what);
    if (at == told_.end()) {
      if (told_.size() >= max_kept && now >= clean_at_) {
        std::erase_if(told_, [&](const auto& e) { return now >= e.second.since + interval; });
        clean_at_ = now + seconds(1);
      }
      if (told_.size() >= max_kept) return std::nullopt;
      told_.emplace(what, entry{now, 0});
      return 0;
    }
    auto& e = at->second;
    if (now < e.since + interval) {
      ++e.withheld;
      return std::nullopt;
    }
    const auto withheld = e.withheld;
    e = {now, 0};
    return withheld;
  }

 private:
  struct entry {
    mono_time since;  ///< the last line
    std::uint64_t withheld = 0;
  };
  std::map<std::string, entry> told_;
  mono_time clean_at_{};  ///< when to look for expired ones again
};

}  // namespace stagedoor::link
