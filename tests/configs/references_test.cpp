// SPDX-License-Identifier: Apache-2.0
#include "configs/references.hpp"

#include "configs/file_provider.hpp"
#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

constexpr const char* edge_text =
    "entryPoints: {web: {address: ':80'}, websecure: {address: ':443'}}\n"
    "certificatesResolvers: {le: {acme: {}}}\n";

/// `routers` are the routers of a file that also has services s, w (of s) and m (mirroring), and
/// middlewares c (compress), chain (of c) and retry (not implemented).
std::string with(std::string_view routers) {
  return "http:\n  services: {s: {loadBalancer: {}}, w: {weighted: {services: [{name: s}]}}, m: "
         "{mirroring: {}}}\n"
         "  middlewares: {c: {compress: {}}, chain: {chain: {middlewares: [c]}}, retry: {retry: "
         "{}}}\n"
         "  routers: {" +
         std::string(routers) + "}\n";
}

struct outcome {
  lines messages;
  std::set<std::string> unusable;
};

outcome check(const std::string& text, std::string_view edge = edge_text) {
  diagnostics out;
  const auto config = read_static_config("t.yml", edge, out);
  const auto merged = merge_files({read_dynamic_file("d.yml", text, variables(), out)}, out);
  auto unusable = check_references({&merged}, config, out);
  return {reported(out), unusable};
}

TEST(references, a_complete_router_is_usable) {
  const auto o =
      check(with("r: {rule: x, service: w, middlewares: [chain, c@file], entryPoints: [web], tls: "
                 "{certResolver: le, options: default}}"));
  EXPECT_EQ(o.messages, lines{});
  EXPECT_TRUE(o.unusable.empty());
}

TEST(references, what_is_missing_is_named_at_its_place_and_only_that_router_is_unusable) {
  const std::pair<const char*, const char*> table[] = {
      {"service: s", "d.yml:4:21: error: router \"r@file\": expected a rule, got nothing"},
      {"rule: x", "d.yml:4:21: error: router \"r@file\": expected a service, got nothing"},
      {"rule: x, service: t",
       "d.yml:4:43: error: router \"r@file\": there is no service \"t@file\""},
      {"rule: x, service: s@docker",
       "d.yml:4:43: error: router \"r@file\": there is no service \"s@docker\""},
      {"rule: x, service: m",
       "d.yml:4:43: error: router \"r@file\": service \"m@file\" is of the kind mirroring, which "
       "is not implemented"},
      {"rule: x, service: api@internal",
       "d.yml:4:43: error: router \"r@file\": the service \"api@internal\" is not implemented"},
      {"rule: x, service: s, middlewares: [chian]",
       "d.yml:4:60: error: router \"r@file\": there is no middleware \"chian@file\"; did you mean "
       "\"chain\"?"},
      {"rule: x, service: s, middlewares: [c, retry]",
       "d.yml:4:63: error: router \"r@file\": middleware \"retry@file\" is of the kind retry, "
       "which is not implemented"},
      {"rule: x, service: s, entryPoints: [webb]",
       "d.yml:4:60: error: router \"r@file\": there is no entry point \"webb\"; did you mean "
       "\"web\"?"},
      {"rule: x, service: s, tls: {certResolver: letsencrypt}",
       "d.yml:4:66: error: router \"r@file\": there is no certificate resolver \"letsencrypt\""},
      {"rule: x, service: s, tls: {options: modern}",
       "d.yml:4:21: error: router \"r@file\": there is no tls option \"modern@file\""},
  };
  for (const auto& [body, wanted] : table) {
    const auto o = check(with("q: {rule: x, service: s}, r: {" + std::string(body) + "}"));
    ASSERT_EQ(o.messages.size(), 1U) << body;
    EXPECT_EQ(o.unusable, std::set<std::string>{"r@file"}) << body;
    const auto alone = check(with("        r: {" + std::string(body) + "}"));
    EXPECT_EQ(alone.messages, lines{wanted}) << body;
  }
}

TEST(references, loops_are_found) {
  const auto o = check(
      "http: {middlewares: {a: {chain: {middlewares: [b, b]}}, b: {chain: {middlewares: [a, a]}}}, "
      "services: {v: {weighted: {services: [{name: v}, {name: v}]}}}, "
      "routers: {r: {rule: x, service: v, middlewares: [a]}}}");
  EXPECT_EQ(o.messages.size(), 2U);
  for (const auto& m : o.messages) EXPECT_NE(m.find("refers to itself"), std::string::npos) << m;
}

TEST(references, a_wide_chain_of_chains_is_looked_at_once) {
  std::string text = "http:\n  middlewares:\n    m0: {compress: {}}\n";
  for (int i = 1; i < 15; ++i) {
    text += "    m" + std::to_string(i) + ": {chain: {middlewares: [";
    for (int j = 0; j < 100; ++j) text += (j == 0 ? "m" : ", m") + std::to_string(i - 1);
    text += "]}}\n";
  }
  const auto o = check(text +
                       "  services: {s: {loadBalancer: {}}}\n  routers: {r: {rule: x, service: s, "
                       "middlewares: [m14]}}\n");
  EXPECT_EQ(o.messages, lines{});
}

TEST(references, what_is_broken_already_is_not_reported_again) {
  const auto o = check(
      "http: {middlewares: {m: {compress: {x: 1}}}, services: {s: {loadBalancer: {}}}, routers: "
      "{r: {rule: x, service: s, middlewares: [m]}}}");
  EXPECT_EQ(o.messages.size(), 1U);
}

TEST(references, an_entry_points_middlewares_belong_to_the_routers_provider) {
  const auto o = check(with("r: {rule: x, service: s}"),
                       "entryPoints: {web: {address: ':80', http: {middlewares: [c, gone]}}}\n");
  EXPECT_EQ(o.messages,
            lines{"t.yml:1:57: error: router \"r@file\": there is no middleware \"gone@file\""});
  EXPECT_EQ(o.unusable, std::set<std::string>{"r@file"});
}

}  // namespace
}  // namespace stagedoor::configs
