// SPDX-License-Identifier: Apache-2.0
#include "configs/compose.hpp"

#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

std::vector<container> good(std::string_view text) {
  diagnostics out;
  auto containers =
      read_compose("c.yml", text, "proj", variables({{"DOMAIN", "a.test"}, {"EMPTY", ""}}), out);
  EXPECT_EQ(reported(out), lines{}) << text;
  return containers;
}

TEST(compose, reads_labels_as_a_list_and_as_a_mapping) {
  const auto containers = good(R"yml(
services:
  a:
    labels:
      - "traefik.enable=true"
      - traefik.http.routers.a.rule=Host(`${DOMAIN}`) && Path(`/x=y`)
      - bare
  b:
    labels:
      traefik.enable: "false"
      number: 80
)yml");
  ASSERT_EQ(containers.size(), 2U);
  const auto& a = containers[0];
  EXPECT_EQ(a.service, "a");
  EXPECT_EQ(a.project, "proj");
  ASSERT_EQ(a.labels.size(), 3U);
  EXPECT_EQ(a.labels[0].key, "traefik.enable");
  EXPECT_EQ(a.labels[0].at, (position{5, 9}));
  EXPECT_EQ(a.labels[1].value, "Host(`a.test`) && Path(`/x=y`)");
  EXPECT_EQ(a.labels[2].key, "bare");
  EXPECT_EQ(containers[1].labels.at(0).at, (position{10, 7}));
  EXPECT_EQ(containers[1].labels.at(1).value, "80");
}

TEST(compose, a_service_is_reached_by_its_name_on_its_networks) {
  const auto containers = good(
      "services:\n  a: {networks: [x, y]}\n  b: {networks: {z: {aliases: [q]}}}\n  c: {image: "
      "i}\n");
  ASSERT_EQ(containers.size(), 3U);
  EXPECT_EQ(containers[0].networks.at(1).name, "y");
  EXPECT_EQ(containers[0].networks.at(1).address, "a");
  EXPECT_EQ(containers[1].networks.at(0).name, "z");
  EXPECT_EQ(containers[2].networks.at(0).address, "c");
}

TEST(compose, reads_every_form_of_port) {
  const auto containers = good(R"(
services:
  a:
    expose: ["3000", 4000]
    ports: ["80", "8080:81", "127.0.0.1:53:54/udp", "[::1]:1:55", 9000-9005, { target: 82, published: 8082 }]
)");
  EXPECT_EQ(containers.at(0).ports,
            (std::vector<std::uint16_t>{3000, 4000, 80, 81, 54, 55, 9000, 82}));
}

TEST(compose, names_come_from_the_file_when_it_has_them) {
  const auto containers = good("name: shop\nservices: {a: {container_name: front}}\n");
  EXPECT_EQ(containers.at(0).project, "shop");
  EXPECT_EQ(containers.at(0).name, "front");
}

TEST(compose, files_without_services_have_no_containers) {
  for (const char* text : {"", "services:", "networks: {n: {driver: bridge}}"})
    EXPECT_TRUE(good(text).empty()) << text;
}

TEST(compose, each_mistake_is_named_with_its_place) {
  const std::pair<const char*, const char*> table[] = {
      {"[]", "c.yml:1:1: error: expected a mapping, got a list"},
      {"services: [a]", "c.yml:1:11: error: services: expected a mapping of services, got a list"},
      {"services: {a: b}", "c.yml:1:15: error: services.a: expected a mapping, got \"b\""},
      {"services: {a: {labels: x}}",
       "c.yml:1:24: error: services.a.labels: expected a list or a mapping, got \"x\""},
      {"services: {a: {labels: [[x]]}}",
       "c.yml:1:25: error: services.a.labels: expected \"key=value\", got a list"},
      {"services: {a: {ports: [http]}}",
       "c.yml:1:24: error: services.a.ports: expected a port, got \"http\""},
      {"services: {a: {ports: [{published: 1}]}}",
       "c.yml:1:24: error: services.a.ports: expected a port, got no target"},
      {"services: {a: {ports: 80}}",
       "c.yml:1:23: error: services.a.ports: expected a list of ports, got \"80\""},
      {"services: {a: {labels: ['x=${UNCLOSED']}}",
       "c.yml:1:25: error: services.a.labels: expected } to close ${, got \"x=${UNCLOSED\""},
      {"services: {a: {labels: ['x=${NEEDED:?for the portal}']}}",
       "c.yml:1:25: error: services.a.labels: expected the variable NEEDED to be set: for the "
       "portal, got "
       "\"x=${NEEDED:?for the portal}\""},
  };
  for (const auto& [text, wanted] : table) {
    diagnostics out;
    (void)read_compose("c.yml", text, "p", variables(), out);
    EXPECT_EQ(reported(out), lines{wanted}) << text;
  }
}

TEST(interpolation, follows_compose) {
  const auto env = variables({{"A", "1"}, {"EMPTY", ""}});
  const std::pair<const char*, const char*> table[] = {
      {"$A", "1"},          {"${A}", "1"},         {"$$A", "$A"},
      {"$${A}", "${A}"},    {"${B}", ""},          {"${B:-d}", "d"},
      {"${EMPTY:-d}", "d"}, {"${EMPTY-d}", ""},    {"${B-d}", "d"},
      {"${A:-d}", "1"},     {"${A:+x}", "x"},      {"${EMPTY:+x}", ""},
      {"${A:?e}", "1"},     {"$A$A-$A.", "11-1."}, {"no dollar", "no dollar"},
  };
  for (const auto& [text, wanted] : table)
    EXPECT_EQ(interpolated(text, env).value_or("fault"), wanted) << text;
  for (const char* bad : {"$", "$ x", "$1", "${", "${}", "${A:}", "${A!x}", "${EMPTY:?}", "${B?}"})
    EXPECT_FALSE(interpolated(bad, env)) << bad;
}

}  // namespace
}  // namespace stagedoor::configs
