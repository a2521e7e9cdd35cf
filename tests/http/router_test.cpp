// SPDX-License-Identifier: Apache-2.0
// The index against the definition: walking every route of the node in Traefik's order.
#include "runtime/http/router.hpp"

#include "tests/http/policy_fixture.hpp"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <random>

namespace stagedoor::http {
namespace {

route made_route(std::string name, std::string_view text, std::int64_t priority = 0) {
  route r;
  r.name = std::move(name);
  auto matcher = rule::parse(text);
  EXPECT_TRUE(matcher) << text;
  r.matcher = std::move(*matcher);
  r.priority = priority != 0 ? priority : r.matcher.default_priority();
  return r;
}

site_table table_of(std::span<const route> routes) {
  snapshot::table_writer<site> writer(4);
  for (auto& s : split_into_sites(routes)) {
    auto key = s.host;
    writer.put(std::move(key), std::move(s));
  }
  site_table table(4);
  table.apply(writer.freeze());
  return table;
}

std::string chosen(const site_table& table, const fake_request& request) {
  const auto choice = choose_route(table, request.facts());
  return choice.chosen != nullptr ? choice.chosen->name : "";
}

TEST(router, longer_rules_come_first_whatever_site_they_are_in) {
  const std::vector routes{
      made_route("host", "Host(`a.x`)"), made_route("api", "Host(`a.x`) && PathPrefix(`/api`)"),
      made_route("wild", "Host(`*.x`) && PathPrefix(`/api/v1/long`)"),
      made_route("all", "PathPrefix(`/api/v1/long/but/short/of/nothing/at/all`)"),
      made_route("redirect", "HostRegexp(`^.+$`)", -1)};
  const auto table = table_of(routes);
  EXPECT_EQ(chosen(table, fake_request("http://a.x/")), "host");
  EXPECT_EQ(chosen(table, fake_request("http://a.x/api/1")), "api");
  EXPECT_EQ(chosen(table, fake_request("http://a.x/api/v1/long")), "wild");
  EXPECT_EQ(chosen(table, fake_request("http://a.x/api/v1/long/but/short/of/nothing/at/all")),
            "all");
  EXPECT_EQ(chosen(table, fake_request("http://b.y/")), "redirect");
  EXPECT_EQ(chosen(table, fake_request("http:///")), "");
}

TEST(router, equal_priorities_are_ordered_by_name) {
  const std::vector routes{made_route("b", "Host(`a.x`)"), made_route("a", "Host(`*.x`)"),
                           made_route("c", "Host(`a.x`)")};
  EXPECT_EQ(chosen(table_of(routes), fake_request("http://a.x/")), "a");
}

TEST(router, tls_and_entry_points_are_part_of_the_match) {
  std::vector routes{made_route("plain", "Host(`a.x`)"), made_route("secure", "Host(`a.x`)")};
  routes[1].tls = true;
  routes[1].entry_points = 0b10;
  const auto table = table_of(routes);
  EXPECT_EQ(chosen(table, fake_request("http://a.x/")), "plain");
  fake_request secure("https://a.x/");
  EXPECT_EQ(chosen(table, secure), "");
  secure.connection.entry_point = 1;
  EXPECT_EQ(chosen(table, secure), "secure");
}

TEST(router, tells_whether_the_host_has_a_site) {
  const std::vector routes{made_route("a", "Host(`a.x`) && Path(`/only`)"),
                           made_route("r", "Path(`/`)")};
  const auto table = table_of(routes);
  const fake_request known("http://a.x/");
  const fake_request unknown("http://b.x/");
  EXPECT_TRUE(choose_route(table, known.facts()).host_known);
  EXPECT_FALSE(choose_route(table, unknown.facts()).host_known);
  EXPECT_EQ((*choose_route(table, unknown.facts()).holder)->key, "");
}

// -- property: the same answer as a linear scan by a second, naive evaluator -----------------------

using evaluator = std::function<bool(const fake_request&)>;

struct generated {
  std::string text;
  evaluator meaning;
};

/// Rules over a small world, so that they meet.
class generator {
 public:
  explicit generator(unsigned seed) : random_(seed) {}

  generated expression(unsigned depth) {
    switch (depth == 0 ? 0 : pick(6)) {
      case 1: return combined(depth, " && ", true);
      case 2: return combined(depth, " || ", false);
      case 3: {
        auto inner = expression(depth - 1);
        return {"!(" + inner.text + ")",
                [m = std::move(inner.meaning)](const fake_request& r) { return !m(r); }};
      }
      default: return matcher();
    }
  }

  std::string url() {
    static const std::vector<std::string> hosts{"a.x", "b.x", "c.b.x", "A.X",   "x",
                                                "q",   "",    "a.x.",  "a.x:81"};
    static const std::vector<std::string> paths{"/", "/p", "/p/q", "/pq", "/z"};
    return "http://" + hosts[pick(hosts.size())] + paths[pick(paths.size())];
  }

  std::size_t pick(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

 private:
  generated combined(unsigned depth, std::string_view operation, bool all) {
    auto left = expression(depth - 1);
    auto right = expression(depth - 1);
    std::string text = "(" + left.text + ")";
    text.append(operation).append("(").append(right.text).append(")");
    return {std::move(text),
            [l = std::move(left.meaning), r = std::move(right.meaning),
             all](const fake_request& q) { return all ? l(q) && r(q) : l(q) || r(q); }};
  }

  static std::string canonical(const fake_request& r) {
    std::string host(r.head.authority);
    if (const auto colon = host.find(':'); colon != std::string::npos) host.resize(colon);
    if (host.ends_with('.')) host.pop_back();
    return ascii::to_lower(host);
  }

  generated matcher() {
    static const std::vector<std::string> names{"a.x", "b.x", "q", "*.x", "*.b.x", "*"};
    static const std::vector<std::string> paths{"/", "/p", "/p/q"};
    switch (pick(5)) {
      case 0:
      case 1: {
        const auto name = names[pick(names.size())];
        return {"Host(`" + name + "`)", [name](const fake_request& r) {
                  const auto host = canonical(r);
                  if (name == "*") return true;
                  if (!name.starts_with("*.")) return host == name;
                  const auto parent = name.substr(1);
                  return host.size() > parent.size() && host.ends_with(parent) &&
                         host.substr(0, host.size() - parent.size()).find('.') == std::string::npos;
                }};
      }
      case 2:
        return {"HostRegexp(`^[ab]\\.x$`)", [](const fake_request& r) {
                  const auto host = canonical(r);
                  return host == "a.x" || host == "b.x";
                }};
      case 3: {
        const auto path = paths[pick(paths.size())];
        return {"PathPrefix(`" + path + "`)",
                [path](const fake_request& r) { return r.head.path.starts_with(path); }};
      }
      default: {
        const auto path = paths[pick(paths.size())];
        return {"Path(`" + path + "`)",
                [path](const fake_request& r) { return r.head.path == path; }};
      }
    }
  }

  std::mt19937 random_;
};

class index_property : public testing::TestWithParam<unsigned> {};

TEST_P(index_property, finds_what_a_linear_scan_finds) {
  generator g(GetParam());
  struct entry {
    route r;
    evaluator meaning;
  };
  std::vector<entry> entries;
  for (int i = 0; i < 25; ++i) {
    auto e = g.expression(3);
    auto priority = g.pick(3) == 0 ? static_cast<std::int64_t>(g.pick(5)) - 2 : 0;
    entries.push_back(
        {made_route("r" + std::to_string(i), e.text, priority), std::move(e.meaning)});
  }
  std::vector<route> routes;
  for (const auto& e : entries) routes.push_back(e.r);
  const auto table = table_of(routes);
  std::stable_sort(entries.begin(), entries.end(), [](const entry& a, const entry& b) {
    return a.r.priority != b.r.priority ? a.r.priority > b.r.priority : a.r.name < b.r.name;
  });
  for (int i = 0; i < 60; ++i) {
    const fake_request request(g.url());
    const auto first = std::find_if(entries.begin(), entries.end(),
                                    [&](const entry& e) { return e.meaning(request); });
    const std::string expected = first != entries.end() ? first->r.name : "";
    ASSERT_EQ(chosen(table, request), expected) << request.head.authority << request.head.path;
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, index_property, testing::Range(0U, 60U));

}  // namespace
}  // namespace stagedoor::http
