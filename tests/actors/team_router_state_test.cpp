// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_router_state.hpp"

#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

const mono_time start{};

struct noop final : http::middleware {
  using http::middleware::middleware;
};

std::shared_ptr<catalog> a_catalog() {
  auto c = std::make_shared<catalog>();
  c->tls_entry_points = 2;
  for (const char* name : {"secure-headers@file", "rate-limit@file"})
    c->middlewares[name] = {std::make_shared<noop>(name)};
  return c;
}

messages::team_spec a_team() {
  messages::team_spec spec;
  spec.slug = "team-a";
  spec.host = "team-a.kanban.domain";
  spec.api = {"http://127.0.0.1:9001"};
  spec.web = {"http://127.0.0.1:9002", "http://[::1]:9003"};
  return spec;
}

shared_plans shared(route_plans plans) {
  return std::make_shared<const route_plans>(std::move(plans));
}

template <class Effect>
const Effect* find(const router_effects& effects) {
  for (const auto& e : effects)
    if (const auto* found = std::get_if<Effect>(&e)) return found;
  return nullptr;
}

TEST(team_routes, api_comes_before_web_on_tls_only) {
  team_router_state state("team-a.kanban.domain", a_catalog());
  const auto effects = state.offer("team", shared(routes_of(a_team(), *a_catalog())), start);
  const auto* published = find<publish_site>(effects);
  ASSERT_NE(published, nullptr);
  const auto& routes = published->site.routes;
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[0].name, "team-a-api@stagedoor");
  EXPECT_EQ(routes[0].matcher.text(), "Host(`team-a.kanban.domain`) && PathPrefix(`/api`)");
  EXPECT_TRUE(routes[0].tls);
  EXPECT_EQ(routes[0].entry_points, 2U);
  EXPECT_EQ(routes[1].target->servers.size(), 2U);
  EXPECT_EQ(routes[1].target->servers[1].address.to_string(), "[::1]:9003");
}

TEST(team_routes, plain_entry_points_get_routes_of_their_own) {
  auto c = a_catalog();
  c->plain_entry_points = 1;
  EXPECT_EQ(routes_of(a_team(), *c).size(), 4U);
  c->tls_entry_points = 0;
  const auto plain = routes_of(a_team(), *c);
  ASSERT_EQ(plain.size(), 2U);
  EXPECT_FALSE(plain[0].tls);
}

TEST(team_router, a_route_without_its_middleware_is_left_out_and_named) {
  auto spec = a_team();
  spec.middlewares = {"secure-headers@file", "ghost@file"};
  auto c = a_catalog();
  team_router_state state(spec.host, c);
  auto effects = state.offer("team", shared(routes_of(spec, *c)), start);
  EXPECT_TRUE(find<publish_site>(effects)->site.routes.empty());
  ASSERT_NE(find<complain>(effects), nullptr);
  EXPECT_NE(find<complain>(effects)->reason.find("ghost@file"), std::string::npos);

  auto grown = std::make_shared<catalog>(*c);
  grown->middlewares["ghost@file"] = {std::make_shared<noop>("a"), std::make_shared<noop>("b")};
  effects = state.use(grown);
  ASSERT_EQ(find<publish_site>(effects)->site.routes.size(), 2U);
  EXPECT_EQ(find<publish_site>(effects)->site.routes[0].middlewares.size(), 3U)
      << "a chain is flat";
}

TEST(team_router, sources_are_merged_and_the_last_one_to_leave_withdraws_the_site) {
  auto c = a_catalog();
  team_router_state state("team-a.kanban.domain", c);
  (void)state.offer("team", shared(routes_of(a_team(), *c)), start);
  auto other = routes_of(a_team(), *c);
  for (auto& r : other) r.name = "x-" + r.name;
  EXPECT_EQ(find<publish_site>(state.offer("docker", shared(other), start))->site.routes.size(),
            4U);
  EXPECT_EQ(find<publish_site>(state.offer("team", nullptr, start))->site.routes.size(), 2U);
  const auto last = state.offer("docker", nullptr, start);
  ASSERT_NE(find<withdraw_site>(last), nullptr);
  EXPECT_TRUE(state.empty());
  EXPECT_EQ(find<withdraw_site>(state.offer("docker", nullptr, start)), nullptr) << "once";
}

TEST(team_router, server_names_are_resolved_again_and_outages_keep_the_last_addresses) {
  auto spec = a_team();
  spec.api = {"http://portal-api:8000"};
  auto c = a_catalog();
  team_router_state state(spec.host, c, seconds(30));
  auto effects = state.offer("team", shared(routes_of(spec, *c)), start);
  ASSERT_NE(find<resolve_name>(effects), nullptr);
  EXPECT_EQ(find<resolve_name>(effects)->name, "portal-api");
  EXPECT_TRUE(find<publish_site>(effects)->site.routes[0].target->servers.empty())
      << "503 until resolved";
  EXPECT_TRUE(state.resolving());

  const std::vector<net::address> first = {*net::address::parse("10.0.0.1:0")};
  effects = state.resolved("portal-api", first, start);
  const auto& server = find<publish_site>(effects)->site.routes[0].target->servers.at(0);
  EXPECT_EQ(server.address.to_string(), "10.0.0.1:8000");
  EXPECT_EQ(server.authority, "portal-api:8000");
  EXPECT_FALSE(state.resolving());

  EXPECT_EQ(state.next_tick(), start + seconds(30));
  effects = state.tick(start + seconds(30));
  ASSERT_NE(find<resolve_name>(effects), nullptr);
  EXPECT_EQ(state.next_tick(), std::nullopt) << "one look-up at a time";
  effects = state.resolved(
      "portal-api", fault{fault_kind::timed_out, fault_side::upstream, retryable::yes, "dns"},
      start + seconds(31));
  EXPECT_EQ(find<publish_site>(effects), nullptr);
  effects = state.resolved("portal-api", first, start + seconds(61));
  EXPECT_EQ(find<publish_site>(effects), nullptr) << "same addresses, nothing to publish";
}

}  // namespace
}  // namespace stagedoor::actors
