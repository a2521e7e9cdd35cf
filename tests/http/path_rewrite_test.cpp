// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/path_rewrite.hpp"

#include "tests/http/policy_fixture.hpp"

#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

struct rewritten {
  std::string path;  ///< "400" when it was refused, "-" when nothing changed
  std::string said;  ///< X-Forwarded-Prefix or X-Replaced-Path
};

rewritten run(const char* path, std::vector<middleware_ptr> chain) {
  middleware_state state;
  const fake_request request(std::string("http://a") + path);
  fake_exchange e(request, state, std::move(chain));
  if (e.run() == verdict::respond) return {std::to_string(e.x.answer.status), ""};
  return {e.x.edits.target_changed ? std::string(e.x.edits.path) : "-",
          e.sent_on("X-Forwarded-Prefix") + e.sent_on("X-Replaced-Path")};
}

void expect(const rewritten& got, const char* path, const char* said) {
  EXPECT_EQ(got.path, path);
  EXPECT_EQ(got.said, said);
}

TEST(strip_prefix_middleware, takes_the_first_prefix_that_fits) {
  const auto m =
      std::make_shared<strip_prefix>("s@file", std::vector<std::string>{"/api", "/api/v1", "/a b"});
  expect(run("/api/users", {m}), "/users", "/api");
  expect(run("/api", {m}), "/", "/api");
  expect(run("/api/", {m}), "/", "/api");
  expect(run("/apix", {m}), "/x", "/api");
  expect(run("/api/v1/x", {m}), "/v1/x", "/api");
  expect(run("/other", {m}), "-", "");
  expect(run("/a%20b/c", {m}), "/c", "/a b");
  expect(run("/api%2Fx", {m}), "/%2Fx", "/api");
  expect(run("/api../x", {m}), "400", "");
  expect(run("/api..", {m}), "400", "");
  expect(run("/api.", {m}), "400", "");
  expect(run("/api/x", {m, m}), "/x", "/api");
  expect(run("/api/api/x", {m, m}), "/x", "/api|/api");
}

TEST(strip_prefix_regex_middleware, takes_a_match_at_the_start_only) {
  const std::vector<regexp> patterns{regexp::compile("/team-[a-z]+").value()};
  const auto m = std::make_shared<strip_prefix_regex>("s@file", patterns);
  expect(run("/team-a/x", {m}), "/x", "/team-a");
  expect(run("/x/team-a", {m}), "-", "");
  expect(run("/team-a../x", {m}), "400", "");
}

TEST(add_prefix_middleware, puts_it_in_front) {
  expect(run("/x", {std::make_shared<add_prefix>("p@file", "/foo")}), "/foo/x", "");
  expect(run("/x", {std::make_shared<add_prefix>("p@file", "foo bar")}), "/foo%20bar/x", "");
}

TEST(replace_path_middleware, says_what_it_replaced) {
  expect(run("/x/y", {std::make_shared<replace_path>("p@file", "/z")}), "/z", "/x/y");
  const auto m = std::make_shared<replace_path_regex>(
      "p@file", regexp::compile("^/foo/(.*)").value(), "/bar/$1");
  expect(run("/foo/x%2Fy", {m}), "/bar/x%2Fy", "/foo/x%2Fy");
  expect(run("/x", {m}), "-", "");
}

}  // namespace
}  // namespace stagedoor::http
