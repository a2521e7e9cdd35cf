// SPDX-License-Identifier: Apache-2.0
// What `stagedoor check` says of whole folders of configuration.
#include "cluster/check.hpp"

#include "tests/acme/certificate_maker.hpp"
#include "tests/configs/reported.hpp"
#include "tests/configs/scratch_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

using configs::lines;
using configs::named;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

/// A folder with a configuration in it that is right; each test spoils a part.
struct configuration {
  configs::scratch_folder folder;

  configuration() {
    folder.write("stagedoor.yml", "node: { port_offset: 8000 }\nedge: { compose: compose.yml }\n");
    folder.write(
        "traefik/traefik.yml",
        "entryPoints:\n  web: { address: ':80' }\nproviders:\n  file: { directory: /dynamic "
        "}\n  docker: {}\n");
    folder.write("traefik/dynamic/a.yml",
                 "http:\n  routers:\n    r: { rule: 'Host(`a.test`)', service: s }\n  services:\n"
                 "    s: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }] } }\n");
    folder.write("compose.yml", "services: {}\n");
    folder.write("coredns/Corefile", "localhost {\n  file /zones/db\n}\n");
    folder.write("coredns/zones/db", "$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 127.0.0.1\n");
  }

  /// What is said, with ~ for the folder.
  [[nodiscard]] lines check() const {
    auto said = configs::reported(
        check_everything((folder.path() / "stagedoor.yml").string(), named::explicitly).problems);
    const auto root = folder.path().string();
    for (auto& line : said)
      for (auto at = line.find(root); at != std::string::npos; at = line.find(root))
        line.replace(at, root.size(), "~");
    return said;
  }
};

struct folder_check : ::testing::Test, configuration {};

TEST_F(folder_check, a_right_configuration_has_nothing_to_say) { EXPECT_THAT(check(), IsEmpty()); }

TEST_F(folder_check, the_errors_of_all_files_and_all_layers_come_at_once_each_with_its_place) {
  folder.write("stagedoor.yml",
               "node: { port_offset: 8000, colour: red }\nedge: { compose: compose.yml }\n");
  folder.write(
      "traefik/traefik.yml",
      "entryPoints:\n  web: { address: 'example.org:80' }\nproviders:\n  file: { directory: "
      "/dynamic }\n  docker: {}\ncertificatesResolvers:\n  le:\n    acme:\n      email: "
      "a@b.test\n      storage: /acme.json\n      caCertificates: [/gone.pem]\n      "
      "httpChallenge: { entryPoint: web }\n");
  folder.write("traefik/dynamic/a.yml",
               "http:\n  routers:\n    r: { rule: 'Hots(`a.test`)', service: s }\n"
               "    q: { rule: 'Host(`b.test`)', service: nobody }\n  services:\n"
               "    s: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }] } }\n");
  folder.write("traefik/dynamic/b.yml",
               "http:\n  middlewares:\n    m: { headers: { frameDneny: true } }\n  routers:\n"
               "    x: { rule: 'Path(', service: y }\n");
  folder.write("traefik/dynamic/c.yml",
               "tls:\n  certificates:\n    - { certFile: /a.pem, keyFile: /a.key }\n");
  folder.write("compose.yml",
               "services:\n  a:\n    labels: ['traefik.http.routers.c.rule=Host(`c.test`) &&']\n"
               "    expose: ['80']\n");
  folder.write("coredns/Corefile",
               "localhost {\n  file /zones/db\n}\nother {\n  bind lo\n  file /zones/db2\n}\n");
  folder.write("coredns/zones/db", "$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 127.0.0\n");
  EXPECT_THAT(
      check(),
      UnorderedElementsAre(
          StartsWith("~/stagedoor.yml:1:28: error: node.colour: unknown key"),
          StartsWith("~/traefik/traefik.yml:2:3: error: entry point \"web\": "),
          StartsWith("~/traefik/traefik.yml:7:3: error: resolver le: caCertificates: "
                     "~/traefik/gone.pem cannot be read: No such file or directory"),
          StartsWith("~/traefik/dynamic/a.yml:3:16: error: router \"r@file\": rule: "),
          StartsWith("~/traefik/dynamic/a.yml:4:43: error: "),
          StartsWith("~/traefik/dynamic/b.yml:3:21: error: http.middlewares.m.headers.frameDneny"),
          StartsWith("~/traefik/dynamic/b.yml:5:16: error: router \"x@file\": rule: "),
          StartsWith("~/traefik/dynamic/c.yml:3:7: error: "),
          StartsWith("~/compose.yml:3:14: error: router \"c@docker\": rule: "),
          StartsWith("~/coredns/Corefile:4:1: error: bind: "),
          StartsWith("~/coredns/Corefile:6:8: warning: zone other.: ~/coredns/zones/db2 does not "
                     "exist"),
          StartsWith("~/coredns/zones/db:4:6: error: ")));
}

TEST_F(folder_check, one_wrong_thing_is_one_error_at_its_place) {
  const struct {
    const char *file, *text, *said;
  } cases[] = {
      {"coredns/Corefile", "localhost {\n  file /zones/none {\n    reload 0\n  }\n}\n",
       "~/coredns/Corefile:2:8: error: zone localhost.: ~/coredns/zones/none does not exist"},
      {"coredns/Corefile", "localhost {\n  file /zones/db\n}\nLOCALHOST. {\n  file /zones/db\n}\n",
       "~/coredns/Corefile:4:1: error: zone \"localhost.\" on port 53 is already defined at "},
      {"coredns/Corefile",
       "localhost {\n  file /zones/db\n}\nlocalhost:54 {\n  file /zones/../zones/db\n}\n", nullptr},
      {"coredns/Corefile",
       "localhost {\n  file /zones/db\n}\nLocalhost:54 {\n  file /Corefile\n}\n",
       "~/coredns/Corefile:5:8: error: zone localhost. is read from ~/coredns/zones/db already"},
      {"traefik/dynamic/a.yml",
       "tls:\n  certificates:\n    - certFile: /a.pem\n      keyFile: |\n        nonsense\n",
       "~/traefik/dynamic/a.yml:3:7: error: "},
      {"traefik/traefik.yml", "accessLog: { filters: { statusCodes: ['200', '5xx'] } }\n",
       "~/traefik/traefik.yml:1:46: error: accessLog.filters.statusCodes: expected a status"},
      {"traefik/traefik.yml", "accessLog: { filters: { statusCodes: '404,599-500' } }\n",
       "~/traefik/traefik.yml:1:38: error: accessLog.filters.statusCodes: expected a status"},
  };
  for (const auto& c : cases) {
    const configuration fresh_files;  // so that one case does not spoil the next
    const auto& f = fresh_files.folder;
    f.write(c.file, c.text);
    const auto said = fresh_files.check();
    if (c.said == nullptr)
      EXPECT_THAT(said, IsEmpty()) << c.text;
    else
      EXPECT_THAT(said, ElementsAre(StartsWith(c.said))) << c.text;
  }
}

TEST_F(folder_check, a_resolvers_authorities_are_looked_for_under_the_root) {
  folder.write("traefik/traefik.yml",
               "certificatesResolvers:\n  le:\n    acme:\n      email: a@b.test\n      storage: "
               "/acme.json\n      caCertificates: [/ca.pem, /ca2.pem]\n      tlsChallenge: {}\n");
  folder.write("traefik/ca.pem", "");
  const auto said = check();
  EXPECT_THAT(said, ::testing::Contains(HasSubstr("~/traefik/ca2.pem cannot be read")));
  EXPECT_THAT(said, ::testing::Not(::testing::Contains(HasSubstr("ca.pem cannot"))));
}

TEST_F(folder_check, certificates_of_files_are_read_from_paths_and_from_texts) {
  const auto pair = test::make_certificate(
      {.names = {"a.test"}, .from_seconds = 1'800'000'000, .until_seconds = 1'810'000'000});
  folder.write("traefik/a.pem", pair.chain_pem);
  folder.write("traefik/a.key", pair.key_pem);
  folder.write("traefik/dynamic/t.yml",
               "tls: { certificates: [{ certFile: /a.pem, keyFile: /a.key }] }\n");
  EXPECT_THAT(check(), IsEmpty());
}

// A key that Traefik acts on and this program does not must not be passed over in silence.
TEST_F(folder_check, health_checks_of_services_are_named_among_what_is_not_acted_on) {
  folder.write("traefik/dynamic/a.yml", R"yml(http:
  services:
    s:
      loadBalancer:
        servers: [{ url: 'http://127.0.0.1:1' }]
        healthCheck: { path: /health }
    w:
      weighted:
        services: [{ name: s }]
        healthCheck: {}
)yml");
  folder.write("compose.yml", R"yml(services:
  a:
    expose: ['80']
    labels:
      - traefik.http.routers.a.rule=Host(`a.test`)
      - traefik.http.services.a.loadbalancer.healthcheck.path=/health
)yml");
  EXPECT_THAT(
      check(),
      ElementsAre(
          "~/traefik/dynamic/a.yml: warning: known to Traefik, not acted on here: "
          "http.services.s.loadBalancer.healthCheck (6:9), http.services.w.weighted.healthCheck "
          "(10:9)",
          ::testing::AllOf(StartsWith("~/compose.yml:2:3: warning: labels of \"a\": known to "
                                      "Traefik, not acted on here: "),
                           HasSubstr("http.services.a.loadBalancer.healthCheck (6:9)"))));
}

TEST_F(folder_check, a_missing_settings_file_is_an_error_only_if_it_was_named) {
  const auto nowhere = (folder.path() / "none.yml").string();
  EXPECT_TRUE(check_everything(nowhere, named::explicitly).problems.has_errors());
  EXPECT_FALSE(check_everything(nowhere, named::by_default).problems.has_errors());
}

}  // namespace
}  // namespace stagedoor::cluster
