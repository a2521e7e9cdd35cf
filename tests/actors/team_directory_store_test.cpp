// SPDX-License-Identifier: Apache-2.0
// Directory and provisioner in front of a real redis-server: two nodes, as far as teams go.
#include "actors/redis_bridge.hpp"
#include "tests/actors/provisioner_fixture.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

namespace stagedoor::actors {
namespace {

using namespace team_world;

class team_store_test : public team_fixture {
 protected:
  team_store_test() {
    // A deadline goes from an actor to the loop: both must mean the same time.
    advance(std::chrono::ceil<milliseconds>(mono_clock::now() - now()));
    redis::client_options options;
    options.commands.session.backoff_base = milliseconds(5);
    options.commands.session.backoff_cap = milliseconds(50);
    options.incarnation = "test";
    client_ = std::make_shared<redis::client>(
        loop_, *redis::endpoint::parse(fmt::format("redis://127.0.0.1:{}", server_.port())),
        options);
    (void)spawn<everybody>(world_);
    bridge_ = spawn<redis_bridge>(client_, scripts_);  // in the place of the one just played
    EXPECT_TRUE(until([&] { return client_->status().connected; }));
    directory_.domain = "test";
    directory_.first_catalog = catalog_;
  }
  ~team_store_test() override { client_->stop(); }

  void start() {
    teamdir_ = spawn<team_directory>(directory_);
    provisioner_options options;
    options.domain = "test";
    options.first_catalog = catalog_;
    options.probe = [](auto&&, auto&&, auto&&, auto&& finished) { finished({}); };
    teams_ = spawn<provisioner>(std::move(options));
    EXPECT_TRUE(until([&] { return status("store") != "waiting for Redis"; }));
    EXPECT_TRUE(until([&] { return status("store") != "loading"; }));
  }

  template <class Predicate>
  bool until(Predicate holds) {
    return test::turn_until(loop_, [&] {
      run();
      return holds();
    });
  }
  template <class Reply, class Message>
  result<Reply> answer(const caf::actor& to, Message m) {
    auto heard = std::make_shared<std::optional<result<Reply>>>();
    (void)spawn<team_world::orderer>(
        [=](caf::event_based_actor* self) {
          actors::ask<Reply>(
              self, to, m, seconds(50), [heard](Reply& r) { *heard = std::move(r); },
              [heard](const fault& f) { *heard = f; });
        },
        progress_);
    EXPECT_TRUE(until([&] { return heard->has_value(); }));
    return heard->value_or(fault{});
  }
  bool provision(const team_spec& spec) {
    const auto flow = fmt::format("f{}", ++flows_);
    return answer<messages::team_flow_finished>(teams_, messages::provision_team{flow, "", spec})
        .has_value();
  }
  bool deprovision(const std::string& slug) {
    const auto flow = fmt::format("f{}", ++flows_);
    return answer<messages::team_flow_finished>(teams_,
                                                messages::deprovision_team{flow, "", slug, 1})
        .has_value();
  }
  /// As another node's provisioner does.
  std::uint64_t write(const std::string& slug, const std::string& json) {
    const auto script =
        json.empty() ? team_log::remove({}, slug, seconds(1), kept_)
                     : team_log::put({}, slug, json, team_log::tending::none, seconds(1), kept_);
    redis::command words{"EVAL", script.text, std::to_string(script.keys.size())};
    words.insert(words.end(), script.keys.begin(), script.keys.end());
    words.insert(words.end(), script.arguments.begin(), script.arguments.end());
    return static_cast<std::uint64_t>(cli_(words).integer);
  }
  bool catch_up(std::uint64_t version) {
    return answer<messages::caught_up>(teamdir_, messages::catch_up_to{version}).has_value();
  }
  messages::presence found(const std::string& slug) {
    const auto p = answer<messages::team_presence>(teamdir_, messages::look_up_team{slug});
    EXPECT_TRUE(p) << (p ? "" : to_string(p.error()));
    return p ? p->is : messages::presence::unknown;
  }
  std::vector<std::string> live() {
    std::vector<std::string> out;
    for (const auto& [host, routes] : world_.sites) out.push_back(host.substr(0, host.find('.')));
    EXPECT_THAT(std::vector(world_.names.begin(), world_.names.end()), out);
    return out;
  }
  std::string status(const std::string& key) { return status_of(teamdir_, key); }
  std::vector<std::string> listed() {
    const auto page = answer<messages::team_listing>(teamdir_, messages::list_teams{"", 1000});
    return page ? page->slugs : std::vector<std::string>{to_string(page.error())};
  }
  void look() {
    const auto before = status("version");
    advance(seconds(2));
    (void)until([&] { return status("version") != before; });
  }

  test::redis_process server_;
  test::redis_cli cli_{server_.port()};
  loop loop_{{}};
  std::shared_ptr<redis::client> client_;
  std::shared_ptr<script_library> scripts_ = std::make_shared<script_library>();
  team_directory_options directory_;
  caf::actor bridge_, teams_;
  std::size_t kept_ = 100;
  int flows_ = 0;
  std::vector<messages::team_flow_progressed> progress_;
};

TEST_F(team_store_test, a_team_comes_changes_and_goes) {
  start();
  ASSERT_TRUE(provision(a_team("a")));
  EXPECT_THAT(live(), ElementsAre("a"));
  EXPECT_THAT(listed(), ElementsAre("a"));
  EXPECT_EQ(cli_({"HGET", "stagedoor:teams", "a"}).text, to_json(a_team("a")));
  ASSERT_TRUE(provision(a_team("a", "http://10.0.0.9")));
  EXPECT_EQ(web_of("a"), "http://10.0.0.9");
  ASSERT_TRUE(deprovision("a"));
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_FALSE(deprovision("a"));
  EXPECT_EQ(found("a"), messages::presence::unknown);
}

TEST_F(team_store_test, what_another_node_did_is_live_when_it_is_spread) {
  start();
  ASSERT_TRUE(provision(a_team("a")));
  auto version = write("b", to_json(a_team("b")));
  ASSERT_TRUE(catch_up(version));
  EXPECT_THAT(live(), ElementsAre("a", "b"));
  version = write("a", to_json(a_team("a", "http://10.0.0.9")));
  ASSERT_TRUE(catch_up(version));
  EXPECT_EQ(web_of("a"), "http://10.0.0.9");
  ASSERT_TRUE(catch_up(write("a", "")));
  EXPECT_THAT(live(), ElementsAre("b"));
}

TEST_F(team_store_test, who_was_away_catches_up) {
  start();
  ASSERT_TRUE(provision(a_team("a")));
  const auto nobody = make_probe();
  publish_name(system(), "redis", nobody.handle());
  write("a", to_json(a_team("a", "http://10.0.0.9")));
  write("b", to_json(a_team("b")));
  advance(seconds(60));  // every look fails
  EXPECT_THAT(live(), ElementsAre("a"));
  publish_name(system(), "redis", bridge_);
  advance(directory_.deadline);  // the last one that nobody answers
  tell(teamdir_, store_connected{});
  ASSERT_TRUE(until([&] { return world_.sites.size() == 2; }));
  EXPECT_EQ(web_of("a"), "http://10.0.0.9");
}

TEST_F(team_store_test, who_was_away_for_more_than_is_remembered_reads_all_that_is_active) {
  start();
  for (const char* slug : {"a", "b", "c"}) ASSERT_TRUE(provision(a_team(slug)));
  kept_ = 5;
  write("a", "");
  write("b", to_json(a_team("b", "http://10.0.0.9")));
  for (int i = 0; i < 20; ++i) write(fmt::format("t{}", i), to_json(a_team(fmt::format("t{}", i))));
  look();
  EXPECT_THAT(live(), ElementsAre("b", "c"));
  EXPECT_EQ(web_of("b"), "http://10.0.0.9");
  EXPECT_EQ(found("t3"), messages::presence::active);
}

TEST_F(team_store_test, a_store_that_was_emptied_takes_nothing_down) {
  start();
  for (const char* slug : {"a", "b"}) ASSERT_TRUE(provision(a_team(slug)));
  const auto epoch = status("epoch");
  cli_({"FLUSHALL"});
  advance(seconds(2));
  ASSERT_TRUE(until([&] { return status("epoch") != epoch; }));
  EXPECT_THAT(live(), ElementsAre("a", "b"));
  EXPECT_EQ(found("a"), messages::presence::active);
  ASSERT_TRUE(catch_up(write("b", to_json(a_team("b", "http://10.0.0.9")))));
  EXPECT_EQ(web_of("b"), "http://10.0.0.9");
  ASSERT_TRUE(deprovision("b"));
  EXPECT_THAT(live(), ElementsAre("a"));
}

TEST_F(team_store_test, ten_thousand_changes_are_followed_to_the_last) {
  directory_.limits.log.followed = 20'000;
  kept_ = 10'000;
  start();
  std::uint64_t version = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto slug = fmt::format("t{}", i % 2'500);
    version = write(
        slug, i % 7 == 6 ? "" : to_json(a_team(slug, fmt::format("http://10.0.0.9:{}", 1 + i))));
  }
  ASSERT_TRUE(catch_up(version));
  const auto stored = cli_({"HKEYS", "stagedoor:teams"});
  EXPECT_EQ(world_.sites.size(), stored.items.size());
  for (const auto& slug : stored.items) {
    const auto json = cli_({"HGET", "stagedoor:teams", slug.text}).text;
    EXPECT_EQ(json, to_json(a_team(slug.text, web_of(slug.text))));
  }
  EXPECT_THAT(live(), SizeIs(stored.items.size()));
}

TEST_F(team_store_test, more_teams_than_may_be_active_cost_nothing_at_the_start) {
  directory_.limits.active = 10;
  for (int i = 0; i < 1'000; ++i)
    cli_(
        {"HSET", "stagedoor:teams", fmt::format("t{}", i), to_json(a_team(fmt::format("t{}", i)))});
  start();
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_EQ(status("store"), "on demand");
  EXPECT_EQ(found("t999"), messages::presence::active);
  EXPECT_EQ(found("t1000"), messages::presence::unknown);
  EXPECT_THAT(live(), ElementsAre("t999"));
  // The list is built meanwhile.
  ASSERT_TRUE(until([&] { return listed().size() == 1'000; }));
}

}  // namespace
}  // namespace stagedoor::actors
