// SPDX-License-Identifier: Apache-2.0
// A team_directory in virtual time, everybody else played by the test.
#pragma once

#include "actors/teams/team_directory.hpp"
#include "tests/actors/team_world.hpp"

namespace stagedoor::actors::team_world {

using messages::presence;
using ::testing::UnorderedElementsAre;

class team_directory_test : public team_fixture {
 protected:
  team_directory_test() {
    options_.domain = "test";
    options_.first_catalog = catalog_;
    options_.on_look_ups_served = [this] { ++served_; };
    options_.on_stored_teams_live = [this] { ++stored_live_; };
    options_.forget_missing = [this](const std::string& slug) { exists_.push_back(slug); };
    (void)spawn<everybody>(world_);
  }
  void start() { teamdir_ = spawn<team_directory>(options_); }
  /// Too many teams to load them all.
  void start_cold(std::size_t active = 2) {
    options_.limits.active = active;
    for (std::size_t i = 0; i <= active; ++i) store({fmt::format("z{}", i)});
    start();
    EXPECT_EQ(status("store"), "on demand");
  }
  void store(const std::vector<std::string>& slugs) {
    for (const auto& slug : slugs) world_.store[slug] = to_json(a_team(slug));
  }

  using outcome = std::shared_ptr<std::optional<result<messages::team_presence>>>;
  outcome look_up(const std::string& slug) {
    auto heard = std::make_shared<std::optional<result<messages::team_presence>>>();
    send_on_errand([=, to = teamdir_](caf::event_based_actor* self) {
      actors::ask<messages::team_presence>(
          self, to, messages::look_up_team{slug}, seconds(100),
          [heard](messages::team_presence& p) { *heard = p; },
          [heard](const fault& f) { *heard = f; });
    });
    return heard;
  }
  static std::string said(const outcome& o) {
    if (!o->has_value()) return "nothing yet";
    if (!**o) return to_string((*o)->error());
    return (**o)->is == presence::active ? "active" : "unknown";
  }
  std::string found(const std::string& slug) {
    const auto o = look_up(slug);
    run();
    return said(o);
  }
  std::vector<std::string> live() {
    std::vector<std::string> out;
    for (const auto& [host, routes] : world_.sites) {
      const auto slug = host.substr(0, host.find('.'));
      EXPECT_TRUE(world_.names.contains(slug)) << slug << " has a site and no name";
      out.push_back(slug);
    }
    EXPECT_EQ(out.size(), world_.names.size());
    return out;
  }
  std::string status(const std::string& key) { return status_of(teamdir_, key); }
  result<messages::caught_up> catch_up(std::uint64_t version) {
    return ask<messages::caught_up>(teamdir_, messages::catch_up_to{version});
  }
  void use(const std::string& slug) { world_.uses.at(slug + ".test")->stamp(now()); }
  static fault down() {
    return {fault_kind::unreachable, fault_side::store, retryable::yes, "down"};
  }

  team_directory_options options_;
  int served_ = 0;
  int stored_live_ = 0;
  std::vector<std::string> exists_;  ///< what the lanes were told
};

}  // namespace stagedoor::actors::team_world
