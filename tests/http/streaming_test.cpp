// SPDX-License-Identifier: Apache-2.0
// Bodies of any size and framing, in both directions, in bounded memory; upgrades; deadlines.
#include "tests/http/edge_fixture.hpp"

#include <algorithm>
#include <malloc.h>

namespace stagedoor::http {
namespace {

class streaming_test : public edge_fixture {
 protected:
  // Sends |total| bytes in at one end and counts what comes out at the other. The head is through.
  void stream(peer& from, peer& to, std::size_t total) {
    const std::string block(256U << 10U, 'x');
    std::size_t sent = 0;
    std::size_t got = 0;
    const auto before = ::mallinfo2().uordblks;
    std::size_t most = 0;
    for (int idle = 0; got < total && idle < 1000;) {
      const auto put =
          sent < total ? from.send_some(std::string_view(block).substr(0, total - sent)) : 0;
      sent += put;
      turn(1);
      const auto part = to.read().size();
      got += part;
      idle = put + part == 0 ? idle + 1 : 0;
      most = std::max(most, ::mallinfo2().uordblks);
    }
    EXPECT_EQ(got, total);
    EXPECT_LT(most - std::min(most, before), 1U << 20U) << "a body must not pile up";
  }
};

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::size_t hundred_megabytes = 100U << 20U;

TEST_F(streaming_test, a_hundred_megabytes_up_need_no_more_memory_than_one_block) {
  make_edge();
  auto client = connect();
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(hundred_megabytes) +
              "\r\n\r\n");
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  stream(client, upstream, hundred_megabytes);
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(expect(client, "ok"), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  client.send(get);
  (void)expect(upstream, "\r\n\r\n");
}

TEST_F(streaming_test, a_hundred_megabytes_down_need_no_more_memory_than_one_block) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(hundred_megabytes) +
                "\r\n\r\n");
  (void)expect(client, "\r\n\r\n");
  stream(upstream, client, hundred_megabytes);
  client.send(get);
  (void)expect(upstream, "\r\n\r\n");
}

TEST_F(streaming_test, a_reader_that_stops_stops_the_writer) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  (void)expect(client, "\r\n\r\n");
  const std::string block(1U << 20U, 'x');
  std::size_t taken = 0;
  for (int i = 0; i < 200; ++i) {
    taken += upstream.send_some(block);
    turn(1);
  }
  EXPECT_LT(taken, 32U << 20U) << "only what the sockets and one block hold";
  EXPECT_GT(client.read().size(), 0U);
}

// -- framings ----------------------------------------------------------------------------------------

TEST_F(streaming_test, chunks_are_framed_anew_and_trailers_kept) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n003;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(
      expect(client, "0\r\nX-Sum: 1\r\n\r\n"),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-Sum: 1\r\n\r\n");
  client.send(get);
  (void)expect(upstream, "\r\n\r\n");
}

TEST_F(streaming_test, chunks_of_a_request_are_framed_anew) {
  make_edge();
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  auto upstream = accept();
  EXPECT_NE(expect(upstream, "\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  client.send("0a\r\n01234");
  EXPECT_EQ(expect(upstream, "5\r\n01234\r\n"), "5\r\n01234\r\n");
  client.send("56789\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(expect(upstream, "0\r\n\r\n"), "5\r\n56789\r\n0\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(expect(upstream, "\r\n\r\n").starts_with("GET /2 "));
}

TEST_F(streaming_test, malformed_chunks_of_a_request_are_refused_and_never_reach_a_second_request) {
  make_edge();
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  client.send("5\r\nhelloX\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(expect(client, "Bad Request").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(closes(upstream));
  EXPECT_TRUE(closes(client));
}

TEST_F(streaming_test, a_body_that_ends_with_the_connection_is_chunked_for_http_1_1) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.0 200 OK\r\n\r\nabc");
  upstream.close();
  EXPECT_EQ(expect(client, "0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  client.send(get);
  auto next = accept();
  (void)expect(next, "\r\n\r\n");
}

TEST_F(streaming_test, chunks_for_http_1_0_end_with_the_connection) {
  make_edge();
  auto client = connect();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto upstream = accept();
  EXPECT_TRUE(expect(upstream, "\r\n\r\n").starts_with("GET / HTTP/1.1\r\nHost: \r\n"));
  upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(expect(client, "abc"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
  EXPECT_TRUE(closes(client));
}

TEST_F(streaming_test, http_1_0_may_stay_when_it_asks) {
  make_edge();
  auto client = connect();
  for (int i = 0; i < 2; ++i) client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto upstream = accept();
  for (int i = 0; i < 2; ++i) {
    (void)expect(upstream, "\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_EQ(expect(client, "ok"),
              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok");
  }
}

TEST_F(streaming_test, responses_without_a_body_have_none_whatever_they_say) {
  make_edge();
  auto client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
  EXPECT_EQ(expect(client, "\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
  client.send(get);
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
  EXPECT_EQ(expect(client, "\r\n\r\n"), "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
  client.send(get);
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(expect(client, "\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_F(streaming_test, a_server_that_says_more_than_its_response_is_not_used_again) {
  make_edge();
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: "
      "4\r\n\r\nevil");
  EXPECT_TRUE(expect(client, "ok").ends_with("\r\n\r\nok"));
  EXPECT_TRUE(closes(upstream));
  client.send(get);
  auto second = accept();
  (void)expect(second, "\r\n\r\n");
}

TEST_F(streaming_test, a_body_filter_rewrites_a_body_and_its_framing) {
  struct doubler final : body_filter {
    progress transform(std::string_view in, std::span<char> out, filter_mode) override {
      progress p;
      for (const char c : in) {
        if (p.produced + 2 > out.size()) return p;
        out[p.produced++] = c;
        out[p.produced++] = c;
        ++p.consumed;
      }
      p.done = true;
      return p;
    }
  };
  struct doubling final : middleware {
    doubling() : middleware("double@test") {}
    verdict on_request(exchange&) const override { return verdict::proceed; }
    void on_response(exchange& x, const response_facts&) const override {
      x.answer_edits.filter = std::make_unique<doubler>();
      x.answer_edits.fields.set("X-Twice", "y");
    }
  };
  make_edge();
  auto r = simple_route();
  r.middlewares.push_back(std::make_shared<doubling>());
  serve(r);
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  const std::string body(100'000, 'x');
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
  std::string all;
  std::size_t sent = 0;
  while (sent < body.size()) {
    sent += upstream.send_some(std::string_view(body).substr(sent));
    turn(1);
    all += client.read();
  }
  all += expect(client, "0\r\n\r\n");
  EXPECT_TRUE(
      all.starts_with("HTTP/1.1 200 OK\r\nX-Twice: y\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_EQ(std::count(all.begin(), all.end(), 'x'), 200'000);

  // An answer of our own goes through it too.
  upstream.close();
  listener_.reset();
  client.send(get);
  const auto answer = expect(client, "BBaadd  GGaatteewwaayy");
  EXPECT_NE(answer.find("Content-Length: 22\r\n"), std::string::npos) << answer;
}

// -- upgrades ----------------------------------------------------------------------------------------

TEST_F(streaming_test, an_upgrade_becomes_a_tunnel_both_ways) {
  make_edge();
  auto client = connect();
  client.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: k\r\n\r\nearly");
  auto upstream = accept();
  const auto head = expect(upstream, "\r\n\r\n");
  EXPECT_NE(head.find("Connection: Upgrade\r\nUpgrade: websocket\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("early"), std::string::npos) << "not before the upgrade is agreed";
  upstream.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello");
  EXPECT_EQ(
      expect(client, "hello"),
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
  EXPECT_EQ(expect(upstream, "early"), "early");
  stream(client, upstream, 8U << 20U);
  stream(upstream, client, 8U << 20U);
  client.finish();
  EXPECT_TRUE(closes(upstream));
  upstream.send("last words");
  EXPECT_EQ(expect(client, "last words"), "last words");
  upstream.close();
  EXPECT_TRUE(closes(client));
  EXPECT_EQ(counters().open_connections, 0U);
  EXPECT_EQ(counters().upgrades, 1U);
}

TEST_F(streaming_test, a_refused_upgrade_is_an_ordinary_response) {
  make_edge();
  auto client = connect();
  client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(expect(client, "no"), "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
  client.send(get);
  EXPECT_EQ(expect(upstream, "\r\n\r\n").find("Upgrade"), std::string::npos);
}

// -- deadlines: short ones, the real clock of the loop -------------------------------------------------

class deadline_test : public edge_fixture {
 protected:
  // Turns with the loop's own waiting until |done| or far beyond any deadline used here.
  template <class Done>
  bool turn_until(Done&& done) {
    const auto limit = mono_clock::now() + seconds(10);
    while (!done() && mono_clock::now() < limit) loop_.turn(milliseconds(50));
    return done();
  }
  std::string read_until_closed(peer& p) {
    std::string all;
    EXPECT_TRUE(turn_until([&] {
      all += p.read();
      return p.ended();
    }));
    return all;
  }
};

TEST_F(deadline_test, an_idle_connection_is_closed) {
  edge_options options;
  options.idle = milliseconds(50);
  make_edge(options);
  auto client = connect();
  EXPECT_EQ(read_until_closed(client), "");
}

TEST_F(deadline_test, a_head_that_trickles_in_is_answered_408_whatever_trickles) {
  edge_options options;
  options.read_head = milliseconds(50);
  make_edge(options);
  auto client = connect();
  std::string all;
  int sent = 0;
  client.send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(turn_until([&] {
    if (all.empty() && ++sent < 1000) (void)client.send_some("X");
    all += client.read();
    return client.ended();
  }));
  EXPECT_TRUE(all.starts_with("HTTP/1.1 408 Request Timeout\r\n")) << all;
}

TEST_F(deadline_test, a_server_that_does_not_answer_is_a_gateway_timeout) {
  edge_options options;
  options.response_header = milliseconds(50);
  make_edge(options);
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  std::string all;
  EXPECT_TRUE(turn_until([&] {
    all += client.read();
    return all.find("Gateway Timeout") != all.npos && all.ends_with("Gateway Timeout");
  }));
  EXPECT_TRUE(all.starts_with("HTTP/1.1 504 Gateway Timeout\r\n")) << all;
  EXPECT_TRUE(closes(upstream));
}

TEST_F(deadline_test, a_client_that_stops_reading_is_dropped) {
  edge_options options;
  options.stall = milliseconds(50);
  make_edge(options);
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  const std::string block(1U << 20U, 'x');
  EXPECT_TRUE(turn_until([&] {
    (void)upstream.send_some(block);
    return counters().open_connections == 0;
  }));
}

TEST_F(deadline_test, a_client_that_stops_sending_its_body_is_dropped) {
  edge_options options;
  options.stall = milliseconds(50);
  make_edge(options);
  auto client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\npart");
  auto upstream = accept();
  (void)expect(upstream, "part");
  EXPECT_TRUE(turn_until([&] { return counters().open_connections == 0; }));
  EXPECT_TRUE(closes(upstream));
}

TEST_F(deadline_test, kept_upstream_connections_are_closed_when_idle) {
  edge_options options;
  options.upstream.idle_timeout = milliseconds(50);
  make_edge(options);
  auto client = connect();
  client.send(get);
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  (void)expect(client, "ok");
  EXPECT_EQ(read_until_closed(upstream), "");
}

}  // namespace
}  // namespace stagedoor::http
