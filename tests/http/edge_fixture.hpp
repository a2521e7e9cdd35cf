// SPDX-License-Identifier: Apache-2.0
// An edge on socket pairs: the test plays the clients, and the upstream behind a real port on
// loopback. The test turns the loop itself, so nothing sleeps and nothing races.
#pragma once

#include "runtime/http/edge.hpp"
#include "runtime/net/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>

namespace stagedoor::http {

/// One end of a stream, non-blocking.
class peer {
 public:
  peer() = default;
  explicit peer(unique_fd fd) : fd_(std::move(fd)) {}

  void send(std::string_view bytes) {
    ASSERT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// As much as fits now.
  std::size_t send_some(std::string_view bytes) {
    const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  /// Everything that is there now.
  std::string read() {
    std::string all;
    char block[65536];
    for (;;) {
      const auto n = ::recv(fd_.get(), block, sizeof block, 0);
      if (n == 0) ended_ = true;
      if (n < 0 && errno != EAGAIN) reset_ = true;
      if (n <= 0) return all;
      all.append(block, static_cast<std::size_t>(n));
    }
  }
  /// The other side has closed; known after read().
  [[nodiscard]] bool ended() const { return ended_ || reset_; }
  void finish() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  [[nodiscard]] bool open() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  unique_fd fd_;
  bool ended_ = false;
  bool reset_ = false;
};

class edge_fixture : public ::testing::Test {
 protected:
  edge_fixture() { listen(); }

  void listen() {
    auto fd = net::listen_tcp(net::address::parse("127.0.0.1:0").value());
    listener_ = std::move(*fd);
    upstream_address = net::local_address(listener_.get()).value();
  }

  edge& make_edge(edge_options options = {}) {
    entry_point web;
    web.name = "web";
    web.address = net::address::parse("127.0.0.1:0").value();
    web.forwarded.server_name = "edge";
    edge_ = std::make_unique<edge>(loop_, options, std::vector<entry_point>{web});
    serve(simple_route());
    return *edge_;
  }

  route simple_route(std::string_view rule_text = "PathPrefix(`/`)") {
    auto target = std::make_shared<service>();
    target->name = "s@file";
    server s;
    s.url = "http://" + upstream_address.to_string();
    s.address = upstream_address;
    s.authority = upstream_address.to_string();
    target->servers.push_back(s);
    route r;
    r.name = "r@file";
    r.matcher = rule::parse(rule_text).value();
    r.priority = r.matcher.default_priority();
    r.target = target;
    return r;
  }
  void serve(route r) {
    site s;
    s.routes.push_back(std::move(r));
    table_.put("", std::move(s));
    edge_->apply(table_.freeze());
  }

  peer connect() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    connection_facts facts;
    facts.client = net::address::parse("192.0.2.7:1234").value();
    facts.local_port = 80;
    edge_->accept(unique_fd(pair[0]), facts);
    return peer(unique_fd(pair[1]));
  }

  /// The next connection that the edge opened; turns the loop until it is there.
  peer accept() {
    for (int i = 0; i < 100; ++i) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) return peer(unique_fd(fd));
      turn();
      pollfd waiting{listener_.get(), POLLIN, 0};
      ::poll(&waiting, 1, 10);
    }
    ADD_FAILURE() << "no connection came";
    return {};
  }
  [[nodiscard]] bool nothing_to_accept() {
    turn();
    return ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC) < 0;
  }

  /// Lets the edge do everything it can do now.
  void turn(int times = 4) {
    for (int i = 0; i < times; ++i) loop_.turn(milliseconds(0));
  }
  /// Turns until |from| has said something that contains |text|; everything it said.
  std::string expect(peer& from, std::string_view text) {
    std::string all;
    for (int i = 0; i < 200; ++i) {
      turn(1);
      all += from.read();
      if (all.find(text) != std::string::npos) return all;
      if (from.ended()) break;
      pollfd waiting{from.fd(), POLLIN, 0};
      ::poll(&waiting, 1, 5);
    }
    ADD_FAILURE() << "expected \"" << text << "\", got \"" << all << '"';
    return all;
  }
  /// Turns until the edge has closed its end.
  bool closes(peer& from) {
    for (int i = 0; i < 200 && !from.ended(); ++i) {
      turn(1);
      (void)from.read();
      if (from.ended()) break;
      pollfd waiting{from.fd(), POLLIN, 0};
      ::poll(&waiting, 1, 5);
    }
    return from.ended();
  }
  [[nodiscard]] const edge_counters& counters() const { return edge_->counters(); }

  loop loop_;
  unique_fd listener_;
  net::address upstream_address;
  snapshot::table_writer<site> table_;
  std::unique_ptr<edge> edge_;
};

}  // namespace stagedoor::http
