// SPDX-License-Identifier: Apache-2.0
// Requests for hosts whose site is not in the table, though it may exist.
#include "tests/http/edge_fixture.hpp"

#include "runtime/http/redirect.hpp"
#include "runtime/snapshot/missing_names.hpp"

#include <vector>

namespace stagedoor::http {
namespace {

using snapshot::activation;

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string get(std::string_view host, std::string_view path = "/") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

class missing_host : public edge_fixture {
 protected:
  void start(bool with_catch_all = false, edge_options options = {}) {
    options.missing_names = &names;
    options.platform_domain = "kanban.test";
    make_edge(options);
    if (!with_catch_all) {
      table_.erase("");
      edge_->apply(table_.freeze());
    }
  }
  void put(const std::string& host) {
    site s;
    s.host = host;
    s.routes.push_back(simple_route("Host(`" + host + "`)"));
    s.use = use;
    table_.put(host, std::move(s));
    edge_->apply(table_.freeze());
  }
  /// Turns until |count| names were asked about in all.
  void wait_for_questions(std::size_t count) {
    for (int i = 0; i < 100 && asked.size() < count; ++i) turn(1);
    ASSERT_EQ(asked.size(), count);
  }
  void answer(std::size_t i, activation outcome) {
    answers.at(i)(outcome);
    turn();
  }

  std::vector<std::string> asked;
  std::vector<std::function<void(activation)>> answers;
  std::shared_ptr<site_use> use = std::make_shared<site_use>(mono_time{});
  snapshot::missing_names names{
      loop_, {}, [this](std::string name, std::function<void(activation)> done) {
        asked.push_back(std::move(name));
        answers.push_back(std::move(done));
      }};
  struct ends_first {  // the edge ends before what it asks
    std::unique_ptr<edge>& e;
    ~ends_first() { e.reset(); }
  } ends_first_{edge_};
};

TEST_F(missing_host, a_request_waits_for_its_site_and_goes_on) {
  start();
  auto client = connect();
  client.send(get("Team-A.Kanban.test.:8080", "/x"));
  wait_for_questions(1);
  EXPECT_EQ(asked[0], "team-a");
  EXPECT_EQ(client.read(), "");
  put("team-a.kanban.test");
  answer(0, activation::active);
  auto upstream = accept();
  EXPECT_TRUE(expect(upstream, "\r\n\r\n").starts_with("GET /x HTTP/1.1\r\n"));
  upstream.send(ok);
  EXPECT_TRUE(expect(client, "ok").starts_with("HTTP/1.1 200 OK"));
  EXPECT_LT(use->idle(loop_.now()), seconds(1)) << "the site knows that it was used";
  client.send(get("team-a.kanban.test"));
  (void)expect(upstream, "\r\n\r\n");
  EXPECT_EQ(asked.size(), 1U) << "it is in the table now";
}

TEST_F(missing_host, an_unknown_host_is_answered_as_ever) {
  start();
  auto client = connect();
  client.send(get("nobody.kanban.test"));
  wait_for_questions(1);
  answer(0, activation::unknown);
  EXPECT_TRUE(expect(client, "404 page not found\n").starts_with("HTTP/1.1 404 "));
  client.send(get("nobody.kanban.test"));
  (void)expect(client, "404 page not found\n");
  EXPECT_EQ(asked.size(), 1U) << "it is remembered";
}

TEST_F(missing_host, a_catch_all_gets_what_is_unknown_and_nothing_before) {
  start(true);
  auto client = connect();
  client.send(get("nobody.kanban.test"));
  wait_for_questions(1);
  EXPECT_TRUE(nothing_to_accept());
  answer(0, activation::unknown);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
}

TEST_F(missing_host, what_could_not_be_found_out_is_no_404) {
  start();
  auto client = connect();
  client.send(get("team-a.kanban.test"));
  wait_for_questions(1);
  answer(0, activation::failed);
  const auto text = expect(client, "try again\n");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 503 ")) << text;
  EXPECT_NE(text.find("\r\nRetry-After: 1\r\n"), std::string::npos) << text;
  put("team-a.kanban.test");
  client.send(get("team-a.kanban.test"));
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
}

TEST_F(missing_host, only_one_label_below_the_domain_is_asked_about) {
  start();
  auto client = connect();
  for (const auto* host :
       {"kanban.test", "a.b.kanban.test", "xkanban.test", ".kanban.test", "a_b.kanban.test",
        "-a.kanban.test", "team-a.kanban.test.org", "192.0.2.1"}) {
    client.send(get(host));
    (void)expect(client, "404 page not found\n");
  }
  EXPECT_TRUE(asked.empty());
}

TEST_F(missing_host, without_a_domain_nothing_is_asked) {
  edge_options options;
  options.missing_names = &names;
  make_edge(options);
  table_.erase("");
  edge_->apply(table_.freeze());
  auto client = connect();
  client.send(get("team-a.kanban.test"));
  (void)expect(client, "404 page not found\n");
  EXPECT_TRUE(asked.empty());
}

TEST_F(missing_host, the_redirection_of_an_entry_point_waits_for_no_site) {
  start();
  auto r = simple_route();
  r.priority = std::numeric_limits<std::int64_t>::max() - 1;
  r.middlewares.push_back(
      std::make_shared<redirect_scheme>("to-https@internal", redirect_scheme_options{}));
  serve(std::move(r));
  auto client = connect();
  client.send(get("team-a.kanban.test"));
  EXPECT_NE(expect(client, "\r\n\r\n").find("Location: https://team-a.kanban.test/\r\n"),
            std::string::npos);
  EXPECT_TRUE(asked.empty());
}

TEST_F(missing_host, a_body_that_comes_meanwhile_is_kept) {
  start();
  for (const bool whole : {true, false}) {
    auto client = connect();
    const std::string body(40'000, 'x');
    client.send("POST /up HTTP/1.1\r\nHost: t.kanban.test\r\nContent-Length: 40000\r\n\r\n" +
                body.substr(0, 100));
    wait_for_questions(whole ? 1 : 2);
    if (whole) client.send(std::string_view(body).substr(100));
    turn();
    EXPECT_TRUE(nothing_to_accept());
    put("t.kanban.test");
    answer(whole ? 0 : 1, activation::active);
    auto upstream = accept();
    if (!whole) client.send(std::string_view(body).substr(100));
    std::string got;
    for (int i = 0; i < 100 && got.size() < 40'000; ++i) {
      turn(1);
      got += upstream.read();
    }
    EXPECT_EQ(got.substr(got.find("\r\n\r\n") + 4), body);
    upstream.send(ok);
    (void)expect(client, "ok");
    table_.erase("t.kanban.test");
    edge_->apply(table_.freeze());
    upstream.close();
    client.close();
    turn();
  }
}

TEST_F(missing_host, pipelined_requests_are_answered_in_order) {
  start();
  put("b.kanban.test");
  auto client = connect();
  client.send(get("a.kanban.test", "/1") + get("b.kanban.test", "/2") + get("c.kanban.test", "/3"));
  wait_for_questions(1);
  EXPECT_TRUE(nothing_to_accept()) << "what follows waits";
  put("a.kanban.test");
  answer(0, activation::active);
  auto upstream = accept();
  EXPECT_TRUE(expect(upstream, "\r\n\r\n").starts_with("GET /1 "));
  upstream.send(ok);
  EXPECT_TRUE(expect(upstream, "\r\n\r\n").starts_with("GET /2 "));
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
  wait_for_questions(2);
  answer(1, activation::unknown);
  const auto all = expect(client, "404 page not found\n");
  EXPECT_LT(all.find("ok"), all.find("two"));
  EXPECT_LT(all.find("two"), all.find("404"));
}

TEST_F(missing_host, a_client_that_goes_away_leaves_nothing_behind) {
  start();
  auto client = connect();
  client.send(get("team-a.kanban.test"));
  wait_for_questions(1);
  client.close();
  turn();
  EXPECT_EQ(counters().open_connections, 0U);
  EXPECT_EQ(counters().client_gone, 1U);
  put("team-a.kanban.test");
  answer(0, activation::active);
  EXPECT_TRUE(nothing_to_accept());
}

TEST_F(missing_host, a_client_that_closed_its_side_after_its_body_gets_its_answer) {
  start();
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: t.kanban.test\r\nContent-Length: 2\r\n\r\n");
  wait_for_questions(1);
  client.send("hi");
  client.finish();
  turn();
  put("t.kanban.test");
  answer(0, activation::active);
  auto upstream = accept();
  EXPECT_TRUE(expect(upstream, "hi").ends_with("\r\n\r\nhi"));
  upstream.send(ok);
  (void)expect(client, "ok");
}

TEST_F(missing_host, an_upgrade_waits_too) {
  start();
  auto client = connect();
  client.send(
      "GET /ws HTTP/1.1\r\nHost: t.kanban.test\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n");
  wait_for_questions(1);
  put("t.kanban.test");
  answer(0, activation::active);
  auto upstream = accept();
  EXPECT_NE(expect(upstream, "\r\n\r\n").find("Upgrade: websocket\r\n"), std::string::npos);
  upstream.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  (void)expect(client, "101");
  client.send("ping");
  (void)expect(upstream, "ping");
}

TEST_F(missing_host, no_other_deadline_ends_a_request_that_waits) {
  start(false, {.read_head = milliseconds(1), .idle = milliseconds(1), .stall = milliseconds(1)});
  auto client = connect();
  client.send(get("team-a.kanban.test"));
  wait_for_questions(1);
  for (int i = 0; i < 5; ++i) loop_.turn(milliseconds(5));
  EXPECT_EQ(counters().open_connections, 1U);
  EXPECT_EQ(client.read(), "");
  answer(0, activation::unknown);
  (void)expect(client, "404 page not found\n");
}

TEST_F(missing_host, stopping_ends_those_who_wait) {
  start();
  auto client = connect();
  client.send(get("team-a.kanban.test"));
  wait_for_questions(1);
  edge_->stop();
  EXPECT_TRUE(closes(client));
  answer(0, activation::active);
}

TEST_F(missing_host, draining_lets_those_who_wait_finish) {
  start();
  auto client = connect();
  client.send(get("team-a.kanban.test"));
  wait_for_questions(1);
  bool drained = false;
  edge_->drain([&] { drained = true; });
  EXPECT_FALSE(drained);
  put("team-a.kanban.test");
  answer(0, activation::active);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send(ok);
  EXPECT_NE(expect(client, "ok").find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(closes(client));
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace stagedoor::http
