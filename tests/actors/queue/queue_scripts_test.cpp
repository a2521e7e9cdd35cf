// SPDX-License-Identifier: Apache-2.0
// Each script by itself, on a real redis-server.
#include "actors/queue/queue_scripts.hpp"

#include "actors/queue/queue_names.hpp"
#include "actors/queue/task.hpp"
#include "cluster/membership/lease_scripts.hpp"
#include "runtime/base/ascii.hpp"
#include "tests/support/redis_fixture.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>

namespace stagedoor::actors {
namespace {

using nlohmann::json;
using words = std::vector<std::string>;

constexpr const char* queue = "queue:x";
constexpr const char* proc = "{queue:x}:proc:n:1";

class queue_scripts_test : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<test::redis_process>(); }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { cli_({"FLUSHALL"}); }

  redis::reply eval(const redis::script& s, const words& keys, const words& args) {
    redis::command all{"EVAL", s.body(), std::to_string(keys.size())};
    all.insert(all.end(), keys.begin(), keys.end());
    all.insert(all.end(), args.begin(), args.end());
    auto r = cli_(all);
    EXPECT_FALSE(r.is_error()) << s.name() << ": " << r.text;
    return r;
  }
  words texts(const redis::command& c) {
    words out;
    for (const auto& item : cli_(c).items) out.push_back(item.text);
    return out;
  }
  std::string field(const std::string& id, const std::string& name) {
    return cli_({"HGET", "task:" + id, name}).text;
  }
  redis::reply begin(const std::string& raw, const std::string& token,
                     const std::string& id = "a") {
    return eval(
        queue_scripts::begin(), {proc, "task:" + id, "{queue:x}:delivery:d"},
        {raw, token, "2", id, "team.provision", "86400", "tasks:u", "team:status", "team-a"});
  }
  redis::reply finish(const std::string& raw, const std::string& status, const std::string& result,
                      const std::string& error) {
    return eval(queue_scripts::finish(), {proc, "task:a", "{queue:x}:delivery:d", "stats"},
                {raw, status, "Done", result, error, "86400", "tasks:u", "team:status", "",
                 "queue:x:" + status});
  }

  static inline std::unique_ptr<test::redis_process> server_;
  test::redis_cli cli_{server_->port()};
};

TEST_F(queue_scripts_test, take_prefers_the_asked_queue_and_falls_back_to_the_others) {
  cli_({"LPUSH", "h", "h1", "h2"});
  cli_({"LPUSH", "n", "n1", "n2"});
  const auto r = eval(queue_scripts::take(), {"h", "ph", "n", "pn"}, {"0", "1", "0", "0", "0"});
  words got;
  for (const auto& item : r.items)
    got.push_back(item.is_integer() ? std::to_string(item.integer) : item.text);
  EXPECT_EQ(got, (words{"0", "h1", "1", "n1", "0", "h2", "1", "n2"}));
  EXPECT_EQ(texts({"LRANGE", "ph", "0", "-1"}), (words{"h2", "h1"}));
  EXPECT_TRUE(eval(queue_scripts::take(), {"h", "ph", "n", "pn"}, {"0"}).items.empty());
}

TEST_F(queue_scripts_test, take_passes_over_a_key_of_another_type) {
  cli_({"SET", "h", "no list"});
  cli_({"LPUSH", "n", "n1"});
  const auto r = eval(queue_scripts::take(), {"h", "ph", "n", "pn"}, {"0"});
  ASSERT_EQ(r.items.size(), 2U);
  EXPECT_EQ(r.items[1].text, "n1");
}

TEST_F(queue_scripts_test, begin_counts_a_delivery_once_for_each_token) {
  cli_({"LPUSH", proc, "raw"});
  EXPECT_EQ(begin("raw", "t1").at(1).integer, 1);
  EXPECT_EQ(begin("raw", "t1").at(1).integer, 1) << "asked again because the answer was lost";
  EXPECT_EQ(begin("raw", "t2").at(1).integer, 2);
  const auto spent = begin("raw", "t3");
  EXPECT_EQ(spent.at(0).text, "spent");
  EXPECT_EQ(spent.at(1).integer, 2);
  EXPECT_EQ(begin("other", "t4").at(0).text, "lost");
}

TEST_F(queue_scripts_test, the_task_hash_has_the_platforms_fields_with_a_day_to_live) {
  cli_({"LPUSH", proc, "raw"});
  begin("raw", "t");
  eval(queue_scripts::progress(), {proc, "task:a"},
       {"raw", "3", "10", "Creating containers", "30", "86400", "tasks:u", "team:status", ""});
  EXPECT_EQ(field("a", "id"), "a");
  EXPECT_EQ(field("a", "type"), "team.provision");
  EXPECT_EQ(field("a", "status"), "processing");
  EXPECT_EQ(field("a", "step"), "3");
  EXPECT_EQ(field("a", "total_steps"), "10");
  EXPECT_EQ(field("a", "message"), "Creating containers");
  EXPECT_EQ(field("a", "percentage"), "30");
  const std::regex iso(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  EXPECT_TRUE(std::regex_match(field("a", "created_at"), iso)) << field("a", "created_at");
  EXPECT_TRUE(std::regex_match(field("a", "updated_at"), iso));
  const auto ttl = cli_({"TTL", "task:a"}).integer;
  EXPECT_GT(ttl, 86'390);
  EXPECT_LE(ttl, 86'400);
}

TEST_F(queue_scripts_test, times_are_the_date_that_the_calendar_says) {
  const auto as_date = [&](const std::string& seconds) {
    auto body = queue_scripts::begin().body();
    body = body.substr(0, body.find("if not redis.call('LPOS'")) +
           "return iso(tonumber(ARGV[1]) * 1000 + 7)";
    return cli_({"EVAL", body, "0", seconds}).text;
  };
  EXPECT_EQ(as_date("0"), "1970-01-01T00:00:00.007Z");
  EXPECT_EQ(as_date("951827696"), "2000-02-29T12:34:56.007Z");
  EXPECT_EQ(as_date("1709251199"), "2024-02-29T23:59:59.007Z");
  EXPECT_EQ(as_date("1767225599"), "2025-12-31T23:59:59.007Z");
  EXPECT_EQ(as_date("4102444800"), "2100-01-01T00:00:00.007Z");
}

TEST_F(queue_scripts_test, subscribers_see_what_the_hash_says) {
  test::redis_cli subscriber(server_->port());
  subscriber({"SUBSCRIBE", "tasks:u"});
  subscriber.send({"SUBSCRIBE", "team:status"});
  subscriber.receive();
  cli_({"LPUSH", proc, "raw"});
  begin("raw", "t");
  const auto user = subscriber.receive();
  const auto team = subscriber.receive();
  EXPECT_EQ(user.at(1).text, "tasks:u");
  EXPECT_EQ(team.at(1).text, "team:status");
  EXPECT_EQ(user.at(2).text, team.at(2).text);
  const auto started = json::parse(user.at(2).text);
  EXPECT_EQ(started["id"], "a");
  EXPECT_EQ(started["slug"], "team-a");
  EXPECT_EQ(started["percentage"], 0);
  finish("raw", "completed", R"({"list":[],"map":{}})", "");
  const auto done = json::parse(subscriber.receive().at(2).text);
  EXPECT_EQ(done["status"], "completed");
  EXPECT_EQ(done["percentage"], 100);
  EXPECT_EQ(done["result"], json::parse(R"({"list":[],"map":{}})")) << "empty lists stay lists";
  EXPECT_EQ(done["updated_at"], field("a", "updated_at"));
}

TEST_F(queue_scripts_test, finish_settles_once_and_a_second_end_is_lost) {
  cli_({"LPUSH", proc, "raw"});
  begin("raw", "t");
  EXPECT_EQ(finish("raw", "completed", "", "").at(0).text, "kept");
  EXPECT_EQ(finish("raw", "failed", "", "late").at(0).text, "lost");
  EXPECT_EQ(field("a", "status"), "completed") << "the fence held";
  EXPECT_EQ(cli_({"EXISTS", "{queue:x}:delivery:d"}).integer, 0);
  EXPECT_EQ(cli_({"HGET", "stats", "queue:x:completed"}).text, "1");
  EXPECT_TRUE(cli_({"HGET", "stats", "queue:x:failed"}).is_nil());
}

TEST_F(queue_scripts_test, progress_of_a_lost_task_changes_nothing) {
  EXPECT_EQ(eval(queue_scripts::progress(), {proc, "task:a"},
                 {"raw", "1", "2", "m", "50", "86400", "tasks:u", "", ""})
                .at(0)
                .text,
            "lost");
  EXPECT_EQ(cli_({"EXISTS", "task:a"}).integer, 0);
}

TEST_F(queue_scripts_test, a_task_that_ended_is_answered_from_its_hash) {
  cli_({"LPUSH", proc, "raw"});
  begin("raw", "t");
  finish("raw", "completed", "", "");
  cli_({"LPUSH", proc, "raw"});
  const auto again = begin("raw", "t2");
  EXPECT_EQ(again.at(0).text, "duplicate");
  EXPECT_EQ(again.at(1).text, "completed");
  EXPECT_EQ(cli_({"LLEN", proc}).integer, 0);
}

TEST_F(queue_scripts_test, a_dead_letter_is_json_capped_and_counted) {
  for (int i = 0; i < 5; ++i) {
    const auto raw = "bad" + std::to_string(i);
    cli_({"LPUSH", proc, raw});
    eval(queue_scripts::bury(), {proc, "queue:x:dead", "d", "stats", ""},
         {raw, dead_letter_prefix(raw, "no \"id\"", queue), "3", "no", "86400", "", "", "",
          "queue:x:dead"});
  }
  const auto letters = texts({"LRANGE", "queue:x:dead", "0", "-1"});
  ASSERT_EQ(letters.size(), 3U);
  const auto newest = json::parse(letters.front());
  EXPECT_EQ(newest["raw"], "bad4");
  EXPECT_EQ(newest["reason"], "no \"id\"");
  EXPECT_EQ(newest["queue"], queue);
  EXPECT_TRUE(newest.contains("at"));
  EXPECT_EQ(cli_({"LLEN", proc}).integer, 0);
  EXPECT_EQ(cli_({"HGET", "stats", "queue:x:dead"}).text, "5");
}

TEST_F(queue_scripts_test, put_off_tasks_come_back_when_due_and_are_next) {
  for (const std::string raw : {"now", "later"}) cli_({"LPUSH", proc, raw});
  const auto put_off = [&](const std::string& raw, const std::string& due) {
    return eval(queue_scripts::put_off(), {proc, "{queue:x}:retry", "task:" + raw},
                {raw, due, "retrying", "down", "86400", "", "", ""});
  };
  EXPECT_EQ(put_off("now", "1000").at(0).text, "kept");
  EXPECT_EQ(put_off("later", "+60000").at(0).text, "kept");
  EXPECT_EQ(put_off("later", "+60000").at(0).text, "lost");
  EXPECT_EQ(field("later", "status"), "retrying");
  EXPECT_GT(cli_({"TTL", "task:later"}).integer, 86'400) << "kept until after it ran";
  cli_({"LPUSH", queue, "waiting"});
  const auto r =
      eval(queue_scripts::promote(), {"owner", "{queue:x}:retry", queue}, {"", "", "0", "100"});
  EXPECT_EQ(r.at(0).integer, 1);
  EXPECT_GT(r.at(1).integer, 50'000);
  EXPECT_LE(r.at(1).integer, 60'000);
  EXPECT_EQ(cli_({"RPOP", queue}).text, "now");
}

TEST_F(queue_scripts_test, what_is_given_back_is_next_and_costs_no_delivery) {
  cli_({"LPUSH", queue, "waiting"});
  cli_({"LPUSH", proc, "raw"});
  begin("raw", "t");
  EXPECT_EQ(
      eval(queue_scripts::give_back(), {proc, queue, "{queue:x}:delivery:d"}, {"raw", "begun"})
          .at(0)
          .text,
      "kept");
  EXPECT_EQ(cli_({"HGET", "{queue:x}:delivery:d", "count"}).text, "0");
  EXPECT_EQ(cli_({"RPOP", queue}).text, "raw");
}

TEST_F(queue_scripts_test, only_the_dead_are_recovered_in_the_order_they_had) {
  cli_({"LPUSH", queue, "waiting"});
  cli_({"LPUSH", proc, "first", "second"});
  eval(queue_scripts::stay_alive(), {"live", "registry"}, {"60000", proc});
  const words keys{"owner", "live", proc, queue, "registry"};
  EXPECT_EQ(eval(queue_scripts::recover(), keys, {"", "", "0", "10", ""}).integer, -1);
  EXPECT_EQ(texts({"SMEMBERS", "registry"}), words{proc});
  EXPECT_EQ(eval(queue_scripts::declare_dead(), {"owner", "live"}, {"", "", "0"}).integer, 1);
  EXPECT_EQ(eval(queue_scripts::recover(), keys, {"", "", "0", "10", ""}).integer, 2);
  EXPECT_EQ(texts({"LRANGE", queue, "0", "-1"}), (words{"waiting", "second", "first"}));
}

TEST_F(queue_scripts_test, a_list_is_forgotten_only_when_it_was_found_empty) {
  cli_({"LPUSH", proc, "late"});
  cli_({"SADD", "registry", proc});
  const words keys{"owner", "live", proc, queue, "registry"};
  EXPECT_EQ(eval(queue_scripts::recover(), keys, {"", "", "0", "10", "forget"}).integer, 1);
  EXPECT_EQ(texts({"SMEMBERS", "registry"}), words{proc});
  EXPECT_EQ(eval(queue_scripts::recover(), keys, {"", "", "0", "10", ""}).integer, 0);
  EXPECT_EQ(texts({"SMEMBERS", "registry"}), words{proc});
  EXPECT_EQ(eval(queue_scripts::recover(), keys, {"", "", "0", "10", "forget"}).integer, 0);
  EXPECT_TRUE(texts({"SMEMBERS", "registry"}).empty());
}

TEST_F(queue_scripts_test, a_janitor_without_the_newest_proof_writes_nothing) {
  cli_({"HSET", "owner", "node", "n", "run", "r", "fence", "1048577"});
  cli_({"LPUSH", proc, "held"});
  cli_({"SADD", "registry", proc});
  cli_({"ZADD", "{queue:x}:retry", "1", "due"});
  const words recover{"owner", "live", proc, queue, "registry"};
  const words promote{"owner", "{queue:x}:retry", queue};
  const words proofs[] = {{"n", "r", "1048576"}, {"n", "other", "1048577"}, {"m", "r", "1048577"}};
  cli_({"SET", "live", "1"});
  for (const auto& p : proofs) {
    EXPECT_EQ(eval(queue_scripts::declare_dead(), {"owner", "live"}, p).text, "stale");
    cli_({"RENAME", "live", "was_live"});
    EXPECT_EQ(eval(queue_scripts::recover(), recover, {p[0], p[1], p[2], "10", ""}).text, "stale");
    cli_({"RENAME", "was_live", "live"});
    EXPECT_EQ(eval(queue_scripts::promote(), promote, {p[0], p[1], p[2], "10"}).text, "stale");
  }
  EXPECT_EQ(cli_({"EXISTS", "live", queue}).integer, 1) << "the key is there, the queue is not";
  const words newest{"n", "r", "1048577"};
  EXPECT_EQ(eval(queue_scripts::declare_dead(), {"owner", "live"}, newest).integer, 1);
  EXPECT_EQ(eval(queue_scripts::recover(), recover, {"n", "r", "1048577", "10", ""}).integer, 1);
  EXPECT_EQ(eval(queue_scripts::promote(), promote, {"n", "r", "1048577", "10"}).at(0).integer, 1);
}

TEST_F(queue_scripts_test, the_clusters_own_record_is_what_a_janitor_is_checked_against) {
  const cluster::lease_scripts leases(seconds(4));
  const cluster::node_run me{"node-1", {1, 2}};
  const auto ask = [&](const cluster::lease_request& what) {
    const auto call = leases.call(what);
    return *cluster::lease_scripts::answer(what, eval(*call->script, call->keys, call->arguments));
  };
  ask(cluster::join_cluster{{me, "10.0.0.1:7443", 1, 1, "0.1.0", 100, false}, {}, 1U << 30U});
  cli_({"HSET", "stagedoor:cluster", "paused", "0"});
  const auto claimed = std::get<cluster::acquire_outcome>(
      ask(cluster::acquire_owners{me, 0, {{{"janitor", "queues", 0}, 0, false}}}));
  ASSERT_EQ(claimed.claims.at(0).is, cluster::claim_result::granted);
  const words keys{std::string(queue_names::janitor_owner), "live"};
  const auto fence = claimed.claims[0].number;
  const words proof{"node-1", cluster::to_hex(me.run), std::to_string(fence)};
  EXPECT_EQ(eval(queue_scripts::declare_dead(), keys, proof).integer, 0);
  const words older{"node-1", cluster::to_hex(me.run), std::to_string(fence - 1)};
  EXPECT_EQ(eval(queue_scripts::declare_dead(), keys, older).text, "stale");
}

TEST_F(queue_scripts_test, an_earlier_run_is_recovered_though_its_key_is_there_and_in_pieces) {
  cli_({"LPUSH", proc, "1", "2", "3"});
  EXPECT_EQ(eval(queue_scripts::recover_past(), {proc, queue}, {"2"}).integer, 2);
  EXPECT_EQ(eval(queue_scripts::recover_past(), {proc, queue}, {"2"}).integer, 1);
  EXPECT_EQ(texts({"LRANGE", queue, "0", "-1"}), (words{"3", "2", "1"})) << "1 is taken first";
}

TEST_F(queue_scripts_test, a_task_can_end_when_redis_is_out_of_memory) {
  cli_({"LPUSH", proc, "raw"});
  begin("raw", "t");
  cli_({"CONFIG", "SET", "maxmemory", "1"});
  const auto ended = finish("raw", "completed", "", "");
  cli_({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(ended.at(0).text, "kept");
  EXPECT_EQ(field("a", "status"), "completed");
}

}  // namespace
}  // namespace stagedoor::actors
