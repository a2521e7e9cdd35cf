// SPDX-License-Identifier: Apache-2.0
// Plain and TLS clients on one port, and the access log of an exchange.
#include "runtime/tls/self_signed.hpp"
#include "runtime/tls/session.hpp"
#include "tests/http/edge_fixture.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace stagedoor::http {
namespace {

class edge_tls_test : public edge_fixture {
 protected:
  edge_tls_test() {
    tls::server_options options;
    options.fallback = tls::make_default_certificate().value();
    server_ = std::move(*tls::server_context::make(options, nullptr));
    tls::client_options trusting;
    trusting.verify = false;
    client_ = std::move(*tls::client_context::make(trusting));
    entry_point web;
    web.name = "websecure";
    web.tls = server_.get();
    web.forwarded.server_name = "edge";
    edge_ = std::make_unique<edge>(loop_, edge_options{}, std::vector<entry_point>{web});
    auto r = simple_route();
    r.tls = true;
    serve(r);
  }

  // Turns the loop until |step| says ok.
  template <class Step>
  bool until_ok(Step&& step) {
    for (int i = 0; i < 1000; ++i) {
      const auto done = step();
      if (done.status == tls::io_status::ok) return true;
      if (done.status != tls::io_status::again) return false;
      turn(1);
    }
    return false;
  }

  std::unique_ptr<tls::server_context> server_;
  std::unique_ptr<tls::client_context> client_;
};

TEST_F(edge_tls_test, a_request_over_tls_reaches_the_route_with_tls_and_a_plain_one_does_not) {
  auto socket = connect();
  auto session = tls::session::connect(*client_, socket.fd(), "team.example").value();
  ASSERT_TRUE(until_ok([&] { return session.handshake(); }));
  turn();
  EXPECT_EQ(counters().handshakes, 1U);

  peer upstream;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(until_ok([&] { return session.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); }));
    if (i == 0) upstream = accept();
    const auto head = expect(upstream, "\r\n\r\n");
    EXPECT_NE(head.find("X-Forwarded-Proto: https\r\n"), std::string::npos) << head;
    // Larger than a TLS record and than what a socket pair takes at once.
    const std::string body(600'000, 'x');
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n");
    std::string all;
    std::size_t sent = 0;
    char block[20'000];
    for (int idle = 0; all.size() < body.size() && idle < 2000; ++idle) {
      sent += upstream.send_some(std::string_view(body).substr(sent));
      turn(1);
      for (;;) {
        const auto got = session.read(block);
        if (got.status != tls::io_status::ok) break;
        all.append(block, got.bytes);
      }
    }
    turn();
    ASSERT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n"));
    const auto start = all.find("\r\n\r\n") + 4;
    while (all.size() - start < body.size()) {
      const auto got = session.read(block);
      ASSERT_EQ(got.status, tls::io_status::ok);
      all.append(block, got.bytes);
    }
    EXPECT_EQ(all.substr(start), body);
  }

  auto plain = connect();
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(expect(plain, "404 page not found\n").starts_with("HTTP/1.1 404 "));
}

TEST_F(edge_tls_test, a_broken_handshake_ends_the_connection) {
  auto socket = connect();
  socket.send(std::string_view("\x16\x03\x01\x00\x05hello", 10));
  EXPECT_TRUE(closes(socket));
  EXPECT_EQ(counters().handshake_failures, 1U);
}

TEST_F(edge_tls_test, every_request_is_one_line_of_the_access_log) {
  char path[] = "/tmp/stagedoor-access-XXXXXX";
  unique_fd file(::mkstemp(path));
  ASSERT_TRUE(static_cast<bool>(file));
  make_edge();
  access_log_options options;
  options.path = path;
  edge_->set_access_log(std::move(*access_log::open(options)));
  auto client = connect();
  client.send("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n");
  auto upstream = accept();
  (void)expect(upstream, "\r\n\r\n");
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  (void)expect(client, "ok");
  client.send("GET /\x01\r\n\r\n");
  (void)expect(client, "Bad Request");
  turn();
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  ::unlink(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_TRUE(text.starts_with("192.0.2.7 - - [")) << text;
  const auto server = "http://" + upstream_address.to_string();
  EXPECT_NE(text.find("\"GET /a?b HTTP/1.1\" 200 2 \"-\" \"-\" 1 \"r@file\" \"" + server + "\""),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(" 400 11 "), std::string::npos) << text;
}

}  // namespace
}  // namespace stagedoor::http
