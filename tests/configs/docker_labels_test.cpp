// SPDX-License-Identifier: Apache-2.0
#include "configs/docker_labels.hpp"

#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

using label_pairs = std::vector<std::pair<std::string, std::string>>;

/// Labels stand on lines 1, 2, 3... of "c.yml".
container make(const label_pairs& labels, std::string name = "web") {
  container c;
  c.id = c.name = std::move(name);
  c.file = "c.yml";
  c.at = {100, 1};
  for (const auto& [key, value] : labels)
    c.labels.push_back({key, value, {static_cast<std::uint32_t>(c.labels.size() + 1), 1}});
  c.networks = {{"bridge", "172.17.0.2"}};
  c.ports = {8080, 80, 443};
  return c;
}

dynamic_config good(const container& c, const docker_provider& options = {}) {
  diagnostics out;
  auto config = read_labels(c, options, "docker", out);
  EXPECT_EQ(reported(out), lines{});
  EXPECT_TRUE(config);
  return config.value_or(dynamic_config{});
}

lines reports(const label_pairs& labels) {
  diagnostics out;
  EXPECT_FALSE(read_labels(make(labels), {}, "docker", out));
  return reported(out);
}

std::string url_of(const dynamic_config& c) {
  return std::get<load_balancer>(c.services.at(0).kind).servers.at(0).url;
}

TEST(docker_labels, reads_the_labels_of_the_infrastructure_page) {
  const auto c = good(
      make({{"traefik.enable", "true"},
            {"traefik.http.routers.portal-api.rule", "Host(`kanban.domain`) && PathPrefix(`/api`)"},
            {"traefik.http.routers.portal-api.entrypoints", "websecure"},
            {"traefik.http.routers.portal-api.tls.certresolver", "letsencrypt"},
            {"traefik.http.services.portal-api.loadbalancer.server.port", "8000"}}));
  ASSERT_EQ(c.routers.size(), 1U);
  const auto& r = c.routers[0];
  EXPECT_EQ(r.name, "portal-api@docker");
  EXPECT_EQ(r.rule, "Host(`kanban.domain`) && PathPrefix(`/api`)");
  EXPECT_EQ(r.rule_at, (location{"c.yml", 2, 1}));
  EXPECT_EQ(r.service.name, "portal-api@docker");
  EXPECT_EQ(r.entry_points.at(0).name, "websecure");
  ASSERT_TRUE(r.tls);
  EXPECT_EQ(r.tls->cert_resolver, "letsencrypt");
  EXPECT_EQ(url_of(c), "http://172.17.0.2:8000");
}

TEST(docker_labels, without_labels_there_is_a_default_rule_service_and_port) {
  const auto c = good(make({}, "my_app.1"));
  ASSERT_EQ(c.routers.size(), 1U);
  EXPECT_EQ(c.routers[0].name, "my-app-1@docker");
  EXPECT_EQ(c.routers[0].rule, "Host(`my-app-1`)");
  EXPECT_EQ(c.routers[0].service.name, "my-app-1@docker");
  EXPECT_EQ(url_of(c), "http://172.17.0.2:80");
}

TEST(docker_labels, compose_containers_are_named_after_service_and_project) {
  auto c = make({});
  c.service = "web";
  c.project = "shop_eu";
  EXPECT_EQ(service_name(c), "web-shop-eu");
}

TEST(docker_labels, keys_are_matched_in_any_case_and_keep_the_first_spelling_in_sorted_order) {
  const auto c = good(make({{"TRAEFIK.HTTP.ROUTERS.R.RULE", "Host(`a`)"},
                            {"traefik.http.routers.r.Priority", "5"},
                            {"traefik.http.routers.r.service", "r"},
                            {"traefik.http.services.r.loadBalancer.SERVER.Port", "1"}}));
  ASSERT_EQ(c.routers.size(), 1U);
  EXPECT_EQ(c.routers[0].name, "R@docker");
  EXPECT_EQ(c.routers[0].priority, 5);
}

TEST(docker_labels, lists_are_comma_text_or_indices) {
  const auto c = good(make({{"traefik.http.routers.r.rule", "Host(`a`)"},
                            {"traefik.http.routers.r.middlewares", "a, b@file"},
                            {"traefik.http.routers.r.entrypoints[1]", "second"},
                            {"traefik.http.routers.r.entrypoints[0]", "first"},
                            {"traefik.http.routers.r.tls.domains[1].main", "b.test"},
                            {"traefik.http.routers.r.tls.domains[0].main", "a.test"},
                            {"traefik.http.routers.r.tls.domains[0].sans", "*.a.test,x.test"}}));
  const auto& r = c.routers.at(0);
  EXPECT_EQ(r.middlewares.at(0).name, "a@docker");
  EXPECT_EQ(r.middlewares.at(1).name, "b@file");
  EXPECT_EQ(r.entry_points.at(0).name, "first");
  EXPECT_EQ(r.entry_points.at(1).name, "second");
  EXPECT_EQ(r.tls->domains,
            (std::vector<tls_domain>{{"a.test", {"*.a.test", "x.test"}}, {"b.test", {}}}));
}

TEST(docker_labels, true_switches_a_block_on) {
  const auto c = good(make({{"traefik.http.routers.r.rule", "Host(`a`)"},
                            {"traefik.http.routers.r.tls", "true"},
                            {"traefik.http.routers.r.middlewares", "z"},
                            {"traefik.http.middlewares.z.compress", "true"}}));
  EXPECT_TRUE(c.routers.at(0).tls);
  EXPECT_EQ(std::get<compress_middleware>(c.middlewares.at(0).kind), compress_middleware{});
}

TEST(docker_labels, middlewares_are_read_as_in_files) {
  const auto c =
      good(make({{"traefik.http.middlewares.h.headers.frameDeny", "true"},
                 {"traefik.http.middlewares.h.headers.customresponseheaders.X-Robots-Tag", "none"},
                 {"traefik.http.middlewares.l.ratelimit.average", "100"}}));
  const auto& h = std::get<headers_middleware>(c.middlewares.at(0).kind);
  EXPECT_TRUE(h.frame_deny);
  EXPECT_EQ(h.custom_response_headers, (header_pairs{{"X-Robots-Tag", "none"}}));
  EXPECT_EQ(std::get<rate_limit_middleware>(c.middlewares.at(1).kind).average, 100);
}

TEST(docker_labels, the_server_is_built_from_labels_and_the_container) {
  using row = std::pair<label_pairs, std::string>;
  const row table[] = {
      {{{"traefik.http.services.s.loadbalancer.server.scheme", "h2c"}}, "h2c://172.17.0.2:80"},
      {{{"traefik.http.services.s.loadbalancer.server.url", "https://10.0.0.9:1"}},
       "https://10.0.0.9:1"},
      {{{"traefik.http.services.s.loadbalancer.server.weight", "4"}}, "http://172.17.0.2:80"},
  };
  for (const auto& [labels, url] : table) EXPECT_EQ(url_of(good(make(labels))), url);
  auto v6 = make({});
  v6.networks = {{"n", "fd00::2"}};
  EXPECT_EQ(url_of(good(v6)), "http://[fd00::2]:80");
}

TEST(docker_labels, the_network_is_the_labels_then_the_providers_then_the_first_by_name) {
  auto c = make({});
  c.networks = {{"z", "10.0.0.3"}, {"kanban-network", "10.0.0.1"}, {"a", "10.0.0.2"}};
  EXPECT_EQ(url_of(good(c)), "http://10.0.0.2:80");
  docker_provider options;
  options.network = "kanban-network";
  EXPECT_EQ(url_of(good(c, options)), "http://10.0.0.1:80");
  c.labels.push_back({"traefik.docker.network", "z", {1, 1}});
  EXPECT_EQ(url_of(good(c, options)), "http://10.0.0.3:80");
  c.labels.back().value = "gone";
  diagnostics out;
  EXPECT_TRUE(read_labels(c, options, "docker", out));
  EXPECT_EQ(
      reported(out),
      lines{"c.yml:1:1: warning: \"web\" is not on the network \"gone\": another one is used"});
}

TEST(docker_labels, exposure_is_the_label_or_the_providers_default) {
  docker_provider closed;
  closed.exposed_by_default = false;
  diagnostics out;
  EXPECT_FALSE(read_labels(make({}), closed, "docker", out));
  EXPECT_FALSE(read_labels(make({{"traefik.enable", "false"}}), {}, "docker", out));
  EXPECT_TRUE(read_labels(make({{"Traefik.Enable", "1"}}), closed, "docker", out));
  EXPECT_EQ(reported(out), lines{});
}

TEST(docker_labels, other_labels_are_no_business_of_ours) {
  EXPECT_EQ(good(make({{"com.example.x", "y"}, {"traefik.foo", "bar"}, {"traefikxhttp.a", "b"}}))
                .routers.size(),
            1U);
}

TEST(docker_labels, tcp_labels_alone_invent_no_http_service) {
  diagnostics out;
  const auto c =
      read_labels(make({{"traefik.tcp.routers.r.rule", "HostSNI(`*`)"}}), {}, "docker", out);
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->services.empty() && c->routers.empty());
  EXPECT_EQ(reported(out), lines{"c.yml:100:1: warning: labels of \"web\": known to Traefik, not "
                                 "acted on here: tcp (1:1)"});
}

TEST(docker_labels, a_wrong_label_leaves_the_container_out_and_is_named) {
  const std::pair<label_pairs, const char*> table[] = {
      {{{"traefik.enable", "maybe"}},
       "c.yml:1:1: error: label traefik.enable: expected true or false, got \"maybe\""},
      {{{"a", "b"}, {"traefik.http.routers.r.rul", "x"}},
       "c.yml:2:1: error: http.routers.r.rul: unknown key; did you mean \"rule\"?"},
      {{{"traefik.http.router.r.rule", "x"}},
       "c.yml:1:1: error: http.router: unknown key; did you mean \"routers\"?"},
      {{{"traefik.http.routers..rule", "x"}},
       "c.yml:1:1: error: label \"traefik.http.routers..rule\": expected a name between the dots"},
      {{{"traefik.http.routers.r.entrypoints[x]", "x"}},
       "c.yml:1:1: error: label \"traefik.http.routers.r.entrypoints[x]\": expected an index from "
       "0 to 1000 in brackets"},
      {{{"traefik.http.routers.r.entrypoints[999999]", "x"}},
       "c.yml:1:1: error: label \"traefik.http.routers.r.entrypoints[999999]\": expected an index "
       "from 0 to 1000 in brackets"},
      {{{"traefik.http.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "x"}},
       "c.yml:1:1: error: label \"traefik.http.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q\": expected at "
       "most 16 dots"},
      {{{"traefik.http.services.s.loadbalancer.server.port", "0"}},
       "c.yml:1:1: error: label server.port: expected a port from 1 to 65535, got \"0\""},
      {{{"traefik.http.services.s.loadbalancer.server.scheme", "gopher"}},
       "c.yml:1:1: error: http.services.s.loadBalancer.servers[0].url: expected http://host:port, "
       "https://host:port or "
       "h2c://host:port, got \"gopher://172.17.0.2:80\""},
      {{{"traefik.http.services.s.loadbalancer.server.url", "http://a"},
        {"traefik.http.services.s.loadbalancer.server.port", "1"}},
       "c.yml:2:1: error: labels: expected server.url or server.port and server.scheme, got both"},
      {{{"traefik.http.services.s.loadbalancer.servers[0].url", "http://a"}},
       "c.yml:1:1: error: labels: loadBalancer.servers: unknown key; did you mean \"server\"?"},
      {{{"traefik.http.services.a.loadbalancer.server.port", "1"},
        {"traefik.http.services.b.loadbalancer.server.port", "2"},
        {"traefik.http.routers.r.rule", "Host(`x`)"}},
       "c.yml:3:1: error: router \"r@docker\": expected a service label, as the container has 2 "
       "services"},
  };
  for (const auto& [labels, wanted] : table) EXPECT_EQ(reports(labels), lines{wanted});
}

TEST(docker_labels, a_container_without_a_port_or_a_network_is_left_out) {
  diagnostics out;
  auto c = make({});
  c.ports.clear();
  EXPECT_FALSE(read_labels(c, {}, "docker", out));
  c = make({});
  c.networks.clear();
  EXPECT_FALSE(read_labels(c, {}, "docker", out));
  EXPECT_EQ(reported(out), (lines{"c.yml:100:1: error: \"web\": no port is known: set the label "
                                  "loadbalancer.server.port or expose one",
                                  "c.yml:100:1: error: \"web\" is on no network"}));
}

TEST(default_rule, knows_names_and_labels) {
  auto c = make({{"host", "x.test"}}, "my_app");
  const std::pair<const char*, const char*> table[] = {
      {"Host(`{{ normalize .Name }}.test`)", "Host(`my-app.test`)"},
      {"Host(`{{ .ContainerName }}`)", "Host(`my_app`)"},
      {"Host(`{{normalize .ContainerName}}`)", "Host(`my-app`)"},
      {"Host(`{{ index .Labels \"host\" }}`)", "Host(`x.test`)"},
      {"Host(`{{ normalize (index .Labels \"host\") }}`)", "Host(`x-test`)"},
      {"Host(`{{ index .Labels \"none\" }}`)", "Host(``)"},
      {"plain", "plain"},
  };
  for (const auto& [pattern, wanted] : table)
    EXPECT_EQ(default_rule(pattern, c).value_or("fault"), wanted) << pattern;
  for (const char* bad : {"{{ .Foo }}", "{{ .Name", "{{ if .Name }}x{{ end }}",
                          "{{ normalize normalize .Name }}", "{{}}"})
    EXPECT_FALSE(default_rule(bad, c)) << bad;
}

TEST(default_rule, a_wrong_pattern_is_named_at_its_place_in_the_static_file) {
  docker_provider options;
  options.default_rule = "{{ .Foo }}";
  options.default_rule_at = {"traefik.yml", 9, 20};
  diagnostics out;
  EXPECT_FALSE(read_labels(make({}), options, "docker", out));
  ASSERT_EQ(out.errors(), 1U);
  EXPECT_EQ(out.all()[0].at, options.default_rule_at);
}

TEST(containers, replicas_become_one_service_with_all_servers) {
  std::vector<container> replicas;
  for (const char* address : {"10.0.0.2", "10.0.0.1", "10.0.0.2"}) {
    auto c = make({{"traefik.http.routers.r.rule", "Host(`a`)"},
                   {"traefik.http.services.s.loadbalancer.server.port", "80"}},
                  std::string("web") + address);
    c.networks = {{"n", address}};
    replicas.push_back(c);
  }
  diagnostics out;
  const auto merged = read_containers(replicas, {}, "docker", out);
  EXPECT_EQ(reported(out), lines{});
  ASSERT_EQ(merged.services.size(), 1U);
  ASSERT_EQ(merged.routers.size(), 1U);
  const auto& servers = std::get<load_balancer>(merged.services[0].kind).servers;
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[0].url, "http://10.0.0.1:80");
}

TEST(containers, differing_definitions_of_one_name_take_each_other_out) {
  auto a = make({{"traefik.http.routers.r.rule", "Host(`a`)"},
                 {"traefik.http.services.s.loadbalancer.server.port", "80"}},
                "a");
  auto b = a, c = a;
  b.id = b.name = "b";
  b.labels[0].value = "Host(`b`)";
  c.id = c.name = "c";
  diagnostics out;
  const auto merged = read_containers({c, b, a}, {}, "docker", out);
  EXPECT_TRUE(merged.routers.empty());
  EXPECT_EQ(merged.services.size(), 1U);
  EXPECT_EQ(merged.broken, std::vector<std::string>{"r@docker"});
  EXPECT_EQ(reported(out), lines{"c.yml:1:1: error: router \"r@docker\" is defined differently at "
                                 "c.yml:1:1: neither is used"});
}

TEST(containers, services_that_differ_in_more_than_servers_conflict) {
  const auto a = make({{"traefik.http.services.s.loadbalancer.passhostheader", "true"}}, "a");
  auto b = make({{"traefik.http.services.s.loadbalancer.passhostheader", "false"}}, "b");
  b.networks = {{"n", "10.0.0.9"}};
  diagnostics out;
  const auto merged = read_containers({a, b}, {}, "docker", out);
  EXPECT_TRUE(merged.services.empty());
  EXPECT_EQ(out.errors(), 1U);
}

TEST(containers, one_bad_container_leaves_the_others) {
  diagnostics out;
  const auto merged = read_containers({make({}, "good"), make({{"traefik.http.x", "y"}}, "bad")},
                                      {}, "docker", out);
  ASSERT_EQ(merged.routers.size(), 1U);
  EXPECT_EQ(merged.routers[0].name, "good@docker");
  EXPECT_EQ(out.errors(), 1U);
}

}  // namespace
}  // namespace stagedoor::configs
