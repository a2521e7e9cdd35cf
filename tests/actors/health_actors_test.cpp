// SPDX-License-Identifier: Apache-2.0
#include "actors/support/actor_names.hpp"
#include "actors/teams/health_board.hpp"
#include "actors/teams/health_checker.hpp"
#include "actors/teams/routing_messages.hpp"
#include "messages/cluster.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

messages::team_spec a_team() {
  messages::team_spec spec;
  spec.slug = "team-a";
  spec.api = {"http://a"};
  spec.web = {"http://a", "http://b"};
  spec.health = {"/health", 1000};
  return spec;
}

struct health_checker_test : actor_fixture {
  probe teams = make_probe();
  probe board = make_probe();
  probe cluster = make_probe();
  messages::owner_proof proof{{"team", "team-a", 0}, "node-1", "run", 7};
  std::vector<std::string> ill;
  std::vector<std::string> asked;

  health_checker_test() {
    publish_name(system(), "teamdir", teams.handle());
    publish_name(system(), "health", board.handle());
    publish_name(system(), "cluster", cluster.handle());
  }

  probe_function prober() {
    return [this](std::vector<std::string> urls, std::string path, milliseconds,
                  std::function<void(std::vector<probe_failure>)> finished) {
      std::vector<probe_failure> failures;
      for (const auto& url : urls) {
        asked.push_back(url + path);
        if (std::find(ill.begin(), ill.end(), url) != ill.end())
          failures.push_back({url, "refused"});
      }
      finished(std::move(failures));
    };
  }
};

TEST_F(health_checker_test, asks_for_its_work_and_tells_verdicts_once) {
  const auto checker = spawn<health_checker>("team-a", proof, prober());
  ASSERT_THAT(teams.received<checker_ready>(), SizeIs(1));
  tell(checker, messages::check_servers{a_team()});
  ill = {"http://b"};
  advance(seconds(10));
  EXPECT_THAT(asked, ::testing::Contains("http://a/health"));
  const auto verdicts = board.received<messages::server_judged>();
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].url, "http://b");
  EXPECT_EQ(verdicts[0].health, messages::server_health::down);
  EXPECT_THAT(verdicts[0].services, ::testing::Contains("team-a-web@stagedoor"));
  const auto events = cluster.received<messages::write_owned>();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].proof, proof) << "only its owner announces a team's health";
  ASSERT_THAT(events[0].commands, SizeIs(1));
  EXPECT_EQ(events[0].commands[0].at(1), "team:status");
  EXPECT_THAT(events[0].commands[0].at(2), HasSubstr("\"down\""));

  ill.clear();
  advance(seconds(10));
  ASSERT_THAT(board.received<messages::server_judged>(), SizeIs(2));
  EXPECT_EQ(board.received<messages::server_judged>()[1].health, messages::server_health::up);
}

TEST_F(health_checker_test, a_server_that_leaves_the_team_is_forgotten_without_an_event) {
  const auto checker = spawn<health_checker>("team-a", proof, prober());
  tell(checker, messages::check_servers{a_team()});
  ill = {"http://b"};
  advance(seconds(10));
  auto smaller = a_team();
  smaller.web = {"http://a"};
  tell(checker, messages::check_servers{smaller});
  ASSERT_THAT(board.received<messages::server_judged>(), SizeIs(2));
  EXPECT_EQ(board.received<messages::server_judged>()[1].health, messages::server_health::up);
  EXPECT_THAT(cluster.received<messages::write_owned>(), SizeIs(1));
}

struct health_board_test : actor_fixture {
  std::vector<std::shared_ptr<const http::down_servers>> published;
  bool full = false;
  caf::actor board = spawn<health_board>([this](std::shared_ptr<const http::down_servers> set) {
    if (!full) published.push_back(std::move(set));
    return !full;
  });

  static messages::server_judged down(const char* slug, const char* url) {
    return {slug, {std::string(slug) + "-web@stagedoor"}, url, messages::server_health::down};
  }
};

TEST_F(health_board_test, changes_that_come_together_go_out_together) {
  ASSERT_THAT(published, SizeIs(1)) << "it begins with nothing down";
  EXPECT_EQ(published[0], nullptr);
  tell(board, down("a", "http://1"));
  tell(board, down("b", "http://2"));
  advance(health_board::gather);
  ASSERT_THAT(published, SizeIs(2));
  EXPECT_THAT(*published[1], SizeIs(2));
  tell(board, messages::forget_servers{"a"});
  advance(health_board::gather);
  EXPECT_THAT(*published.back(), SizeIs(1));
  auto up = down("b", "http://2");
  up.health = messages::server_health::up;
  tell(board, up);
  advance(health_board::gather);
  EXPECT_EQ(published.back(), nullptr) << "all are up";
}

TEST_F(health_board_test, it_says_what_is_down_of_a_team_whoever_found_it) {
  const auto down_of = [&](const char* slug) {
    std::vector<std::string> urls;
    const auto known = ask<messages::server_states>(board, report_down{slug});
    for (const auto& s : known->servers) {
      EXPECT_EQ(s.state, "down");
      urls.push_back(s.url);
    }
    return urls;
  };
  tell(board, down("a", "http://1"));
  tell(board, messages::tell_health{"run", "b", {{"b-web@stagedoor", "http://2"}}});
  EXPECT_THAT(down_of("a"), ElementsAre("http://1"));
  EXPECT_THAT(down_of("b"), ElementsAre("http://2"));
  EXPECT_THAT(down_of("c"), IsEmpty());
}

TEST_F(health_board_test, a_lane_that_is_full_is_told_again) {
  full = true;
  tell(board, down("a", "http://1"));
  advance(seconds(1));
  ASSERT_THAT(published, SizeIs(1));
  full = false;
  advance(health_board::gather);
  ASSERT_THAT(published, SizeIs(2));
  EXPECT_THAT(*published[1], SizeIs(1));
}

}  // namespace
}  // namespace stagedoor::actors
