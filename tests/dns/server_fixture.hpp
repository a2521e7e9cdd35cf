// SPDX-License-Identifier: Apache-2.0
// A server on a free loopback port and its clients, all in one loop that the test turns by hand.
#pragma once

#include "tests/dns/zone_fixture.hpp"

#include "runtime/dns/server.hpp"

#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace stagedoor::dns::testing {

using bytes = std::vector<std::uint8_t>;

/// A DNS server for the forwarder to ask: answers by UDP and TCP as |respond| says.
class fake_upstream final : public io_handler {
 public:
  explicit fake_upstream(loop& l) : loop_(l) {
    const auto at = net::address::parse("127.0.0.1:0").value();
    tcp_ = std::move(net::listen_tcp(at).value());
    address = net::local_address(tcp_.get()).value();
    udp_ = std::move(net::bind_udp(address).value());
    EXPECT_TRUE(loop_.watch(udp_.get(), EPOLLIN, *this));
    EXPECT_TRUE(loop_.watch(tcp_.get(), EPOLLIN, *this));
  }

  net::address address;
  /// Query in, answers out; several or none.
  std::function<std::vector<bytes>(const bytes& query, transport via)> respond =
      [](const bytes& q, transport) { return std::vector<bytes>{answer_to(q)}; };
  std::vector<bytes> udp_queries;
  std::vector<bytes> tcp_queries;
  std::set<std::uint16_t> source_ports;
  std::size_t connections = 0;
  net::address last_peer;

  static bytes answer_to(const bytes& query, std::uint16_t flags = flag::ra) {
    bytes a = query;
    store16(a.data() + 2, static_cast<std::uint16_t>(load16(a.data() + 2) | flag::qr | flags));
    return a;
  }
  void send_udp(const bytes& message) {
    EXPECT_EQ(
        ::sendto(udp_.get(), message.data(), message.size(), 0, last_peer.data(), last_peer.size()),
        static_cast<ssize_t>(message.size()));
  }
  void close() {
    udp_.reset();
    tcp_.reset();
    streams_.clear();
  }

 private:
  struct stream {
    unique_fd fd;
    bytes in;
  };
  void on_io(std::uint32_t) override {
    std::uint8_t buffer[4096];
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    ssize_t n = 0;
    while (udp_ && (n = ::recvfrom(udp_.get(), buffer, sizeof buffer, MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&peer), &length)) >= 0) {
      last_peer = net::address(reinterpret_cast<sockaddr*>(&peer), length);
      source_ports.insert(last_peer.port());
      udp_queries.emplace_back(buffer, buffer + n);
      for (const auto& a : respond(udp_queries.back(), transport::udp)) send_udp(a);
      length = sizeof peer;
    }
    for (int fd = -1; tcp_ && (fd = ::accept4(tcp_.get(), nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      ++connections;
      streams_.push_back({unique_fd(fd), {}});
      EXPECT_TRUE(loop_.watch(fd, EPOLLIN, *this));
    }
    for (auto& s : streams_) read(s);
    std::erase_if(streams_, [](const stream& s) { return !s.fd; });
  }
  void read(stream& s) {
    std::uint8_t buffer[4096];
    ssize_t n = 0;
    while ((n = ::recv(s.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
      s.in.insert(s.in.end(), buffer, buffer + n);
    if (n == 0) return s.fd.reset();
    while (s.in.size() >= 2 && s.in.size() >= 2U + load16(s.in.data())) {
      const auto end = s.in.begin() + 2 + load16(s.in.data());
      tcp_queries.emplace_back(s.in.begin() + 2, end);
      s.in.erase(s.in.begin(), end);
      for (const auto& a : respond(tcp_queries.back(), transport::tcp)) {
        std::uint8_t head[2];
        store16(head, static_cast<std::uint16_t>(a.size()));
        EXPECT_EQ(::send(s.fd.get(), head, 2, MSG_NOSIGNAL), 2);
        EXPECT_EQ(::send(s.fd.get(), a.data(), a.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(a.size()));
      }
    }
  }
  loop& loop_;
  unique_fd udp_;
  unique_fd tcp_;
  std::deque<stream> streams_;
};

class server_fixture : public ::testing::Test {
 protected:
  /// Starts with |zone| as "example." and, when there are upstreams, the root forwarded by |rule|.
  void start(server_options options = {}, std::shared_ptr<forward_options> rule = nullptr,
             const std::string& listen = "127.0.0.1:0") {
    chain->errors = true;
    chain->log.emplace_back();
    options.log.sink = [this](std::string_view lines) { return logged.append(lines), true; };
    if (rule != nullptr) chain->forwards.push_back(rule);
    const auto apex = wire("example.");
    auto parsed = parse_zone(zone, "db", apex, zone_fixture::no_includes());
    ASSERT_TRUE(parsed.good());
    zone_state state(zone_id{1}, apex);
    stage(state.load(parsed.data).value(), names);
    server_block block{{listener_id{1}}, {apex}, {{apex, zone_id{1}}}, chain};
    if (rule != nullptr) block.keys.push_back(root_name());
    ASSERT_TRUE(routes.set_blocks({block}));
    dns = std::make_unique<server>(l, options);
    dns->apply(names.freeze());
    dns->apply(route_writer.freeze());
    const listener_options where{listener_id{1}, net::address::parse(listen).value()};
    const auto open = dns->listen({&where, 1});
    ASSERT_TRUE(open) << open.error().detail;
    at = dns->address_of(listener_id{1}).value();
    if (listen.starts_with("0.0.0.0")) at = net::address::parse("127.0.0.1", at.port()).value();
  }
  ~server_fixture() override {
    if (dns != nullptr) dns->stop();
    l.turn(milliseconds(0));
  }

  /// Turns the loop until |done|; false after two seconds.
  bool run_until(const std::function<bool()>& done) {
    const auto limit = mono_clock::now() + seconds(2);
    while (!done()) {
      if (mono_clock::now() > limit) return false;
      l.turn(milliseconds(5));
    }
    return true;
  }

  unique_fd client(transport via) {
    if (via == transport::tcp) {
      auto fd = net::connect_tcp(at);
      EXPECT_TRUE(fd);
      return std::move(*fd);
    }
    unique_fd fd(::socket(at.family(), SOCK_DGRAM | SOCK_NONBLOCK, 0));
    EXPECT_EQ(::connect(fd.get(), at.data(), at.size()), 0);
    return fd;
  }
  static bytes framed(const bytes& message) {
    bytes out(2);
    store16(out.data(), static_cast<std::uint16_t>(message.size()));
    out.insert(out.end(), message.begin(), message.end());
    return out;
  }
  static void write(const unique_fd& fd, const bytes& data) {
    ASSERT_EQ(::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(data.size()));
  }
  /// The next datagram, or an empty one.
  bytes receive(const unique_fd& fd) {
    bytes out(65536);
    ssize_t n = -1;
    (void)run_until(
        [&] { return (n = ::recv(fd.get(), out.data(), out.size(), MSG_DONTWAIT)) >= 0; });
    out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return out;
  }
  /// Reads |count| framed messages; fewer when the connection ends.
  std::vector<bytes> receive_stream(const unique_fd& fd, std::size_t count) {
    std::vector<bytes> out;
    bytes in;
    bool closed = false;
    std::size_t had = 0;
    const auto more = [&] {
      std::uint8_t buffer[65536];
      ssize_t n = 0;
      while ((n = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        in.insert(in.end(), buffer, buffer + n);
      closed = n == 0;
      while (in.size() >= 2 && in.size() >= 2U + load16(in.data())) {
        const auto end = in.begin() + 2 + load16(in.data());
        out.emplace_back(in.begin() + 2, end);
        in.erase(in.begin(), end);
      }
      return closed || out.size() > had;
    };
    // Whoever answers slowly has time, as long as answers come.
    while (!closed && out.size() < count && run_until(more)) had = out.size();
    return out;
  }
  bool closed(const unique_fd& fd) {
    return run_until([&] {
      std::uint8_t byte = 0;
      const auto n = ::recv(fd.get(), &byte, 1, MSG_DONTWAIT);
      return n == 0 || (n < 0 && errno != EAGAIN);
    });
  }
  message exchange_udp(const question& q, std::uint16_t id = 0x1234) {
    const auto fd = client(transport::udp);
    write(fd, packet_of(q, id));
    return read_message(receive(fd));
  }

  std::string zone =
      "$TTL 300\n@ SOA ns admin 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n";
  loop l;
  std::shared_ptr<plugin_chain> chain = std::make_shared<plugin_chain>();
  name_table_writer names;
  route_table_writer route_writer{route_shard_bits};
  zone_routes routes{route_writer};
  std::string logged;
  std::unique_ptr<server> dns;
  net::address at;
};

}  // namespace stagedoor::dns::testing
