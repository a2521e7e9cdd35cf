// SPDX-License-Identifier: Apache-2.0
// From configuration files, as operators write them, to the plans of each site.
#include "actors/providers/route_builder.hpp"

#include "actors/providers/provider_state.hpp"
#include "configs/file_provider.hpp"
#include "tests/configs/reported.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <limits>

namespace stagedoor::actors {
namespace {

using configs::lines;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct noop final : http::middleware {
  using http::middleware::middleware;
};

class route_builder_test : public ::testing::Test {
 protected:
  void edge(const std::string& text) {
    edge_ = configs::read_static_config("traefik.yml", text, problems_);
    entry_points_ = list_entry_points(edge_, 8000);
  }
  void know(std::initializer_list<const char*> names) {
    for (const char* name : names) known_[name] = {std::make_shared<noop>(name)};
  }
  /// The text of a dynamic file below `http:`.
  const built_routes& build(const std::string& text, const std::set<std::string>& unusable = {}) {
    const auto file =
        configs::read_dynamic_file("d.yml", "http:\n" + text, configs::variables(), problems_);
    built_ = build_routes(file.config, edge_, entry_points_, unusable, known_, problems_);
    return built_;
  }
  lines errors() const { return configs::reported(problems_); }
  std::vector<std::string> sites() const {
    std::vector<std::string> out;
    for (const auto& [host, plans] : built_.sites) out.push_back(host);
    return out;
  }
  /// "url*weight" of a site's only plan.
  std::vector<std::string> servers(const std::string& host = "a.test") {
    std::vector<std::string> out;
    const auto& plans = built_.sites[host];
    if (plans.size() != 1) return {fmt::format("{} plans", plans.size())};
    for (const auto& s : plans[0].service.servers)
      out.push_back(fmt::format("{}*{}", s.url.substr(7), s.weight));
    return out;
  }

  configs::static_config edge_;
  entry_point_list entry_points_;
  decltype(catalog::middlewares) known_;
  configs::diagnostics problems_;
  built_routes built_;
};

constexpr const char* two_entry_points = R"(
entryPoints:
  web: {address: ":80"}
  websecure:
    address: ":443"
    http: {tls: {certResolver: le}, middlewares: [guard, shared@file]}
certificatesResolvers:
  le: {acme: {email: a@b.test, httpChallenge: {entryPoint: web}}}
  other: {acme: {email: a@b.test, httpChallenge: {entryPoint: web}}}
)";

constexpr const char* one_service = R"(
  services:
    s: {loadBalancer: {servers: [{url: "http://10.0.0.1:8000"}]}}
)";

// -- the seed's files ---------------------------------------------------------------

TEST_F(route_builder_test, the_seeds_files_give_the_portals_routes) {
  auto all = configs::load_all(std::string(STAGEDOOR_EXAMPLES) + "/kanban/stagedoor.yml",
                               configs::named::explicitly);
  ASSERT_FALSE(all.problems.has_errors()) << all.problems.print();
  const auto list = list_entry_points(all.edge, 8000);
  const auto made = build_routing(all, list, problems_);
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(made.from_files, IsEmpty());
  ASSERT_THAT(made.from_compose, SizeIs(1));
  const auto& plans = made.from_compose.at("kanban.domain");
  ASSERT_THAT(plans, SizeIs(2));
  EXPECT_EQ(plans[0].name, "portal-api@docker");
  EXPECT_EQ(plans[0].matcher.text(), "Host(`kanban.domain`) && PathPrefix(`/api`)");
  EXPECT_EQ(plans[0].priority, 43) << "the length of the rule";
  EXPECT_TRUE(plans[0].tls);
  EXPECT_EQ(plans[0].entry_points, list.bit_of("websecure"));
  EXPECT_EQ(plans[0].service.name, "portal-api@docker");
  ASSERT_THAT(plans[0].service.servers, SizeIs(1));
  EXPECT_EQ(plans[0].service.servers[0].url, "http://portal-api:8000");
  EXPECT_EQ(plans[1].name, "portal-web@docker");
  EXPECT_EQ(plans[1].service.servers[0].port, 80);
  EXPECT_THAT(made.certificates, ElementsAre(std::pair<const std::string, std::string>{
                                     "kanban.domain", "letsencrypt"}));

  ASSERT_THAT(made.from_entry_points, SizeIs(1));
  const auto& redirect = made.from_entry_points.at("").at(0);
  EXPECT_EQ(redirect.name, "web-to-websecure@internal");
  EXPECT_EQ(redirect.entry_points, list.bit_of("web"));
  EXPECT_FALSE(redirect.tls);
  EXPECT_THAT(redirect.middlewares, ElementsAre("redirect-web@internal"));

  std::vector<std::string> names;
  for (const auto& [name, list_of] : made.middlewares->middlewares) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("compress@file", "rate-limit@file", "redirect-web@internal",
                                 "secure-headers@file"));
  EXPECT_EQ(made.middlewares->tls_entry_points, list.bit_of("websecure"));
  EXPECT_EQ(made.middlewares->plain_entry_points, 0U) << "web only redirects";
  EXPECT_EQ(made.middlewares->team_resolver, "letsencrypt");
}

// -- entry points -------------------------------------------------------------------

TEST_F(route_builder_test, entry_points_are_numbered_in_file_order_with_one_for_ping) {
  edge(two_entry_points);
  EXPECT_EQ(entry_points_.bit_of("web"), 1U);
  EXPECT_EQ(entry_points_.bit_of("websecure"), 2U);
  EXPECT_EQ(entry_points_.bit_of("traefik"), 4U);
  EXPECT_EQ(entry_points_.bit_of("ghost"), 0U);
  EXPECT_EQ(entry_points_.port_of(entry_points_.all[1]), 8443);
  EXPECT_EQ(entry_points_.all[2].address.host, "127.0.0.1");
  EXPECT_EQ(entry_points_.port_of(entry_points_.all[2]), 16080);

  edge("api: {insecure: true}\nentryPoints: {web: {address: ':80'}}\n");
  EXPECT_EQ(entry_points_.all[1].address.host, "") << "everybody may see it";
  edge("entryPoints: {traefik: {address: ':9000'}}\n");
  ASSERT_THAT(entry_points_.all, SizeIs(1));
  EXPECT_EQ(entry_points_.all[0].address.port, 9000);
}

TEST_F(route_builder_test, teams_are_served_where_routers_are_that_name_no_entry_point) {
  edge(two_entry_points);
  catalog c;
  describe_entry_points(edge_, entry_points_, c);
  EXPECT_EQ(c.plain_entry_points, 1U);
  EXPECT_EQ(c.tls_entry_points, 2U);
  EXPECT_THAT(c.entry_point_middlewares, ElementsAre("guard@file", "shared@file"));
  EXPECT_EQ(c.team_resolver, "le");
}

TEST_F(route_builder_test, a_router_has_one_plan_an_entry_point) {
  edge(two_entry_points);
  know({"own@file", "guard@file", "shared@file"});
  build(std::string("  routers: {r: {rule: Host(`a.test`), service: s, middlewares: [own]}}") +
        one_service);
  EXPECT_THAT(errors(), IsEmpty());
  ASSERT_THAT(sites(), ElementsAre("a.test"));
  const auto& plans = built_.sites["a.test"];
  ASSERT_THAT(plans, SizeIs(2));
  EXPECT_EQ(plans[0].entry_points, 1U);
  EXPECT_FALSE(plans[0].tls);
  EXPECT_THAT(plans[0].middlewares, ElementsAre("own@file"));
  EXPECT_EQ(plans[1].entry_points, 2U);
  EXPECT_TRUE(plans[1].tls) << "the entry point's tls block counts where the router has none";
  EXPECT_THAT(plans[1].middlewares, ElementsAre("guard@file", "shared@file", "own@file"));
}

TEST_F(route_builder_test, a_router_keeps_to_the_entry_points_it_names) {
  edge(two_entry_points);
  know({"guard@file", "shared@file"});
  build(std::string("  routers:\n"
                    "    r: {rule: Host(`a.test`), service: s, entryPoints: [web, ghost]}\n"
                    "    t: {rule: Host(`b.test`), service: s, entryPoints: [web], tls: {}}\n") +
        one_service);
  ASSERT_THAT(built_.sites["a.test"], SizeIs(1));
  EXPECT_EQ(built_.sites["a.test"][0].entry_points, 1U);
  EXPECT_TRUE(built_.sites["b.test"].at(0).tls);
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("d.yml:3:")));
  EXPECT_THAT(errors()[0], HasSubstr("router \"r@file\": entry point \"ghost\" does not exist"));
}

TEST_F(route_builder_test, names_at_an_entry_point_mean_the_routers_provider) {
  edge(two_entry_points);
  know({"guard@docker", "shared@file"});
  configs::dynamic_config labels;
  labels.provider = "docker";
  configs::router r;
  r.name = "r@docker";
  r.rule = "Host(`a.test`)";
  r.service.name = "s@docker";
  r.entry_points = {{"websecure", {}}};
  labels.routers = {r};
  labels.services = {{"s@docker", {}, configs::load_balancer{}}};
  built_ = build_routes(labels, edge_, entry_points_, {}, known_, problems_);
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(built_.sites["a.test"].at(0).middlewares, ElementsAre("guard@docker", "shared@file"));
  EXPECT_THAT(built_.sites["a.test"].at(0).service.servers, IsEmpty()) << "503, not 404";
}

TEST_F(route_builder_test, a_missing_middleware_of_an_entry_point_costs_that_entry_point_only) {
  edge(two_entry_points);
  know({"shared@file"});
  build(std::string("  routers: {r: {rule: Host(`a.test`), service: s}}") + one_service);
  ASSERT_THAT(built_.sites["a.test"], SizeIs(1));
  EXPECT_EQ(built_.sites["a.test"][0].entry_points, 1U);
  EXPECT_THAT(
      errors(),
      ElementsAre(HasSubstr("router \"r@file\": middleware \"guard@file\" does not exist")));
  EXPECT_THAT(errors()[0], HasSubstr("traefik.yml:6:"));
}

// -- rules --------------------------------------------------------------------------

TEST_F(route_builder_test, a_route_is_listed_under_each_of_its_hosts) {
  edge("entryPoints: {web: {address: ':80'}}\n");
  build(std::string("  routers:\n"
                    "    two: {rule: 'Host(`A.test`) || Host(`b.test`)', service: s}\n"
                    "    any: {rule: 'PathPrefix(`/x`)', service: s}\n"
                    "    wild: {rule: 'Host(`*.c.test`)', service: s}\n") +
        one_service);
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(sites(), ElementsAre("", "*.c.test", "a.test", "b.test"));
  EXPECT_EQ(built_.sites["a.test"], built_.sites["b.test"]);
}

TEST_F(route_builder_test, priorities_are_the_rules_length_unless_given) {
  edge("entryPoints: {web: {address: ':80'}}\n");
  build(std::string("  routers:\n"
                    "    a: {rule: Host(`a.test`), service: s}\n"
                    "    b: {rule: Host(`b.test`), service: s, priority: 7}\n"
                    "    c: {rule: Host(`c.test`), service: s, priority: -7}\n"
                    "    d: {rule: Host(`d.test`), service: s, priority: 0}\n"
                    "    e: {rule: Host(`é.test`) || Path(`/é`), service: s}\n"
                    "    f: {rule: Path(`/é`), service: s}\n") +
        one_service);
  EXPECT_EQ(built_.sites["a.test"].at(0).priority, 14);
  EXPECT_EQ(built_.sites["b.test"].at(0).priority, 7);
  EXPECT_EQ(built_.sites["c.test"].at(0).priority, -7);
  EXPECT_EQ(built_.sites["d.test"].at(0).priority, 14);
  EXPECT_EQ(built_.sites[""].at(0).priority, 11) << "in bytes";
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("d.yml:7:"))) << "host names are ASCII";
}

struct wrong_router {
  const char* router;
  const char* error;
};

TEST_F(route_builder_test, a_router_that_cannot_be_built_is_left_out_and_said_at_its_place) {
  const std::vector<wrong_router> rows = {
      {"{rule: Host(a.test), service: s}", "d.yml:4:17: error: router \"bad@file\": rule: column"},
      {"{rule: 'Nonsense(`a.test`)', service: s}", "d.yml:4:17: error: router \"bad@file\": rule:"},
      {"{rule: Host(`a.test`), service: s, ruleSyntax: v2}",
       "d.yml:4:17: error: router \"bad@file\": ruleSyntax v2 is not supported"},
      {"{rule: Host(`a.test`), service: ghost}",
       "d.yml:4:42: error: router \"bad@file\": service \"ghost@file\" does not exist"},
      {"{rule: Host(`a.test`), service: s, middlewares: [known, ghost]}",
       "d.yml:4:66: error: router \"bad@file\": middleware \"ghost@file\" does not exist or could "
       "not be built"},
      {"{rule: Host(`a.test`), service: mirrored}",
       "error: router \"bad@file\": service kind \"mirroring\" is not supported yet"},
      {"{rule: Host(`a.test`), service: secured}",
       "error: router \"bad@file\": service \"secured@file\": https upstreams are not supported"},
      {"{rule: Host(`a.test`), service: circle}",
       "error: router \"bad@file\": service \"circle@file\" does not exist"},
      {"{rule: Host(`a.test`), service: lame}",
       "error: router \"bad@file\": service \"ghost@file\" does not exist"},
  };
  for (const auto& row : rows) {
    problems_ = {};
    edge("entryPoints: {web: {address: ':80'}}\n");
    know({"known@file"});
    build(fmt::format(R"(  routers:
    good: {{rule: Host(`good.test`), service: s, middlewares: [known]}}
    bad: {}
  services:
    s: {{loadBalancer: {{servers: [{{url: "http://10.0.0.1:8000"}}]}}}}
    mirrored: {{mirroring: {{service: s}}}}
    secured: {{loadBalancer: {{servers: [{{url: "https://10.0.0.1"}}]}}}}
    circle: {{weighted: {{services: [{{name: circle}}]}}}}
    lame: {{weighted: {{services: [{{name: s}}, {{name: ghost}}]}}}}
)",
                      row.router));
    EXPECT_THAT(errors(), ElementsAre(HasSubstr(row.error))) << row.router;
    EXPECT_THAT(sites(), ElementsAre("good.test")) << row.router;
  }
}

TEST_F(route_builder_test, routers_that_were_found_wanting_are_passed_over_without_a_word) {
  edge("entryPoints: {web: {address: ':80'}}\n");
  build("  routers: {r: {rule: Host(`a.test`), service: ghost}}\n", {"r@file"});
  EXPECT_THAT(sites(), IsEmpty());
  EXPECT_THAT(errors(), IsEmpty());
}

// -- services -----------------------------------------------------------------------

TEST_F(route_builder_test, servers_come_with_what_is_needed_to_reach_them) {
  edge("entryPoints: {web: {address: ':80'}}\n");
  build(R"(  routers: {r: {rule: Host(`a.test`), service: s}}
  services:
    s:
      loadBalancer:
        passHostHeader: false
        servers: [{url: "http://portal-api"}, {url: "http://[::1]:81/"}]
)");
  EXPECT_THAT(errors(), IsEmpty());
  const auto& service = built_.sites["a.test"].at(0).service;
  EXPECT_EQ(service.name, "s@file");
  EXPECT_FALSE(service.pass_host_header);
  EXPECT_THAT(service.servers,
              ElementsAre(server_plan{"http://portal-api", "portal-api", 80, "portal-api", 1},
                          server_plan{"http://[::1]:81/", "::1", 81, "[::1]:81", 1}));
}

struct weights_row {
  const char* services;
  std::vector<std::string> servers;
};

TEST_F(route_builder_test, a_part_of_a_weighted_service_shares_its_weight_among_its_servers) {
  const std::vector<weights_row> rows = {
      {"[{name: one, weight: 3}, {name: also, weight: 1}]", {"a*3", "b*1"}},
      {"[{name: one, weight: 10}, {name: also, weight: 20}]", {"a*1", "b*2"}},
      {"[{name: one, weight: 3}, {name: three, weight: 1}]", {"a*9", "c*1", "d*1", "e*1"}},
      {"[{name: one, weight: 1}, {name: uneven, weight: 1}]", {"a*4", "f*3", "g*1"}},
      {"[{name: one, weight: 0}, {name: also, weight: 5}]", {"a*0", "b*1"}},
      {"[{name: one}, {name: none}]", {"a*1"}},
      {"[{name: one, weight: 1}, {name: inner, weight: 1}]", {"a*2", "a*1", "b*1"}},
      {"[{name: one, weight: 1000000}, {name: also, weight: 999999}]", {"a*1000000", "b*999999"}},
      {"[{name: one, weight: 1000000}, {name: steep, weight: 1}]", {"a*1000000", "h*1", "i*1"}},
  };
  for (const auto& row : rows) {
    problems_ = {};
    edge("entryPoints: {web: {address: ':80'}}\n");
    build(fmt::format(R"(  routers: {{r: {{rule: Host(`a.test`), service: w}}}}
  services:
    w: {{weighted: {{services: {}}}}}
    inner: {{weighted: {{services: [{{name: one}}, {{name: also}}]}}}}
    one: {{loadBalancer: {{servers: [{{url: "http://a"}}]}}}}
    also: {{loadBalancer: {{servers: [{{url: "http://b"}}]}}}}
    three: {{loadBalancer: {{servers: [{{url: "http://c"}}, {{url: "http://d"}}, {{url: "http://e"}}]}}}}
    uneven: {{loadBalancer: {{servers: [{{url: "http://f", weight: 3}}, {{url: "http://g"}}]}}}}
    steep: {{loadBalancer: {{servers: [{{url: "http://h", weight: 1000000}}, {{url: "http://i"}}]}}}}
    none: {{loadBalancer: {{servers: []}}}}
)",
                      row.services));
    EXPECT_THAT(errors(), IsEmpty()) << row.services;
    EXPECT_EQ(servers(), row.servers) << row.services;
  }
}

TEST_F(route_builder_test, a_service_that_unfolds_beyond_all_measure_is_refused_at_once) {
  edge("entryPoints: {web: {address: ':80'}}\n");
  for (const char* leaf : {"[]", "[{url: \"http://a\"}]"}) {
    problems_ = {};
    std::string text = "  routers: {r: {rule: Host(`a.test`), service: s7}}\n  services:\n";
    text += fmt::format("    s0: {{loadBalancer: {{servers: {}}}}}\n", leaf);
    for (int i = 1; i <= 7; ++i) {
      text += fmt::format("    s{}: {{weighted: {{services: [", i);
      for (int part = 0; part < 100; ++part) text += fmt::format("{{name: s{}}}, ", i - 1);
      text += "]}}\n";
    }
    build(text);
    EXPECT_THAT(sites(), IsEmpty());
    EXPECT_THAT(errors(), ElementsAre(HasSubstr("has more than 4096 servers")));
  }
}

// -- certificates -------------------------------------------------------------------

TEST_F(route_builder_test, certificates_are_wanted_for_the_domains_or_the_rules_hosts) {
  edge(two_entry_points);
  know({"guard@file", "shared@file"});
  build(std::string(R"(  routers:
    by-rule: {rule: 'Host(`a.test`) || Host(`b.test`)', service: s, tls: {certResolver: le}}
    by-entry: {rule: Host(`c.test`), service: s, entryPoints: [websecure]}
    by-domain:
      rule: Host(`d.test`)
      service: s
      tls: {certResolver: other, domains: [{main: '*.d.test', sans: [d.test]}]}
    at-hand: {rule: Host(`e.test`), service: s, entryPoints: [websecure], tls: {}}
    plain: {rule: Host(`f.test`), service: s, entryPoints: [web]}
)") + one_service);
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_EQ(built_.certificates, (std::map<std::string, std::string>{{"a.test", "le"},
                                                                     {"b.test", "le"},
                                                                     {"c.test", "le"},
                                                                     {"*.d.test", "other"},
                                                                     {"d.test", "other"}}));
}

TEST_F(route_builder_test, a_resolver_that_is_missing_costs_the_certificate_not_the_route) {
  edge("entryPoints: {web: {address: ':80'}}\n");
  build(std::string("  routers:\n"
                    "    r: {rule: Host(`a.test`), service: s, tls: {certResolver: ghost}}\n") +
        one_service);
  EXPECT_THAT(sites(), ElementsAre("a.test"));
  EXPECT_THAT(built_.certificates, IsEmpty());
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("d.yml:3:63: error: router \"r@file\": certificate "
                                              "resolver \"ghost\" does not exist")));
}

// -- redirections -------------------------------------------------------------------

TEST_F(route_builder_test, redirections_of_entry_points_come_before_every_router) {
  edge(R"(
entryPoints:
  a: {address: ":80", http: {redirections: {entryPoint: {to: b}}}}
  b: {address: ":443"}
  c: {address: ":81", http: {redirections: {entryPoint: {to: ":9443", scheme: https, priority: 5}}}}
  d: {address: ":82", http: {redirections: {entryPoint: {to: ghost}}}}
)");
  problems_ = {};
  const auto plans = build_redirections(entry_points_, known_, problems_);
  ASSERT_THAT(plans, SizeIs(2));
  EXPECT_EQ(plans[0].name, "a-to-b@internal");
  EXPECT_EQ(plans[0].priority, std::numeric_limits<std::int64_t>::max() - 1);
  EXPECT_EQ(plans[0].entry_points, 1U);
  EXPECT_EQ(plans[0].matcher.text(), "HostRegexp(`^.+$`)");
  EXPECT_EQ(plans[1].name, "c-to-:9443@internal");
  EXPECT_EQ(plans[1].priority, 5);
  EXPECT_EQ(plans[1].entry_points, 4U);
  EXPECT_TRUE(known_.contains("redirect-a@internal"));
  EXPECT_TRUE(known_.contains("redirect-c@internal"));
  EXPECT_FALSE(known_.contains("redirect-d@internal"));
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("redirection of \"d\": entry point \"ghost\" does "
                                              "not exist")));
  EXPECT_THAT(errors()[0], HasSubstr("traefik.yml:6:"));
}

}  // namespace
}  // namespace stagedoor::actors
