// SPDX-License-Identifier: Apache-2.0
#include "actors/providers/provider_state.hpp"

#include "configs/references.hpp"
#include "tests/configs/reported.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

route_plan a_plan() {
  route_plan plan;
  plan.name = "r@file";
  plan.matcher = http::rule::parse("Host(`a.test`)").value();
  plan.priority = 14;
  plan.entry_points = 1;
  plan.middlewares = {"m@file"};
  plan.service.name = "s@file";
  plan.service.servers = {{"http://10.0.0.1:80", "10.0.0.1", 80, "10.0.0.1:80", 1}};
  return plan;
}

plans_by_host at(const std::string& host, route_plan plan = a_plan()) {
  return {{host, {std::move(plan)}}};
}

/// "host" of what is offered, "-host" of what is withdrawn.
std::vector<std::string> changes(const std::vector<source_offer>& offers) {
  std::vector<std::string> out;
  for (const auto& o : offers) out.push_back((o.routes == nullptr ? "-" : "") + o.host);
  return out;
}

// -- offers -------------------------------------------------------------------------

TEST(source_offers, only_what_changed_is_offered) {
  source_offers offers;
  auto both = at("a.test");
  both.merge(at("b.test"));
  EXPECT_THAT(changes(offers.change(both)), ElementsAre("a.test", "b.test"));
  EXPECT_THAT(changes(offers.change(both)), IsEmpty());
  both["b.test"][0].priority = 1;
  const auto changed = offers.change(both);
  ASSERT_THAT(changes(changed), ElementsAre("b.test"));
  EXPECT_EQ(changed[0].routes->at(0).priority, 1);
  EXPECT_THAT(changes(offers.all()), ElementsAre("a.test", "b.test"));
}

TEST(source_offers, a_host_that_is_no_longer_mentioned_is_withdrawn_once) {
  source_offers offers;
  (void)offers.change(at("a.test"));
  EXPECT_THAT(changes(offers.change(at("b.test"))), ElementsAre("-a.test", "b.test"));
  EXPECT_THAT(changes(offers.change({})), ElementsAre("-b.test"));
  EXPECT_THAT(changes(offers.change({})), IsEmpty());
  EXPECT_THAT(offers.all(), IsEmpty());
}

TEST(source_offers, every_part_of_a_plan_counts_as_a_change) {
  using edit = void (*)(route_plan&);
  const std::vector<std::pair<const char*, edit>> edits = {
      {"name", [](route_plan& p) { p.name = "x@file"; }},
      {"rule",
       [](route_plan& p) { p.matcher = http::rule::parse("Host(`a.test`) && Path(`/`)").value(); }},
      {"priority", [](route_plan& p) { p.priority = 15; }},
      {"entry points", [](route_plan& p) { p.entry_points = 2; }},
      {"tls", [](route_plan& p) { p.tls = true; }},
      {"middlewares", [](route_plan& p) { p.middlewares.push_back("n@file"); }},
      {"service", [](route_plan& p) { p.service.name = "x@file"; }},
      {"host header", [](route_plan& p) { p.service.pass_host_header = false; }},
      {"server", [](route_plan& p) { p.service.servers[0].url = "http://10.0.0.1:80/"; }},
      {"server's host", [](route_plan& p) { p.service.servers[0].host = "10.0.0.2"; }},
      {"port", [](route_plan& p) { p.service.servers[0].port = 81; }},
      {"authority", [](route_plan& p) { p.service.servers[0].authority = "x"; }},
      {"weight", [](route_plan& p) { p.service.servers[0].weight = 2; }},
      {"one server more", [](route_plan& p) { p.service.servers.push_back(p.service.servers[0]); }},
      {"no server", [](route_plan& p) { p.service.servers.clear(); }},
  };
  for (const auto& [what, change] : edits) {
    source_offers offers;
    (void)offers.change(at("a.test"));
    auto plan = a_plan();
    EXPECT_THAT(changes(offers.change(at("a.test", plan))), IsEmpty());
    change(plan);
    EXPECT_THAT(changes(offers.change(at("a.test", plan))), ElementsAre("a.test")) << what;
  }
  source_offers offers;
  (void)offers.change(at("a.test"));
  EXPECT_THAT(changes(offers.change({{"a.test", {a_plan(), a_plan()}}})), ElementsAre("a.test"));
}

// -- files --------------------------------------------------------------------------

struct provider_files : ::testing::Test {
  configs::static_config edge;
  configs::diagnostics ignored;

  provider_files() {
    edge = configs::read_static_config("traefik.yml", "entryPoints: {web: {address: ':80'}}\n",
                                       ignored);
  }
  static std::string router(const std::string& id, const std::string& service) {
    return "http:\n  routers: {" + id + ": {rule: Host(`" + id + ".test`), service: " + service +
           "}}\n";
  }
  static std::string with_service(const std::string& id) {
    return "  services: {" + id + ": {loadBalancer: {servers: [{url: 'http://10.0.0.1'}]}}}\n";
  }
  static std::string self_contained(const std::string& id) {
    return router(id, id) + with_service(id);
  }
  /// As if these files had just been read.
  configs::loaded read(const std::vector<std::pair<std::string, std::string>>& files) {
    configs::loaded out;
    out.edge = edge;
    for (const auto& [path, text] : files)
      out.files.push_back(
          configs::read_dynamic_file(path, text, configs::variables(), out.problems));
    out.from_files = configs::merge_files(out.files, out.problems);
    out.unusable_routers =
        configs::check_references({&out.from_files, &out.from_compose}, out.edge, out.problems);
    return out;
  }
  std::vector<std::string> served(const configs::loaded& config) {
    configs::diagnostics problems;
    const auto made = build_routing(config, list_entry_points(edge, 0), problems);
    std::vector<std::string> out;
    for (const auto& [host, plans] : made.from_files) out.push_back(host);
    return out;
  }
};

TEST_F(provider_files, a_file_that_goes_bad_keeps_its_last_good_version_and_others_take_effect) {
  last_good_files last;
  auto first = read({{"a.yml", self_contained("a")}, {"b.yml", self_contained("b")}});
  last.patch(first);
  EXPECT_THAT(served(first), ElementsAre("a.test", "b.test"));

  auto second =
      read({{"a.yml", "http: {routers: {a: {rulez: x}}}\n"}, {"b.yml", self_contained("b2")}});
  last.patch(second);
  EXPECT_THAT(served(second), ElementsAre("a.test", "b2.test"));
  EXPECT_THAT(second.problems.print(), HasSubstr("a.yml:1:22: error:")) << "and it is said";

  auto third = read({{"a.yml", self_contained("a3")}, {"b.yml", "http: ["}});
  last.patch(third);
  EXPECT_THAT(served(third), ElementsAre("a3.test", "b2.test"));
}

TEST_F(provider_files, a_file_that_was_never_good_serves_nothing) {
  last_good_files last;
  auto config = read({{"a.yml", "http: ["}, {"b.yml", self_contained("b")}});
  last.patch(config);
  EXPECT_THAT(served(config), ElementsAre("b.test"));
}

TEST_F(provider_files, a_file_that_is_gone_is_not_remembered) {
  last_good_files last;
  auto config = read({{"a.yml", self_contained("a")}});
  last.patch(config);
  config = read({});
  last.patch(config);
  EXPECT_THAT(served(config), IsEmpty());
  config = read({{"a.yml", "http: ["}});
  last.patch(config);
  EXPECT_THAT(served(config), IsEmpty());
}

TEST_F(provider_files, a_router_finds_its_service_in_the_last_good_version_of_another_file) {
  last_good_files last;
  auto config = read({{"a.yml", "http:\n" + with_service("s")}, {"b.yml", router("b", "s")}});
  last.patch(config);
  config = read({{"a.yml", "http: ["}, {"b.yml", router("c", "s")}});
  EXPECT_THAT(config.unusable_routers, ElementsAre("c@file"));
  last.patch(config);
  EXPECT_THAT(config.unusable_routers, IsEmpty());
  EXPECT_THAT(served(config), ElementsAre("c.test"));
}

// -- all together ---------------------------------------------------------------------

TEST_F(provider_files, routing_has_middlewares_of_all_providers_and_certificates_of_all_routers) {
  edge = configs::read_static_config("traefik.yml", R"(
entryPoints: {web: {address: ':80'}}
certificatesResolvers:
  le: {acme: {email: a@b.test, httpChallenge: {entryPoint: web}}}
)",
                                     ignored);
  auto config = read({{"a.yml", R"(
http:
  routers:
    a: {rule: Host(`a.test`), service: s, middlewares: [both], tls: {certResolver: le}}
    b: {rule: Host(`b.test`), service: s, middlewares: [broken]}
  services: {s: {loadBalancer: {servers: [{url: 'http://10.0.0.1'}]}}}
  middlewares:
    both: {chain: {middlewares: [x@docker]}}
    broken: {redirectRegex: {regex: '(', replacement: x}}
tls:
  certificates: [{certFile: c.pem, keyFile: k.pem}]
  stores: {default: {defaultCertificate: {certFile: d.pem, keyFile: e.pem}}}
)"}});
  config.from_compose.provider = "docker";
  config.from_compose.middlewares = {{"x@docker", {}, configs::add_prefix_middleware{"/x"}}};
  config.problems = {};  // it was read without the labels
  config.unusable_routers =
      configs::check_references({&config.from_files, &config.from_compose}, edge, config.problems);
  ASSERT_FALSE(config.problems.has_errors()) << config.problems.print();

  configs::diagnostics problems;
  const auto made = build_routing(config, list_entry_points(edge, 0), problems);
  ASSERT_THAT(made.from_files, SizeIs(1));
  EXPECT_TRUE(made.from_files.contains("a.test"));
  EXPECT_THAT(made.middlewares->middlewares.at("both@file"), SizeIs(1));
  EXPECT_EQ(made.certificates, (std::map<std::string, std::string>{{"a.test", "le"}}));
  std::vector<std::string> files;
  for (const auto& c : made.certificate_files) files.push_back(c.cert_file);
  EXPECT_THAT(files, UnorderedElementsAre("c.pem", "d.pem"));
  EXPECT_THAT(configs::reported(problems),
              ElementsAre(HasSubstr("a.yml:5:"), HasSubstr("a.yml:9:")));
}

// -- labels of an engine ----------------------------------------------------------------

configs::middleware prefix(const char* name, const char* value) {
  return {name, {}, configs::add_prefix_middleware{value}};
}

std::vector<std::string> prefixes(const configs::dynamic_config& config) {
  std::vector<std::string> out;
  for (const auto& m : config.middlewares)
    out.push_back(m.name + "=" + std::get<configs::add_prefix_middleware>(m.kind).prefix);
  return out;
}

struct engine_labels_test : ::testing::Test {
  configs::loaded config;
  engine_labels engine;

  engine_labels_test() {
    config.from_compose.provider = "docker";
    config.from_compose.middlewares = {prefix("a@docker", "/compose"),
                                       prefix("b@docker", "/compose")};
    config.from_compose.broken = {"y@docker"};
    config.from_compose.routers.resize(1);
  }
  void answer() {
    auto labels = std::make_shared<configs::dynamic_config>();
    labels->provider = "docker";
    labels->middlewares = {prefix("a@docker", "/engine"), prefix("c@docker", "/engine")};
    labels->broken = {"z@docker"};
    labels->routers.resize(3);
    engine.labels = labels;
  }
};

TEST_F(engine_labels_test, without_an_engine_the_compose_file_counts) {
  engine.join(config);
  EXPECT_THAT(prefixes(config.from_compose), ElementsAre("a@docker=/compose", "b@docker=/compose"));
  EXPECT_THAT(config.from_compose.routers, SizeIs(1));
}

TEST_F(engine_labels_test, an_engines_middlewares_replace_those_of_the_same_name) {
  answer();
  engine.join(config);
  EXPECT_THAT(prefixes(config.from_compose),
              ElementsAre("b@docker=/compose", "a@docker=/engine", "c@docker=/engine"));
  EXPECT_THAT(config.from_compose.routers, SizeIs(1)) << "until the engine's are served";
  EXPECT_THAT(config.from_compose.broken, ElementsAre("y@docker", "z@docker"));
}

TEST_F(engine_labels_test, once_the_engine_serves_nothing_of_the_compose_file_is_left) {
  answer();
  engine.serves = true;
  engine.join(config);
  EXPECT_EQ(config.from_compose.provider, "docker");
  EXPECT_THAT(prefixes(config.from_compose), ElementsAre("a@docker=/engine", "c@docker=/engine"));
  EXPECT_THAT(config.from_compose.routers, IsEmpty());
  EXPECT_THAT(config.from_compose.broken, ElementsAre("z@docker"));
}

}  // namespace
}  // namespace stagedoor::actors
