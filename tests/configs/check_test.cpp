// SPDX-License-Identifier: Apache-2.0
#include "configs/check.hpp"

#include "configs/compose.hpp"
#include "configs/docker_labels.hpp"
#include "configs/text_file.hpp"
#include "tests/configs/reported.hpp"
#include "tests/configs/scratch_folder.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

const std::string example = STAGEDOOR_EXAMPLES "/kanban";

TEST(check, the_example_loads_with_one_warning_and_no_error) {
  const auto all = load_all(example + "/stagedoor.yml", named::explicitly);
  EXPECT_EQ(reported(all.problems),
            lines{example + "/traefik/traefik.yml: warning: known to Traefik, not acted on here: "
                            "api.dashboard (3:3), api.insecure (4:3)"});
  EXPECT_EQ(all.node.node.port_offset, 8000);
  EXPECT_EQ(all.node.node.data_dir, example + "/data");

  ASSERT_EQ(all.edge.entry_points.size(), 2U);
  const auto& web = all.edge.entry_points[0];
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(to_string(with_offset(web.address, all.node.node.port_offset).value()), ":8080");
  ASSERT_TRUE(web.redirection);
  EXPECT_EQ(web.redirection->to, "websecure");
  ASSERT_TRUE(all.edge.entry_points[1].tls);
  EXPECT_EQ(all.edge.entry_points[1].tls->cert_resolver, "letsencrypt");
  const auto* resolver = all.edge.find_resolver("letsencrypt");
  ASSERT_NE(resolver, nullptr);
  EXPECT_EQ(resolver->email, "admin@domain.com");
  EXPECT_EQ(all.node.edge_path(resolver->storage), example + "/traefik/acme.json");
  ASSERT_TRUE(all.edge.access_log);
  EXPECT_EQ(all.node.edge_path(all.edge.access_log->file_path),
            example + "/traefik/var/log/traefik/access.log");

  ASSERT_EQ(all.files.size(), 1U);
  EXPECT_TRUE(all.files[0].good);
  EXPECT_EQ(all.dynamic_paths, std::vector<std::string>{example + "/traefik/dynamic"});
  ASSERT_EQ(all.from_files.middlewares.size(), 3U);
  EXPECT_EQ(all.from_files.middlewares[0].name, "secure-headers@file");

  ASSERT_EQ(all.from_compose.routers.size(), 2U);
  EXPECT_EQ(all.from_compose.routers[0].rule, "Host(`kanban.domain`) && PathPrefix(`/api`)");
  EXPECT_EQ(std::get<load_balancer>(all.from_compose.services[0].kind).servers.at(0).url,
            "http://portal-api:8000");
  EXPECT_TRUE(all.unusable_routers.empty());

  ASSERT_EQ(all.dns.blocks.size(), 2U);
  EXPECT_EQ(all.node.dns_path(all.dns.blocks[1].files.at(0).path),
            example + "/coredns/zones/db.localhost");
}

TEST(check, the_labels_generated_for_a_team_are_read) {
  diagnostics out;
  const auto path = example + "/docker-compose.team-a.yml";
  const auto containers =
      read_compose(path, read_text_file(path).value(), "kanban", variables(), out);
  const auto config = read_containers(containers, {}, "docker", out);
  EXPECT_EQ(reported(out), lines{});
  ASSERT_EQ(config.routers.size(), 2U);
  EXPECT_EQ(config.routers[0].name, "team-a-api@docker");
  EXPECT_EQ(config.routers[0].service.name, "team-a-api@docker");
}

TEST(check, every_error_of_every_file_is_reported_at_once) {
  const scratch_folder f;
  f.write("stagedoor.yml",
          "node: {prot_offset: 1}\nedge: {compose: compose.yml}\nplatform: {domain: 'a b'}\n");
  f.write("traefik/traefik.yml",
          "entryPoints: {web: {address: nowhere}}\nproviders: {file: {directory: /dynamic}}\nlgo: "
          "{}\n");
  f.write("traefik/dynamic/a.yml", "http: {middlewares: {m: {compres: {}}}}");
  f.write("traefik/dynamic/b.yml", "http: {routers: [}");
  f.write("compose.yml", "services: {a: {labels: ['traefik.http.routers.r.x=y']}}");
  f.write("coredns/Corefile", ". {\n  cahce\n}\n");
  const auto all = load_all((f.path() / "stagedoor.yml").string(), named::explicitly);
  std::string printed = all.problems.print();
  for (auto at = printed.find(f.path().string()); at != std::string::npos;
       at = printed.find(f.path().string()))
    printed.replace(at, f.path().string().size(), "~");
  EXPECT_EQ(
      printed,
      "~/stagedoor.yml:1:8: error: node.prot_offset: unknown key; did you mean \"port_offset\"?\n"
      "~/stagedoor.yml:3:20: error: platform.domain: expected a domain name, got \"a b\"\n"
      "~/traefik/traefik.yml:1:30: error: entryPoints.web.address: expected an address such as :80 "
      "or 127.0.0.1:80, got \"nowhere\"\n"
      "~/traefik/traefik.yml:3:1: error: lgo: unknown key; did you mean \"log\"?\n"
      "~/traefik/dynamic/a.yml:1:26: error: http.middlewares.m.compres: unknown key; did you mean "
      "\"compress\"?\n"
      "~/traefik/dynamic/b.yml:1:18: error: illegal flow end\n"
      "~/compose.yml:1:12: error: \"a\": no port is known: set the label loadbalancer.server.port "
      "or expose one\n"
      "~/compose.yml:1:25: error: http.routers.r.x: unknown key\n"
      "~/coredns/Corefile:2:3: error: Unknown directive 'cahce'; did you mean \"cache\"?\n");
}

TEST(check, files_that_were_named_must_exist_and_defaults_need_not) {
  const scratch_folder f;
  f.write("stagedoor.yml", "");
  EXPECT_EQ(reported(load_all((f.path() / "stagedoor.yml").string(), named::explicitly).problems),
            lines{});
  f.write("stagedoor.yml",
          "edge: {static: gone.yml, compose: gone2.yml}\ndns: {corefile: gone3}\n");
  EXPECT_EQ(load_all((f.path() / "stagedoor.yml").string(), named::explicitly).problems.errors(),
            3U);
}

TEST(check, a_port_that_the_offset_pushes_out_of_range_is_an_error) {
  const scratch_folder f;
  f.write("stagedoor.yml", "node: {port_offset: 60000}\n");
  f.write("traefik/traefik.yml", "entryPoints: {web: {address: ':8000'}}\n");
  EXPECT_EQ(reported(load_all((f.path() / "stagedoor.yml").string(), named::explicitly).problems),
            lines{(f.path() / "traefik/traefik.yml").string() +
                  ":1:15: error: entryPoints.web: expected port 8000 plus the port_offset 60000 to "
                  "stay below 65536, got \":8000\""});
}

}  // namespace
}  // namespace stagedoor::configs
