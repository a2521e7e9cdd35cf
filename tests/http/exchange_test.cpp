// SPDX-License-Identifier: Apache-2.0
// One exchange after another through an edge: what goes on, what comes back, what is kept open.
#include "tests/http/edge_fixture.hpp"

namespace stagedoor::http {
namespace {

class exchange_test : public edge_fixture {};

constexpr std::string_view get = "GET /x?q=1 HTTP/1.1\r\nHost: team.example\r\nX-A: b\r\n\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(exchange_test, forwards_the_head_as_it_came_with_what_is_known_of_the_client) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  const auto head = expect(upstream, "\r\n\r\n");
  EXPECT_TRUE(head.starts_with("GET /x?q=1 HTTP/1.1\r\nHost: team.example\r\nX-A: b\r\n")) << head;
  for (const auto* line : {"X-Forwarded-For: 192.0.2.7\r\n", "X-Forwarded-Proto: http\r\n",
                           "X-Forwarded-Host: team.example\r\n", "X-Forwarded-Port: 80\r\n",
                           "X-Forwarded-Server: edge\r\n", "X-Real-Ip: 192.0.2.7\r\n"})
    EXPECT_NE(head.find(line), std::string::npos) << line << head;
  upstream.send(
      "HTTP/1.1 201 Created\r\nX-B: c\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc");
  EXPECT_EQ(expect(client, "abc"),
            "HTTP/1.1 201 Created\r\nX-B: c\r\nContent-Length: 3\r\n\r\nabc");
}

TEST_F(exchange_test, keeps_both_connections_open) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  for (int i = 0; i < 50; ++i) {
    (void)expect(upstream, "\r\n\r\n");
    upstream.send(ok);
    (void)expect(client, "ok");
    client.send(get);
  }
  (void)expect(upstream, "\r\n\r\n");
  EXPECT_TRUE(nothing_to_accept());
  EXPECT_EQ(counters().connections, 1U);
  EXPECT_EQ(counters().requests, 51U);
  EXPECT_EQ(counters().by_class[2], 50U);
}

TEST_F(exchange_test, answers_pipelined_requests_in_order_one_at_a_time) {
  make_edge();
  auto client = connect();
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(many);
  auto upstream = accept();
  std::string answers;
  for (int i = 0; i < 100; ++i) {
    const auto head = expect(upstream, "\r\n\r\n");
    EXPECT_TRUE(head.starts_with("GET /" + std::to_string(i) + " ")) << head;
    EXPECT_EQ(head.find("GET /" + std::to_string(i + 1) + " "), std::string::npos);
    const auto body = std::to_string(i) + ";";
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                  body);
    answers += expect(client, body);
  }
  EXPECT_LT(answers.find("98;"), answers.find("99;"));
}

TEST_F(exchange_test, removes_what_ends_at_a_hop) {
  make_edge();
  auto client = connect();
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: "
      "5\r\n"
      "TE: trailers\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\nUpgrade: foo\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  auto upstream = accept();
  const auto head = expect(upstream, "0\r\n\r\n");
  for (const auto* name :
       {"\r\nConnection:", "X-Private", "Keep-Alive", "TE:", "Proxy-", "Upgrade"})
    EXPECT_EQ(head.find(name), std::string::npos) << name;
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  upstream.send(
      "HTTP/1.1 200 OK\r\nConnection: X-B\r\nX-B: 1\r\nKeep-Alive: 5\r\nContent-Length: "
      "2\r\n\r\nok");
  const auto answer = expect(client, "ok");
  EXPECT_EQ(answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  EXPECT_TRUE(closes(client));
}

TEST_F(exchange_test, a_kept_connection_that_was_closed_is_replaced_without_anyone_noticing) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send(ok);
  (void)expect(client, "ok");
  // The request and the server's FIN cross on the way.
  client.send(get);
  upstream.close();
  auto second = accept();
  (void)expect(second, "\r\n\r\n");
  second.send(ok);
  (void)expect(client, "ok");
}

TEST_F(exchange_test, retries_a_kept_connection_once_and_only_what_may_be_sent_twice) {
  for (const std::string_view method : {"GET", "POST"}) {
    make_edge();
    auto client = connect();
    client.send(get);
    auto upstream = accept();
    (void)expect(upstream, "\r\n\r\n");
    upstream.send(ok);
    (void)expect(client, "ok");
    client.send(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    (void)expect(upstream, "\r\n\r\n");  // it has the request now, and dies of it
    upstream.close();
    if (method == "GET") {
      auto second = accept();
      (void)expect(second, "\r\n\r\n");
      second.close();
    }
    EXPECT_TRUE(expect(client, "Bad Gateway").starts_with("HTTP/1.1 502 "));
    EXPECT_EQ(counters().retries, method == "GET" ? 1U : 0U);
    EXPECT_TRUE(nothing_to_accept());
    edge_.reset();
  }
}

TEST_F(exchange_test, answers_what_no_server_can) {
  make_edge();
  auto client = connect();
  auto none = simple_route();
  none.target = std::make_shared<service>();
  serve(none);
  client.send(get);
  auto answer = expect(client, "no available server\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Length: 20\r\n"), std::string::npos);

  serve(simple_route("Path(`/other`)"));
  client.send(get);
  answer = expect(client, "404 page not found\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 Not Found\r\n")) << answer;

  serve(simple_route());
  listener_.reset();  // nobody listens any more
  client.send(get);
  answer = expect(client, "Bad Gateway");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n")) << answer;
  EXPECT_EQ(counters().by_class[5], 2U);
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  answer = expect(client, "\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 11\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(exchange_test, a_malformed_request_is_answered_and_ends_the_connection) {
  make_edge();
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = expect(client, "Bad Request");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(closes(client));
  EXPECT_TRUE(nothing_to_accept());
  EXPECT_EQ(counters().malformed, 1U);
}

TEST_F(exchange_test, a_malformed_response_is_a_bad_gateway) {
  for (const std::string_view bad :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"}) {
    make_edge();
    auto client = connect();
    client.send(get);
    auto upstream = accept();
    (void)expect(upstream, "\r\n\r\n");
    upstream.send(bad);
    EXPECT_TRUE(expect(client, "Bad Gateway").starts_with("HTTP/1.1 502 "));
    EXPECT_TRUE(closes(upstream));
    edge_.reset();
  }
}

TEST_F(exchange_test, interim_responses_are_passed_on) {
  make_edge();
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  auto upstream = accept();
  EXPECT_NE(expect(upstream, "\r\n\r\n").find("Expect: 100-continue\r\n"), std::string::npos);
  upstream.send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(expect(client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(expect(upstream, "body"), "body");
  upstream.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  upstream.send(ok);
  EXPECT_EQ(expect(client, "ok"), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + std::string(ok));
}

TEST_F(exchange_test, an_early_answer_ends_a_connection_whose_request_is_not_read) {
  make_edge();
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
  auto upstream = accept();
  (void)expect(upstream, "part");
  upstream.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  const auto answer = expect(client, "no");
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(closes(upstream)) << "half a request is in it: nobody may use it again";
  EXPECT_TRUE(closes(client));
}

TEST_F(exchange_test, the_upstream_is_dropped_when_the_client_goes) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  client.close();
  EXPECT_TRUE(closes(upstream));
  EXPECT_EQ(counters().client_gone, 1U);
  EXPECT_EQ(counters().open_connections, 0U);
}

TEST_F(exchange_test, a_client_that_closed_its_side_with_the_request_gets_its_answer) {
  make_edge();
  auto client = connect();
  client.send(get);
  client.finish();
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send(ok);
  EXPECT_EQ(expect(client, "ok").substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_TRUE(closes(client));
}

TEST_F(exchange_test, a_response_that_is_cut_off_is_never_passed_off_as_whole) {
  for (const std::string_view head : {"Content-Length: 17\r\n", "Transfer-Encoding: chunked\r\n"}) {
    make_edge();
    auto client = connect();
    client.send(get);
    auto upstream = accept();
    (void)expect(upstream, "\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\n" + std::string(head) + "\r\n5\r\nab");
    const auto part = expect(client, "ab");
    upstream.close();
    EXPECT_TRUE(closes(client));
    EXPECT_EQ(part.find("0\r\n\r\n"), std::string::npos);
    edge_.reset();
  }
}

TEST_F(exchange_test, a_site_lives_as_long_as_a_request_uses_it) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  table_.erase("");
  edge_->apply(table_.freeze());
  EXPECT_EQ(edge_->states().size(), 1U);
  upstream.send(ok);
  (void)expect(client, "ok");
  EXPECT_EQ(edge_->states().size(), 0U);
  client.send(get);
  (void)expect(client, "404 page not found\n");
}

TEST_F(exchange_test, draining_finishes_what_is_open_and_closes_the_rest) {
  make_edge();
  auto idle = connect();
  auto busy = connect();
  busy.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  bool drained = false;
  edge_->drain([&] { drained = true; });
  EXPECT_TRUE(closes(idle));
  EXPECT_FALSE(drained);
  upstream.send(ok);
  EXPECT_NE(expect(busy, "ok").find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(closes(busy));
  EXPECT_TRUE(drained);
}

TEST_F(exchange_test, a_kept_connection_may_ask_once_more_when_the_node_is_replaced) {
  edge_options options;
  options.grace = milliseconds(20);
  make_edge(options);
  auto kept = connect();
  auto silent = connect();
  auto busy = connect();
  busy.send(get);
  auto slow = accept();
  (void)expect(slow, "\r\n\r\n");
  bool drained = false;
  edge_->hand_over(seconds(10), [&] { drained = true; });
  kept.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send(ok);
  EXPECT_NE(expect(kept, "ok").find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(closes(kept));
  EXPECT_TRUE(closes(silent)) << "after the grace";
  EXPECT_FALSE(drained);
  slow.send(ok);
  (void)expect(busy, "ok");
  EXPECT_TRUE(closes(busy));
  EXPECT_TRUE(drained);
}

TEST_F(exchange_test, patience_with_open_exchanges_has_an_end) {
  edge_options options;
  options.grace = milliseconds(1);
  make_edge(options);
  auto busy = connect();
  busy.send(get);
  auto slow = accept();
  (void)expect(slow, "\r\n\r\n");
  bool drained = false;
  edge_->hand_over(milliseconds(20), [&] { drained = true; });
  EXPECT_TRUE(closes(busy));
  EXPECT_TRUE(drained);
}

TEST_F(exchange_test, sockets_that_are_given_are_used_all_of_them_and_go_on_elsewhere) {
  auto first = net::listen_tcp(net::address::parse("127.0.0.1:0").value()).value();
  const auto at = net::local_address(first.get()).value();
  auto second = net::listen_tcp(at).value();
  std::vector<net::open_socket> given;
  net::add_copy(given, net::socket_kind::tcp, first.get());
  net::add_copy(given, net::socket_kind::tcp, second.get());
  entry_point web;
  web.address = at;
  edge_ = std::make_unique<edge>(loop_, edge_options{}, std::vector<entry_point>{web});
  serve(simple_route());
  ASSERT_TRUE(edge_->start(given));
  EXPECT_TRUE(given.empty());
  EXPECT_EQ(edge_->addresses().size(), 2U);
  std::vector<unique_fd> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(net::connect_tcp(at).value());
  turn(10);
  EXPECT_EQ(counters().connections, 20U) << "whichever queue they were in";
  edge_->hand_over(seconds(1), [] {});
  clients.push_back(net::connect_tcp(at).value());
  turn(10);  // its event must reach nobody here
  EXPECT_EQ(counters().connections, 20U);
  const unique_fd one(::accept4(first.get(), nullptr, nullptr, SOCK_NONBLOCK));
  const unique_fd other(::accept4(second.get(), nullptr, nullptr, SOCK_NONBLOCK));
  EXPECT_TRUE(one || other) << "the socket is open, for another process";
}

TEST_F(exchange_test, connections_beyond_the_limit_are_closed) {
  make_edge({.connections = 1});
  auto first = connect();
  auto second = connect();
  EXPECT_TRUE(closes(second));
  EXPECT_EQ(counters().refused, 1U);
  first.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
}

TEST_F(exchange_test, what_the_proxy_answers_itself_comes_before_any_site) {
  make_edge();
  edge_->set_internal_answer([](exchange& x) {
    if (x.request.head->path != "/ping") return false;
    x.answer.status = 200;
    x.answer.body = "OK";
    return true;
  });
  auto client = connect();
  client.send("GET /ping HTTP/1.1\r\nHost: nobody\r\n\r\n");
  EXPECT_TRUE(expect(client, "OK").starts_with("HTTP/1.1 200 OK\r\n"));
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
}

}  // namespace
}  // namespace stagedoor::http
