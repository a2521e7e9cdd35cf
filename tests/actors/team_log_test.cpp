// SPDX-License-Identifier: Apache-2.0
// The scripts of the log in a real redis-server, and the reading of what they reply.
#include "actors/teams/team_log.hpp"

#include "actors/redis_bridge.hpp"
#include "tests/support/redis_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using messages::redis_type;
using messages::redis_value;
using team_log::indexing;
using team_log::tending;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr milliseconds patience{1000};

class team_log_test : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<test::redis_process>(); }
  static void TearDownTestSuite() { server_.reset(); }
  team_log_test() { redis_({"FLUSHALL"}); }

  redis_value call(const messages::redis_script& s) {
    redis::command words{"EVAL", s.text, std::to_string(s.keys.size())};
    words.insert(words.end(), s.keys.begin(), s.keys.end());
    words.insert(words.end(), s.arguments.begin(), s.arguments.end());
    auto reply = to_message(redis_(words));
    if (!reply) throw std::runtime_error(to_string(reply.error()));
    return *std::move(reply);
  }
  result<std::uint64_t> put(const std::string& slug, const std::string& json = "{}",
                            tending tended = tending::none, std::size_t kept = 100,
                            const messages::owner_proof& proof = {}) {
    return team_log::read_version(call(team_log::put(proof, slug, json, tended, patience, kept)));
  }
  result<std::uint64_t> remove(const std::string& slug, const messages::owner_proof& proof = {}) {
    return team_log::read_version(call(team_log::remove(proof, slug, patience, 100)));
  }
  team_log::page since(std::uint64_t after, std::size_t limit = 100) {
    return team_log::read_page(call(team_log::since(after, limit, patience))).value();
  }
  result<team_log::name_page> names(const std::string& after = "", std::size_t limit = 100) {
    return team_log::read_names(call(team_log::names(after, limit, patience)));
  }
  static std::vector<std::string> slugs(const team_log::page& p) {
    std::vector<std::string> out;
    for (const auto& c : p.changes)
      out.push_back(fmt::format("{} {} {}", c.version, c.slug, c.spec));
    return out;
  }

  static inline std::unique_ptr<test::redis_process> server_;
  test::redis_cli redis_{server_->port()};
};

TEST_F(team_log_test, each_change_has_the_next_number_and_is_told_with_what_is_stored_now) {
  EXPECT_EQ(put("a", "{1}").value(), 1U);
  EXPECT_EQ(put("b", "{2}", tending::wanted).value(), 2U);
  EXPECT_EQ(put("a", "{3}").value(), 3U);
  EXPECT_EQ(remove("b").value(), 4U);
  EXPECT_EQ(redis_({"HGET", "stagedoor:teams", "a"}).text, "{3}");
  const auto all = since(0);
  EXPECT_THAT(slugs(all), ElementsAre("3 a {3}", "4 b ")) << "each team once, at its last change";
  EXPECT_EQ(all.version, 4U);
  EXPECT_EQ(all.teams, 1U);
  EXPECT_EQ(all.tended, 0U);
  EXPECT_THAT(slugs(since(3)), ElementsAre("4 b "));
  EXPECT_THAT(since(4).changes, IsEmpty());
  EXPECT_THAT(slugs(since(0, 1)), ElementsAre("3 a {3}"));
  EXPECT_THAT(since(0, 0).changes, IsEmpty());
}

TEST_F(team_log_test, removing_what_is_not_there_writes_nothing) {
  EXPECT_EQ(remove("a").value(), 0U);
  EXPECT_EQ(put("a").value(), 1U);
  EXPECT_EQ(remove("ghost").value(), 1U);
  EXPECT_EQ(since(0).version, 1U);
}

TEST_F(team_log_test, the_oldest_changes_are_forgotten_and_who_is_behind_is_told) {
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(put(fmt::format("t{}", i), "{}", tending::none, 3));
  EXPECT_EQ(redis_({"ZCARD", "stagedoor:teams:changes"}).integer, 3);
  const auto behind = since(1);
  EXPECT_EQ(behind.floor, 2U);
  EXPECT_THAT(behind.changes, IsEmpty());
  EXPECT_THAT(since(2).changes, SizeIs(3)) << "who has the floor misses nothing";
}

TEST_F(team_log_test, the_epoch_stays_with_the_data_and_goes_with_it) {
  const auto first = since(0).epoch;
  EXPECT_THAT(first, SizeIs(40));
  ASSERT_TRUE(put("a"));
  EXPECT_EQ(since(0).epoch, first);
  redis_({"FLUSHALL"});
  EXPECT_NE(since(0).epoch, first);
}

TEST_F(team_log_test, a_write_with_a_proof_counts_only_while_it_is_the_newest) {
  messages::owner_proof proof{{"flow", "a", 0}, "n1", "r1", 7};
  const std::string key = "stagedoor:owner:flow:a:0";
  EXPECT_EQ(put("a", "{}", tending::none, 100, proof).error().kind, fault_kind::stale)
      << "nobody owns it";
  redis_({"HSET", key, "node", "n1", "run", "r1", "fence", "7"});
  EXPECT_EQ(put("a", "{1}", tending::none, 100, proof).value(), 1U);
  for (const auto& [field, value] : {std::pair{"node", "n2"}, {"run", "r2"}, {"fence", "8"}}) {
    redis_({"HSET", key, "node", "n1", "run", "r1", "fence", "7"});
    redis_({"HSET", key, field, value});
    EXPECT_EQ(put("a", "{2}", tending::none, 100, proof).error().kind, fault_kind::stale) << field;
    EXPECT_EQ(remove("a", proof).error().kind, fault_kind::stale) << field;
  }
  EXPECT_EQ(redis_({"HGET", "stagedoor:teams", "a"}).text, "{1}");
  EXPECT_EQ(since(0).version, 1U);
}

TEST_F(team_log_test, the_tended_are_those_that_were_put_so_last) {
  ASSERT_TRUE(put("a", "{}", tending::wanted));
  ASSERT_TRUE(put("b", "{}", tending::wanted));
  ASSERT_TRUE(put("c"));
  ASSERT_TRUE(put("b"));
  const auto all = since(0);
  EXPECT_EQ(all.tended, 1U);
  for (const auto& c : all.changes)
    EXPECT_EQ(c.tended, c.slug == "a" ? tending::wanted : tending::none) << c.slug;
  ASSERT_TRUE(remove("a"));
  EXPECT_EQ(since(0).tended, 0U);
}

TEST_F(team_log_test, lists_names_sorted_in_pages) {
  for (const char* slug : {"c", "a", "b", "a-1"}) ASSERT_TRUE(put(slug));
  auto page = names("", 2);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->slugs, ElementsAre("a", "a-1"));
  EXPECT_EQ(page->total, 4U);
  EXPECT_THAT(names("a-1")->slugs, ElementsAre("b", "c"));
  ASSERT_TRUE(remove("b"));
  EXPECT_THAT(names("a-1")->slugs, ElementsAre("c"));
}

TEST_F(team_log_test, a_hash_of_an_older_version_is_indexed_step_by_step) {
  for (int i = 0; i < 1000; ++i)
    redis_({"HSET", "stagedoor:teams", fmt::format("t{:03}", i),
            i % 100 == 0   ? R"({"health":{"interval_ms":500}})"
            : i % 100 == 1 ? "not JSON"
                           : R"({"web":["http://a"]})"});
  EXPECT_EQ(since(0).index, indexing::none);
  EXPECT_EQ(names().error().kind, fault_kind::overloaded) << "not half a list";
  std::size_t steps = 0;
  std::string cursor = "0";
  do {
    cursor = call(team_log::build_index(cursor, 100, indexing::some, patience)).text;
    ASSERT_LT(++steps, 100U);
  } while (cursor != "0");
  EXPECT_GT(steps, 3U);
  const auto head = since(0);
  EXPECT_EQ(head.index, indexing::some);
  EXPECT_EQ(head.tended, 10U);
  EXPECT_THAT(names("t997")->slugs, ElementsAre("t998", "t999"));
  cursor = "0";
  do cursor = call(team_log::build_index(cursor, 500, indexing::all, patience)).text;
  while (cursor != "0");
  EXPECT_EQ(since(0).tended, 1000U);
  EXPECT_EQ(since(0).index, indexing::all);
}

TEST_F(team_log_test, an_empty_store_needs_no_indexing) {
  ASSERT_TRUE(put("a"));
  EXPECT_EQ(since(0).index, indexing::some);
  EXPECT_THAT(names()->slugs, ElementsAre("a"));
}

// -- replies of another shape ---------------------------------------------------------------------

redis_value text(std::string t) {
  redis_value v;
  v.type = redis_type::text;
  v.text = std::move(t);
  return v;
}
redis_value listed(std::vector<std::string> words) {
  redis_value v;
  v.type = redis_type::list;
  for (auto& w : words) v.items.push_back(text(std::move(w)));
  return v;
}

TEST(team_log_replies, what_has_another_shape_is_refused) {
  const std::vector<std::string> good{"e", "3", "0", "1", "0", "all", "3", "a", "{}", "1"};
  ASSERT_TRUE(team_log::read_page(listed(good)));
  EXPECT_FALSE(team_log::read_page(redis_value{}));
  EXPECT_FALSE(team_log::read_page(text("OK")));
  for (std::size_t length = 0; length < good.size(); ++length) {
    if (length == 6) continue;  // a page without changes
    EXPECT_FALSE(
        team_log::read_page(listed({good.begin(), good.begin() + static_cast<long>(length)})))
        << length;
  }
  for (const std::size_t i : {0U, 1U, 2U, 3U, 4U, 6U, 7U, 9U}) {
    auto bad = good;
    bad[i] = i == 0 || i == 7 ? "" : "-1";
    EXPECT_FALSE(team_log::read_page(listed(bad))) << i;
  }
  EXPECT_FALSE(team_log::read_version(text("3")));
  EXPECT_FALSE(team_log::read_names(redis_value{}));
  EXPECT_FALSE(team_log::read_names(listed({"3"})));
}

}  // namespace
}  // namespace stagedoor::actors
