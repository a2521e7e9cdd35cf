// SPDX-License-Identifier: Apache-2.0
#include "cluster/team_activation.hpp"

#include "tests/support/actor_fixture.hpp"

#include "actors/dns/dns_plan.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/team.hpp"

#include <gmock/gmock.h>

namespace stagedoor::cluster {
namespace {

using snapshot::activation;

class team_activation : public actors::actor_fixture {
 protected:
  std::optional<activation> ask(std::string name) {
    std::optional<activation> outcome;
    activate_(std::move(name), [&outcome](activation a) { outcome = a; });
    run();
    if (!outcome) advance(seconds(2));
    return outcome;
  }
  snapshot::activate_function activate_ = activate_teams(system(), seconds(2));
};

TEST_F(team_activation, is_what_the_directory_says) {
  auto directory = make_probe();
  actors::publish_name(system(), "teamdir", directory.handle());
  directory.answers<messages::look_up_team>(
      [](const messages::look_up_team& m) -> result<messages::team_presence> {
        if (m.slug == "broken")
          return fault{fault_kind::unreachable, fault_side::store, retryable::yes, "no Redis"};
        return messages::team_presence{
            m.slug, m.slug == "team-a" ? messages::presence::active : messages::presence::unknown};
      });
  EXPECT_EQ(ask("team-a"), activation::active);
  EXPECT_EQ(ask("nobody"), activation::unknown);
  EXPECT_EQ(ask("broken"), activation::failed);
}

TEST_F(team_activation, a_directory_that_is_silent_or_away_is_no_denial) {
  EXPECT_EQ(ask("team-a"), activation::unknown) << "a node without one has all teams in memory";
  auto directory = make_probe();
  actors::publish_name(system(), "teamdir", directory.handle());
  EXPECT_EQ(ask("team-a"), activation::failed);
  kill(directory.handle());
  run();
  EXPECT_EQ(ask("team-a"), activation::failed);
}

TEST_F(team_activation, a_directory_that_starts_again_is_waited_for) {
  const auto known = [](const messages::look_up_team& m) -> result<messages::team_presence> {
    return messages::team_presence{m.slug, messages::presence::active};
  };
  auto first = make_probe();
  first.answers<messages::look_up_team>(known);
  actors::publish_name(system(), "teamdir", first.handle());
  EXPECT_EQ(ask("team-a"), activation::active);
  kill(first.handle());
  run();
  std::optional<activation> outcome;
  activate_("team-a", [&outcome](activation a) { outcome = a; });
  advance(seconds(1));
  EXPECT_FALSE(outcome) << "nobody has answered, and it is not late yet";
  auto second = make_probe();
  second.answers<messages::look_up_team>(known);
  actors::publish_name(system(), "teamdir", second.handle());
  advance(defaults::look_up_pause);
  EXPECT_EQ(outcome, activation::active);
}

TEST_F(team_activation, a_question_that_the_directory_took_with_it_is_asked_again) {
  auto first = make_probe();
  first.answers<messages::look_up_team>(
      [](const messages::look_up_team&) -> result<messages::team_presence> {
        return fault{fault_kind::closed, fault_side::self, retryable::yes, "no answer was given"};
      });
  actors::publish_name(system(), "teamdir", first.handle());
  std::optional<activation> outcome;
  activate_("team-a", [&outcome](activation a) { outcome = a; });
  run();
  auto second = make_probe();
  second.answers<messages::look_up_team>([](const messages::look_up_team& m) {
    return result<messages::team_presence>({m.slug, messages::presence::unknown});
  });
  kill(first.handle());
  run();
  actors::publish_name(system(), "teamdir", second.handle());
  advance(defaults::look_up_pause);
  EXPECT_EQ(outcome, activation::unknown);
}

TEST(team_zones, are_found_by_name) {
  actors::dns_plan plan;
  for (const auto* name : {"localhost.", "other.", "kanban.domain."}) {
    auto& zone = plan.zones.emplace_back();
    zone.id = dns::zone_id{static_cast<std::uint32_t>(plan.zones.size())};
    zone.name = name;
  }
  plan.team_zones = {"kanban.domain.", "localhost."};
  EXPECT_THAT(team_zone_ids(plan), testing::ElementsAre(dns::zone_id{1}, dns::zone_id{3}));
}

}  // namespace
}  // namespace stagedoor::cluster
