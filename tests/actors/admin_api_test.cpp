// SPDX-License-Identifier: Apache-2.0
// The API with probes in the place of everything it asks.
#include "actors/admin/admin_api.hpp"

#include "actors/support/actor_names.hpp"
#include "messages/certificates.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "messages/team.hpp"
#include "tests/support/actor_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>

namespace stagedoor::actors {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct answer {
  std::uint32_t status = 0;
  json body;
};

struct admin_api_test : actor_fixture {
  std::map<std::string, probe> services;
  caf::actor api;

  admin_api_test() {
    for (const char* name : {"teams", "teamdir", "root", "certs", "redis", "zonedir", "queues",
                             "health", "providers", "loops"})
      start_service(name);
    admin_api_options options;
    options.version = "1.2.3";
    options.domain = "kanban.domain";
    api = spawn<admin_api>(std::move(options));
  }
  void start_service(const std::string& name) {
    const auto& p = services.emplace(name, make_probe()).first->second;
    publish_name(system(), name, p.handle());
  }
  probe& teams() { return services.at("teams"); }
  probe& teamdir() { return services.at("teamdir"); }

  answer request(const std::string& method, const std::string& path, const std::string& body = "",
                 const std::string& query = "") {
    const auto got = ask<messages::admin_response>(
        api, messages::admin_request{method, path, query, body}, seconds(40));
    if (!got) {
      ADD_FAILURE() << to_string(got.error());
      return {};
    }
    return {got->status, json::parse(got->body)};
  }
  void teams_finish_flows() {
    teams().answers<messages::provision_team>([](const messages::provision_team& m) {
      return messages::team_flow_finished{m.flow, m.spec.slug, m.spec.host, "valid", {}};
    });
    teams().answers<messages::deprovision_team>([](const messages::deprovision_team& m) {
      return messages::team_flow_finished{m.flow, m.slug, m.slug + ".kanban.domain", "", {}};
    });
  }
};

TEST_F(admin_api_test, is_found_by_its_name) { EXPECT_EQ(find_name(system(), "admin"), api); }

TEST_F(admin_api_test, answers_ping_and_its_version) {
  EXPECT_EQ(request("GET", "/ping").body, "OK");
  EXPECT_EQ(request("HEAD", "/ping").status, 200U);
  EXPECT_EQ(request("GET", "/api/version").body, (json{{"version", "1.2.3"}}));
}

TEST_F(admin_api_test, what_does_not_exist_is_404_and_what_takes_another_method_405) {
  const struct {
    const char *method, *path;
    std::uint32_t status;
  } cases[] = {
      {"GET", "/", 404},
      {"GET", "/api", 404},
      {"GET", "/ready", 404},
      {"GET", "/api/teamsx", 404},
      {"GET", "/api/version/", 404},
      {"DELETE", "/nowhere", 404},
      {"POST", "/ping", 405},
      {"PUT", "/api/version", 405},
      {"POST", "/api/status", 405},
      {"DELETE", "/api/tree", 405},
      {"PUT", "/api/certificates", 405},
      {"POST", "/api/teams", 405},
      {"DELETE", "/api/teams", 405},
      {"POST", "/api/teams/team-a", 405},
      {"PATCH", "/api/teams/team-a", 405},
      {"BREW", "/api/teams/team-a", 405},
      {"get", "/ping", 405},
  };
  for (const auto& c : cases) {
    const auto got = request(c.method, c.path);
    EXPECT_EQ(got.status, c.status) << c.method << " " << c.path;
    EXPECT_THAT(got.body.at("message").get<std::string>(), HasSubstr(c.path));
  }
  for (const auto& [name, p] : services) EXPECT_EQ(p.received_count(), 0U) << name;
}

// -- teams ------------------------------------------------------------------------

TEST_F(admin_api_test, lists_teams_a_page_at_a_time) {
  teamdir().answers<messages::list_teams>([](const messages::list_teams&) {
    return messages::team_listing{{"b", "c"}, 12};
  });
  const auto got = request("GET", "/api/teams", "", "after=a&limit=2");
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, (json{{"teams", {"b", "c"}}, {"total", 12}}));
  (void)request("HEAD", "/api/teams", "", "limit=many&after");
  const auto asked = teamdir().received<messages::list_teams>();
  ASSERT_THAT(asked, SizeIs(2));
  EXPECT_EQ(asked[0].after, "a");
  EXPECT_EQ(asked[0].limit, 2U);
  EXPECT_EQ(asked[1].after, "");
  EXPECT_EQ(asked[1].limit, 100U) << "what is no number is as if it was not there";
}

TEST_F(admin_api_test, shows_one_team) {
  teamdir().answers<messages::show_team>([](const messages::show_team& m) {
    messages::team_description d;
    d.spec = {m.slug, m.slug + ".kanban.domain", {"http://a"}, {}, {}, {"/health", 1000}};
    d.state = "live";
    d.certificate = "default";
    d.servers = {"api http://a up"};
    return d;
  });
  const auto got = request("GET", "/api/teams/team-a");
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, (json{{"slug", "team-a"},
                            {"host", "team-a.kanban.domain"},
                            {"api", {"http://a"}},
                            {"health", {{"path", "/health"}, {"interval_ms", 1000}}},
                            {"state", "live"},
                            {"certificate", "default"},
                            {"servers", {"api http://a up"}}}));
}

TEST_F(admin_api_test, adds_a_team_from_the_path_and_the_body) {
  teams_finish_flows();
  const auto got = request("PUT", "/api/teams/team-a", R"({"web":["http://127.0.0.1:9001"]})");
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, (json{{"team", "team-a"},
                            {"host", "team-a.kanban.domain"},
                            {"certificate", "valid"},
                            {"unhealthy", json::array()}}));
  (void)request("PUT", "/api/teams/team-b", R"({"slug":"team-z","web":["http://127.0.0.1:1"]})");
  const auto orders = teams().received<messages::provision_team>();
  ASSERT_THAT(orders, SizeIs(2));
  EXPECT_EQ(orders[0].spec.web.at(0), "http://127.0.0.1:9001");
  EXPECT_EQ(orders[1].spec.slug, "team-b") << "the path names the team";
  EXPECT_NE(orders[0].flow, orders[1].flow);
}

TEST_F(admin_api_test, flows_of_two_runs_have_different_names) {
  teams_finish_flows();
  const std::string body = R"({"web":["http://127.0.0.1:1"]})";
  (void)request("PUT", "/api/teams/team-a", body);
  kill(api);
  api = spawn<admin_api>(admin_api_options{"1", "kanban.domain"});
  (void)request("PUT", "/api/teams/team-a", body);
  const auto orders = teams().received<messages::provision_team>();
  ASSERT_THAT(orders, SizeIs(2));
  EXPECT_NE(orders[0].flow, orders[1].flow);
}

TEST_F(admin_api_test, removes_a_team) {
  teams_finish_flows();
  EXPECT_EQ(request("DELETE", "/api/teams/team-a").status, 200U);
  const auto orders = teams().received<messages::deprovision_team>();
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(orders[0].slug, "team-a");
  EXPECT_EQ(orders[0].delivery, 1U) << "an absent team is an error for whoever asked";
}

TEST_F(admin_api_test, a_progress_message_does_not_disturb_it) {
  tell(api, messages::team_flow_progressed{"f", 1, 2, "x"});
  EXPECT_EQ(ask<messages::actor_report>(api, messages::report_actor{}).value().unexpected, 0U);
}

TEST_F(admin_api_test, a_wrong_slug_or_body_is_400_and_no_order) {
  const std::string server = R"("http://a")";
  std::string many;
  for (int i = 0; i < 257; ++i) many += (i == 0 ? "" : ",") + server;
  const std::string levels(500'000, '[');
  const struct {
    std::string method, slug, body, said;
  } cases[] = {
      {"PUT", "", "{}", "slug"},
      {"GET", "Team", "", "slug"},
      {"DELETE", "-a", "", "slug"},
      {"GET", "a/b", "", "slug"},
      {"GET", std::string(64, 'a'), "", "slug"},
      {"PUT", "a", "", "at least one server"},
      {"PUT", "a", "{", "JSON object"},
      {"PUT", "a", "[]", "JSON object"},
      {"PUT", "a", "nonsense", "JSON object"},
      {"PUT", "a", "{} {}", "JSON object"},
      {"PUT", "a", "{\"web\":[\"\xFF\"]}", "JSON object"},
      {"PUT", "a", R"({"wbe":[]})", "unknown field \"wbe\""},
      {"PUT", "a", R"({"web":"http://a"})", "web: expected a list"},
      {"PUT", "a", R"({"web":["ftp://a"]})", "web: expected http://"},
      {"PUT", "a", R"({"web":[)" + many + "]}", "at most 256 entries, got 257"},
      {"PUT", "a", levels, "JSON object"},
      {"PUT", "a", R"({"x":)" + levels + std::string(levels.size(), ']') + "}", "JSON object"},
  };
  for (const auto& c : cases) {
    const auto got = request(c.method, "/api/teams/" + c.slug, c.body);
    EXPECT_EQ(got.status, 400U) << c.method << " " << c.slug << " " << c.body.substr(0, 80);
    EXPECT_THAT(got.body.at("message").get<std::string>(), HasSubstr(c.said));
  }
  EXPECT_EQ(teams().received_count(), 0U);
}

TEST_F(admin_api_test, a_fault_of_the_teams_is_told_with_its_status) {
  teamdir().answers<messages::show_team>(
      [](const messages::show_team& m) -> result<messages::team_description> {
        return fault{fault_kind::not_found, fault_side::client, retryable::no, "no team " + m.slug};
      });
  const auto missing = request("GET", "/api/teams/team-a");
  EXPECT_EQ(missing.status, 404U);
  EXPECT_EQ(missing.body, (json{{"message", "no team team-a"}, {"kind", "not found"}}));

  const auto before = now();
  EXPECT_EQ(request("PUT", "/api/teams/a", R"({"web":["http://a"]})").status, 504U)
      << "the flow never ends";
  EXPECT_EQ(now() - before, seconds(25)) << "and is given up before the socket's own deadline";
  kill(teamdir().handle());
  EXPECT_EQ(request("GET", "/api/teams").status, 503U);
}

TEST(admin_status, every_kind_of_fault_has_one) {
  const std::pair<fault_kind, std::uint32_t> cases[] = {
      {fault_kind::malformed, 400}, {fault_kind::invalid, 400},    {fault_kind::too_large, 400},
      {fault_kind::not_found, 404}, {fault_kind::conflict, 409},   {fault_kind::stale, 409},
      {fault_kind::timed_out, 504}, {fault_kind::overloaded, 503}, {fault_kind::unreachable, 503},
      {fault_kind::closed, 503},    {fault_kind::refused, 503},    {fault_kind::unsupported, 501},
      {fault_kind::internal, 500}};
  for (const auto& [kind, status] : cases)
    EXPECT_EQ(status_of({kind, fault_side::self, retryable::no, ""}), status) << to_string(kind);
}

// -- the node ---------------------------------------------------------------------

TEST_F(admin_api_test, the_status_is_what_every_service_says) {
  for (auto& [name, p] : services)
    p.answers<messages::report_status>([name = name](const messages::report_status&) {
      return messages::status_rows{{{name, "state", "fine"}}};
    });
  const auto got = request("GET", "/api/status");
  EXPECT_EQ(got.status, 200U);
  for (const auto* name :
       {"redis", "teams", "zonedir", "certs", "queues", "health", "providers", "loops"})
    EXPECT_EQ(got.body.at(name).at("state"), "fine");
  EXPECT_FALSE(got.body.contains("docker")) << "no engine is configured";
  start_service("docker");
  services.at("docker").answers<messages::report_status>([](const messages::report_status&) {
    return messages::status_rows{{{"docker", "engine", "connected"}}};
  });
  EXPECT_EQ(request("GET", "/api/status").body.at("docker").at("engine"), "connected");
}

TEST_F(admin_api_test, a_service_that_is_silent_or_gone_does_not_hide_the_others) {
  for (auto& [name, p] : services)
    if (name != "certs")
      p.answers<messages::report_status>([name = name](const messages::report_status&) {
        return messages::status_rows{{{name, "state", "fine"}}};
      });
  kill(services.at("queues").handle());
  const auto before = now();
  const auto got = request("GET", "/api/status");
  EXPECT_EQ(now() - before, seconds(5));
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body.at("redis").at("state"), "fine");
  EXPECT_THAT(got.body.at("certs").at("state").get<std::string>(), HasSubstr("timed out"));
  EXPECT_NE(got.body.at("queues").at("state"), "fine");
}

TEST_F(admin_api_test, the_tree_and_the_certificates_are_cut_at_the_limit_that_was_asked_for) {
  services.at("root").answers<messages::describe_tree>(
      [](const messages::describe_tree&) { return messages::tree_listing{}; });
  services.at("certs").answers<messages::list_certificates>([](const messages::list_certificates&) {
    return messages::certificate_listing{{}, 5};
  });
  EXPECT_EQ(request("GET", "/api/tree").body, (json{{"tree", json::array()}}));
  EXPECT_EQ(request("GET", "/api/tree", "", "limit=7").status, 200U);
  EXPECT_EQ(request("GET", "/api/certificates", "", "limit=3").body,
            (json{{"certificates", json::array()}, {"total", 5}}));
  const auto trees = services.at("root").received<messages::describe_tree>();
  ASSERT_THAT(trees, SizeIs(2));
  EXPECT_EQ(trees[0].limit, 20U);
  EXPECT_EQ(trees[1].limit, 7U);
  EXPECT_EQ(services.at("certs").received<messages::list_certificates>().at(0).limit, 3U);
  kill(services.at("root").handle());
  EXPECT_EQ(request("GET", "/api/tree").status, 503U);
}

}  // namespace
}  // namespace stagedoor::actors
