// SPDX-License-Identifier: Apache-2.0
// The shell of a site: what reaches the publisher and the resolver, and who is answered when.
#include "actors/teams/team_router.hpp"

#include "actors/publishers/changes.hpp"
#include "actors/support/actor_names.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using messages::published;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* host = "team-a.test";

struct noop final : http::middleware {
  using http::middleware::middleware;
};

shared_plans plans(const std::string& name, const std::string& server,
                   std::vector<std::string> middlewares = {}) {
  route_plan plan;
  plan.name = name;
  plan.matcher = http::rule::parse("Host(`team-a.test`)").value();
  plan.middlewares = std::move(middlewares);
  plan.service.name = name;
  plan.service.servers = {{"http://" + server + ":80", server, 80, server + ":80", 1}};
  return std::make_shared<const route_plans>(route_plans{plan});
}

class team_router_test : public actor_fixture {
 protected:
  struct look_up {
    std::string name;
    std::function<void(result<std::vector<net::address>>)> done;
  };

  team_router_test() {
    answer_changes();
    publish_name(system(), "sites", sites_.handle());
    publish_name(system(), "registry", registry_.handle());
  }

  void answer_changes() {
    sites_.answers<change_sites>([this](const change_sites& m) -> result<published> {
      m.stage(table_);
      return published{++version_};
    });
  }
  void start() {
    team_router_options options;
    options.first_catalog = std::make_shared<const catalog>();
    options.publish_deadline = seconds(2);
    options.resolve = [this](std::string name, auto done) {
      look_ups_.push_back({std::move(name), std::move(done)});
    };
    router_ = spawn<team_router>(host, std::move(options));
  }
  result<published> offer(const std::string& source, shared_plans routes) {
    return ask<published>(router_, offer_routes{host, source, std::move(routes)}, seconds(5));
  }
  /// "route→server" of what the loops hold; "none" when they hold no such host.
  std::string served() {
    const auto* site = table_.find(host);
    if (site == nullptr) return "none";
    std::string out;
    for (const auto& route : site->routes) {
      out += route.name + "→";
      for (const auto& server : route.target->servers) out += server.address.to_string();
      out += ";";
    }
    return out;
  }
  void resolved(result<std::vector<net::address>> addresses) {
    ASSERT_THAT(look_ups_, SizeIs(1));
    const auto done = std::move(look_ups_[0].done);
    look_ups_.clear();
    done(std::move(addresses));
    run();
  }

  probe sites_ = make_probe();
  probe registry_ = make_probe();
  snapshot::table_writer<http::site> table_{4};
  std::uint64_t version_ = 0;
  std::vector<look_up> look_ups_;
  caf::actor router_;
};

TEST_F(team_router_test, tells_the_registry_that_it_is_there_and_publishes_nothing_unasked) {
  start();
  const auto told = registry_.received<router_ready>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].host, host);
  EXPECT_EQ(told[0].handle, router_);
  tell(router_, use_catalog{std::make_shared<const catalog>()});
  EXPECT_THAT(sites_.received<change_sites>(), IsEmpty());
}

TEST_F(team_router_test, an_offer_is_answered_when_the_publisher_has_it_in_every_loop) {
  start();
  const auto live = offer("team", plans("t", "10.0.0.1"));
  ASSERT_TRUE(live);
  EXPECT_EQ(live->version, 1U);
  EXPECT_EQ(served(), "t→10.0.0.1:80;");
  ASSERT_TRUE(offer("docker", plans("d", "10.0.0.2")));
  EXPECT_EQ(served(), "d→10.0.0.2:80;t→10.0.0.1:80;");
}

TEST_F(team_router_test, the_last_source_to_leave_takes_the_host_out_of_the_table) {
  start();
  ASSERT_TRUE(offer("team", plans("t", "10.0.0.1")));
  ASSERT_TRUE(offer("docker", plans("d", "10.0.0.2")));
  ASSERT_TRUE(offer("team", nullptr));
  EXPECT_EQ(served(), "d→10.0.0.2:80;");
  ASSERT_TRUE(offer("docker", nullptr));
  EXPECT_EQ(served(), "none");
  const auto again = offer("docker", nullptr);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->version, 0U) << "nothing to publish, answered at once";
}

TEST_F(team_router_test, withdraws_what_a_predecessor_left_in_the_loops) {
  start();
  ASSERT_TRUE(offer("team", plans("t", "10.0.0.1")));
  kill(router_);
  EXPECT_EQ(served(), "t→10.0.0.1:80;") << "the loops keep the site of a router that crashed";
  start();
  tell(router_, use_catalog{std::make_shared<const catalog>()});
  EXPECT_EQ(served(), "t→10.0.0.1:80;") << "also while its successor waits for its offers";
  ASSERT_TRUE(offer("", nullptr));
  EXPECT_EQ(served(), "none");
}

TEST_F(team_router_test, a_publisher_that_does_not_answer_costs_the_publish_deadline) {
  publish_name(system(), "sites", make_probe().handle());
  start();
  const auto began = now();
  const auto late = offer("team", plans("t", "10.0.0.1"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, fault_kind::timed_out);
  EXPECT_EQ(now() - began, seconds(2));
}

TEST_F(team_router_test, a_withdrawal_that_was_not_taken_is_done_by_the_next_one) {
  start();
  ASSERT_TRUE(offer("team", plans("t", "10.0.0.1")));
  sites_.answers<change_sites>([](const change_sites&) -> result<published> {
    return fault{fault_kind::overloaded, fault_side::self, retryable::yes, "busy"};
  });
  const auto refused = offer("team", nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::overloaded);
  EXPECT_EQ(served(), "t→10.0.0.1:80;");
  answer_changes();
  ASSERT_TRUE(offer("team", nullptr));
  EXPECT_EQ(served(), "none");
}

TEST_F(team_router_test, server_names_are_resolved_and_what_is_found_is_published_unasked) {
  start();
  ASSERT_TRUE(offer("team", plans("t", "portal")));
  EXPECT_EQ(served(), "t→;") << "503 until the name is known";
  ASSERT_THAT(look_ups_, SizeIs(1));
  EXPECT_EQ(look_ups_[0].name, "portal");
  resolved(std::vector{*net::address::parse("10.0.0.9:0")});
  EXPECT_EQ(served(), "t→10.0.0.9:80;");
  advance(seconds(29));
  EXPECT_THAT(look_ups_, IsEmpty());
  advance(seconds(1));
  resolved(std::vector{*net::address::parse("10.0.0.10:0")});
  EXPECT_EQ(served(), "t→10.0.0.10:80;");
  advance(seconds(30));
  resolved(fault{fault_kind::timed_out, fault_side::upstream, retryable::yes, "no name server"});
  EXPECT_EQ(served(), "t→10.0.0.10:80;") << "the last known address stays";
  advance(seconds(30));
  EXPECT_THAT(look_ups_, SizeIs(1)) << "and is asked for again";
}

TEST_F(team_router_test, an_answer_of_the_resolver_after_the_end_is_ignored) {
  start();
  ASSERT_TRUE(offer("team", plans("t", "portal")));
  kill(router_);
  resolved(std::vector{*net::address::parse("10.0.0.9:0")});
  EXPECT_EQ(served(), "t→;");
}

TEST_F(team_router_test, a_new_catalog_brings_routes_back_that_lacked_a_middleware) {
  start();
  ASSERT_TRUE(offer("team", plans("t", "10.0.0.1", {"late@file"})));
  EXPECT_EQ(served(), "") << "served without its middleware it would be open";
  auto grown = std::make_shared<catalog>();
  grown->middlewares["late@file"] = {std::make_shared<noop>("late@file")};
  tell(router_, use_catalog{grown});
  ASSERT_EQ(served(), "t→10.0.0.1:80;");
  EXPECT_THAT(table_.find(host)->routes[0].middlewares, SizeIs(1));
  tell(router_, use_catalog{std::make_shared<const catalog>()});
  EXPECT_EQ(served(), "") << "a middleware that goes takes its routes with it";
}

}  // namespace
}  // namespace stagedoor::actors
