// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/connection.hpp"

#include "tests/support/fake_redis.hpp"
#include "tests/support/loop_driver.hpp"

#include <gtest/gtest.h>

namespace stagedoor::redis {
namespace {

using test::fake_redis;
using test::turn_for;
using test::turn_until;

endpoint at(std::uint16_t port, std::string extra = {}) {
  return *endpoint::parse(fmt::format("redis://{}127.0.0.1:{}", extra, port));
}

connection_options quick() {
  connection_options o;
  o.session.backoff_base = milliseconds(2);
  o.session.backoff_cap = milliseconds(20);
  o.session.connect_timeout = milliseconds(200);
  return o;
}

struct outcome {
  int calls = 0;
  result<reply> last = fault{};
  reply_callback callback() {
    return [this](result<reply> r) {
      ++calls;
      last = std::move(r);
    };
  }
  [[nodiscard]] fault_kind kind() const { return last ? fault_kind{} : last.error().kind; }
};

class connection_test : public testing::Test {
 protected:
  loop loop_;
  net::resolver names_{loop_};
  fake_redis server_{loop_};
  [[nodiscard]] mono_time in(int ms) const { return mono_clock::now() + milliseconds(ms); }
};

TEST_F(connection_test, introduces_itself_before_anything_else) {
  auto where = at(server_.port(), "u:p@");
  where.database = 4;
  auto options = quick();
  options.session.name = "me";
  connection c(loop_, names_, where, options);
  outcome got;
  c.start({}, {});
  c.command({"GET", "k"}, in(2000), got.callback());
  ASSERT_TRUE(turn_until(loop_, [&] { return got.calls == 1; }));
  const std::vector<command> expected{{"AUTH", "u", "p"}, {"CLIENT", "SETNAME", "me"},
                                      {"SELECT", "4"},    {"CLIENT", "ID"},
                                      {"PING"},           {"GET", "k"}};
  EXPECT_EQ(server_.seen, expected);
  EXPECT_EQ(c.link().client_id(), 1);
  EXPECT_TRUE(got.last);
  c.stop();
}

TEST_F(connection_test, a_refused_password_is_a_refusal_and_is_tried_again) {
  server_.on_command = [](const command& w) {
    return w.front() == "AUTH" ? "-WRONGPASS invalid\r\n" : "+OK\r\n";
  };
  connection c(loop_, names_, at(server_.port(), ":bad@"), quick());
  std::vector<fault> lost;
  c.start({}, [&](const fault& f) { lost.push_back(f); });
  ASSERT_TRUE(turn_until(loop_, [&] { return lost.size() >= 3; }));
  EXPECT_EQ(lost[0].kind, fault_kind::refused);
  EXPECT_FALSE(c.link().ready());
  c.stop();
}

TEST_F(connection_test, a_loading_server_is_not_ready) {
  server_.answers_greeting = false;
  bool loading = true;
  server_.on_command = [&](const command& w) -> std::string {
    if (w.front() == "PING") return loading ? "-LOADING in memory\r\n" : "+PONG\r\n";
    return "+OK\r\n";
  };
  connection c(loop_, names_, at(server_.port()), quick());
  int losses = 0;
  c.start({}, [&](const fault&) { ++losses; });
  ASSERT_TRUE(turn_until(loop_, [&] { return losses >= 2; }));
  loading = false;
  EXPECT_TRUE(turn_until(loop_, [&] { return c.link().ready(); }));
  c.stop();
}

TEST_F(connection_test, an_error_reply_becomes_a_fault_and_keeps_the_connection) {
  server_.on_command = [](const command&) { return "-WRONGTYPE no list\r\n"; };
  connection c(loop_, names_, at(server_.port()), quick());
  outcome first;
  outcome second;
  c.start({}, {});
  c.command({"LPOP", "k"}, in(2000), first.callback());
  c.command({"LPOP", "k"}, in(2000), second.callback());
  ASSERT_TRUE(turn_until(loop_, [&] { return second.calls == 1; }));
  EXPECT_EQ(first.kind(), fault_kind::invalid);
  EXPECT_EQ(server_.accepted_count, 1U);
  c.stop();
}

TEST_F(connection_test, a_late_reply_ends_the_connection_and_meets_no_other_command) {
  server_.on_command = [](const command& w) -> std::string {
    return w.at(1) == "slow" ? "" : fmt::format("+{}\r\n", w.at(1));
  };
  connection c(loop_, names_, at(server_.port()), quick());
  outcome slow;
  outcome behind;
  outcome after;
  c.start({}, {});
  ASSERT_TRUE(turn_until(loop_, [&] { return c.link().ready(); }));
  c.command({"GET", "slow"}, in(30), slow.callback());
  c.command({"GET", "behind"}, in(5000), behind.callback());
  server_.on_command = [&](const command& w) -> std::string {
    return w.at(1) == "after" ? "+after\r\n" : "";
  };
  ASSERT_TRUE(turn_until(loop_, [&] { return slow.calls == 1; }));
  EXPECT_EQ(slow.kind(), fault_kind::timed_out);
  EXPECT_EQ(behind.kind(), fault_kind::closed);
  EXPECT_TRUE(may_have_run(slow.last.error()));
  EXPECT_TRUE(may_have_run(behind.last.error()));
  c.command({"GET", "after"}, in(2000), after.callback());
  server_.send_to_all("+late\r\n");
  ASSERT_TRUE(turn_until(loop_, [&] { return after.calls == 1; }));
  ASSERT_TRUE(after.last);
  EXPECT_EQ(after.last->text, "after");
  EXPECT_EQ(server_.accepted_count, 2U);
  EXPECT_EQ(c.counters().deadlines, 1U);
  c.stop();
  EXPECT_EQ(slow.calls + behind.calls + after.calls, 3) << "each callback once";
}

TEST_F(connection_test, what_was_never_sent_says_so) {
  const auto port = server_.port();
  server_.shut();
  connection c(loop_, names_, at(port), quick());
  outcome waited;
  outcome patient;
  c.start({}, {});
  c.command({"GET", "a"}, in(40), waited.callback());
  c.command({"GET", "b"}, in(5000), patient.callback());
  ASSERT_TRUE(turn_until(loop_, [&] { return waited.calls == 1; }));
  EXPECT_EQ(waited.kind(), fault_kind::unreachable);
  EXPECT_FALSE(may_have_run(waited.last.error()));
  EXPECT_EQ(patient.calls, 0);
  server_.reopen();
  ASSERT_TRUE(turn_until(loop_, [&] { return patient.calls == 1; }));
  EXPECT_TRUE(patient.last) << "what can still be sent is sent after the reconnect";
  EXPECT_EQ(server_.count("GET"), 1U);
  c.stop();
}

TEST_F(connection_test, refuses_at_once_what_exceeds_its_bounds) {
  server_.on_command = [](const command&) { return ""; };
  auto options = quick();
  options.max_in_flight = 2;
  options.max_queued = 3;
  options.max_queued_bytes = 1000;
  connection c(loop_, names_, at(server_.port()), options);
  c.start({}, {});
  ASSERT_TRUE(turn_until(loop_, [&] { return c.link().ready(); }));
  std::vector<outcome> got(6);
  for (auto& o : got) c.command({"GET", "k"}, in(5000), o.callback());
  EXPECT_EQ(c.in_flight(), 2U);
  EXPECT_EQ(c.queued(), 3U);
  EXPECT_EQ(got[5].kind(), fault_kind::overloaded);
  outcome large;
  c.command({"SET", "k", std::string(2000, 'x')}, in(5000), large.callback());
  EXPECT_EQ(large.kind(), fault_kind::overloaded);
  EXPECT_EQ(c.counters().overloaded, 2U);
  c.stop();
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(got[i].calls, 1);
    EXPECT_EQ(got[i].kind(), fault_kind::closed);
  }
}

TEST_F(connection_test, a_loss_fails_what_is_in_flight_once_and_comes_back) {
  server_.on_command = [](const command&) { return ""; };
  connection c(loop_, names_, at(server_.port()), quick());
  c.start({}, {});
  ASSERT_TRUE(turn_until(loop_, [&] { return c.link().ready(); }));
  std::vector<outcome> got(100);
  for (auto& o : got) c.command({"GET", "k"}, in(5000), o.callback());
  ASSERT_TRUE(turn_until(loop_, [&] { return server_.count("GET") == 100; }));
  server_.cut();
  ASSERT_TRUE(turn_until(loop_, [&] { return got.back().calls == 1; }));
  for (auto& o : got) EXPECT_EQ(o.kind(), fault_kind::closed);
  ASSERT_TRUE(turn_until(loop_, [&] { return c.link().ready(); }));
  EXPECT_EQ(c.link().losses(), 1U);
  EXPECT_EQ(c.link().connects(), 2U);
  c.stop();
  for (auto& o : got) EXPECT_EQ(o.calls, 1);
}

TEST_F(connection_test, a_callback_may_issue_commands_and_stop_the_connection) {
  connection c(loop_, names_, at(server_.port()), quick());
  outcome inner;
  outcome refused;
  c.start({}, {});
  c.command({"GET", "a"}, in(2000), [&](const result<reply>&) {
    c.command({"GET", "b"}, in(2000), [&](const result<reply>& r) {
      inner.callback()(r);
      c.stop();
      c.command({"GET", "c"}, in(2000), refused.callback());
    });
  });
  ASSERT_TRUE(turn_until(loop_, [&] { return refused.calls == 1; }));
  EXPECT_EQ(inner.calls, 1);
  EXPECT_EQ(refused.kind(), fault_kind::closed);
  turn_for(loop_, milliseconds(10));
}

TEST_F(connection_test, bytes_that_are_no_reply_end_the_connection) {
  server_.on_command = [](const command&) { return "HTTP/1.1 200 OK\r\n"; };
  connection c(loop_, names_, at(server_.port()), quick());
  outcome got;
  c.start({}, {});
  c.command({"GET", "a"}, in(2000), got.callback());
  ASSERT_TRUE(turn_until(loop_, [&] { return got.calls == 1; }));
  EXPECT_EQ(got.kind(), fault_kind::closed);
  ASSERT_TRUE(turn_until(loop_, [&] { return c.link().ready(); }));
  server_.send_to_all("+unasked\r\n");
  EXPECT_TRUE(turn_until(loop_, [&] { return c.link().losses() == 2; }));
  c.stop();
}

TEST_F(connection_test, a_server_that_turned_replica_is_left) {
  server_.on_command = [](const command&) { return "-READONLY You can't write\r\n"; };
  connection c(loop_, names_, at(server_.port()), quick());
  outcome got;
  c.start({}, {});
  c.command({"SET", "a", "b"}, in(2000), got.callback());
  ASSERT_TRUE(turn_until(loop_, [&] { return got.calls == 1; }));
  EXPECT_EQ(got.kind(), fault_kind::conflict);
  EXPECT_TRUE(turn_until(loop_, [&] { return server_.accepted_count == 2; }));
  c.stop();
}

TEST_F(connection_test, the_sentinels_name_the_master_and_a_replica_is_not_believed) {
  fake_redis silent(loop_);
  fake_redis sentinel(loop_);
  fake_redis replica(loop_);
  silent.shut();
  auto master_port = replica.port();
  sentinel.on_command = [&](const command& w) {
    EXPECT_EQ(w, (command{"SENTINEL", "get-master-addr-by-name", "m"}));
    const auto port = std::to_string(master_port);
    return fmt::format("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{}\r\n", port.size(), port);
  };
  replica.on_command = [](const command& w) {
    return w.front() == "ROLE" ? "*2\r\n$5\r\nslave\r\n:0\r\n" : "+OK\r\n";
  };
  server_.on_command = [](const command& w) {
    return w.front() == "ROLE" ? "*2\r\n$6\r\nmaster\r\n:0\r\n" : "+OK\r\n";
  };
  const auto where = endpoint::parse(
      fmt::format("redis+sentinel://127.0.0.1:{},127.0.0.1:{}/m", silent.port(), sentinel.port()));
  ASSERT_TRUE(where);
  connection c(loop_, names_, *where, quick());
  outcome got;
  c.start({}, {});
  c.command({"SET", "a", "b"}, in(5000), got.callback());
  ASSERT_TRUE(turn_until(loop_, [&] { return replica.count("ROLE") >= 2; }));
  EXPECT_EQ(got.calls, 0);
  master_port = server_.port();  // the failover is over
  ASSERT_TRUE(turn_until(loop_, [&] { return got.calls == 1; }));
  EXPECT_TRUE(got.last);
  EXPECT_EQ(server_.count("SET"), 1U);
  EXPECT_EQ(replica.count("SET"), 0U);
  c.stop();
}

TEST_F(connection_test, a_server_that_accepts_and_says_nothing_is_given_up) {
  server_.answers_greeting = false;
  server_.on_command = [](const command&) { return ""; };
  auto options = quick();
  options.session.connect_timeout = milliseconds(20);
  connection c(loop_, names_, at(server_.port()), options);
  fault last;
  c.start({}, [&](const fault& f) { last = f; });
  ASSERT_TRUE(turn_until(loop_, [&] { return server_.accepted_count == 3; }));
  EXPECT_EQ(last.kind, fault_kind::unreachable);
  c.stop();
}

TEST_F(connection_test, a_host_name_is_resolved_without_holding_up_the_loop) {
  auto where = at(server_.port());
  where.hosts.front().host = "localhost";
  connection c(loop_, names_, where, quick());
  c.start({}, {});
  EXPECT_TRUE(turn_until(loop_, [&] { return c.link().ready(); }));
  c.stop();
}

}  // namespace
}  // namespace stagedoor::redis
