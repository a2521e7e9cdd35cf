// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_log_follower.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {

std::optional<team_log_follower::question> team_log_follower::look(mono_time now) {
  if (under_way_ || !due_ || *due_ > now) return std::nullopt;
  under_way_ = true;
  hurry_ = false;
  due_.reset();
  // The first look only asks how far the log is.
  return question{position_, began() ? limits_.page : 0};
}

void team_log_follower::hurry(mono_time now) {
  if (under_way_)
    hurry_ = true;
  else
    due_ = now;
}

void team_log_follower::follow_closely(mono_time now) {
  limits_.interval = limits_.close_interval;
  hurry(now);
}

team_log_follower::news team_log_follower::read(const team_log::page& page) {
  newest_ = page.version;
  confirmed_ = !hurry_;
  page_end_ = page.version;
  const bool first = !began();
  const bool other = !first && page.epoch != epoch_;
  epoch_ = page.epoch;
  if (first) return news::began;
  if (other) {
    position_ = 0;
    return news::other_store;
  }
  if (position_ < page.floor) return news::forgotten;
  if (page.changes.size() >= limits_.page) page_end_ = page.changes.back().version;
  return page.version - std::min(position_, page.version) > limits_.followed ? news::far_behind
                                                                             : news::changes;
}

void team_log_follower::not_read(mono_time now) {
  under_way_ = false;
  due_ = now + limits_.retry;
}

void team_log_follower::applied(mono_time now) {
  under_way_ = false;
  position_ = page_end_;
  due_ = position_ < newest_ || hurry_ ? now : now + limits_.interval;
}

// -- callers ----------------------------------------------------------------------

result<bool> team_log_follower::wait_for(std::uint64_t version, token who, mono_time now) {
  if (!began())
    return fault{fault_kind::unreachable, fault_side::store, retryable::yes,
                 "the log of teams has not been read yet"};
  if (version <= position_) return true;
  if (waiting_.size() >= limits_.waiting)
    return fault{fault_kind::overloaded, fault_side::self, retryable::yes,
                 fmt::format("{} callers wait for changes of teams already", waiting_.size())};
  waiting_.emplace_back(version, who);
  confirmed_ = false;
  hurry(now);
  return false;
}

std::vector<team_log_follower::answer> team_log_follower::answers() {
  std::vector<answer> out;
  std::erase_if(waiting_, [&](const auto& w) {
    const auto& [version, who] = w;
    if (version <= position_) {
      out.push_back({who, position_, std::nullopt});
    } else if (confirmed_ && position_ == newest_) {
      out.push_back({who, position_,
                     fault{fault_kind::stale, fault_side::store, retryable::no,
                           fmt::format("the store knows changes up to {} only", newest_)}});
    } else {
      return false;
    }
    return true;
  });
  return out;
}

}  // namespace stagedoor::actors
