// SPDX-License-Identifier: Apache-2.0
// A cluster port on a thread of its own, and clients that mean it no good: what they cost is
// measured on that thread alone.
#pragma once

#include "runtime/base/log.hpp"
#include "runtime/link/link_listener.hpp"
#include "runtime/tls/session.hpp"
#include "tests/link/cluster_files.hpp"
#include "tests/link/protocol_pair.hpp"

#include <atomic>
#include <ctime>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <malloc.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace stagedoor::link {

class cluster_port {
 public:
  explicit cluster_port(milliseconds handshake_deadline = milliseconds(500)) {
    log::to_file(files.path("log"));
    link_listener_options o;
    o.address = *net::address::parse_ip("127.0.0.1", 0);
    o.setup.me = identity("node-2", 2);
    o.setup.limits.handshake_deadline = handshake_deadline;
    o.setup.local = *net::address::parse_ip("127.0.0.1", 1);  // nobody
    o.admission.failures = failures;
    listener_.emplace(loop_, o, files.node("node-2"),
                      link_listener::hooks{
                          nullptr, [this](const peer&, const net::address&) { ++ups; }, nullptr});
    const auto started = listener_->start();
    EXPECT_TRUE(started);
    address = listener_->address();
    loop_.start();
  }
  ~cluster_port() {
    on_loop([this] { listener_->stop(); });
    loop_.stop();
    log::to_file("/dev/stderr");
  }
  cluster_port(const cluster_port&) = delete;
  cluster_port& operator=(const cluster_port&) = delete;

  void on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    ASSERT_TRUE(loop_.post([&] {
      what();
      done.set_value();
    }));
    done.get_future().wait();
  }
  /// Processor time that the port's thread has used.
  std::chrono::nanoseconds cpu() {
    timespec used{};
    on_loop([&] { ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used); });
    return seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
  }
  std::size_t strangers() {
    std::size_t n = 0;
    on_loop([&] { n = listener_->strangers(); });
    return n;
  }
  /// A client sees the end some turns before it is logged: the first line is waited for.
  [[nodiscard]] std::vector<std::string> log_lines() {
    const auto end = mono_clock::now() + seconds(2);
    std::vector<std::string> lines;
    do {
      on_loop([] {});
      std::ifstream in(files.path("log"));
      lines.clear();
      for (std::string line; std::getline(in, line);) lines.push_back(line);
    } while (lines.empty() && mono_clock::now() < end);
    return lines;
  }

  struct cost {
    double core = 0;          ///< share of one
    std::size_t attacks = 0;  ///< how often the attack was made
    long kept_bytes = 0;      ///< of the heap, afterwards
  };
  /// Runs |attack| over and over for |span|.
  template <class Attack>
  cost measure(Attack attack, milliseconds span = milliseconds(1000)) {
    attack();  // what OpenSSL sets up once is no growth
    cost c;
    const auto heap = static_cast<long>(::mallinfo2().uordblks);
    const auto used = cpu();
    const auto start = mono_clock::now();
    while (mono_clock::now() < start + span) {
      attack();
      ++c.attacks;
    }
    const auto wall = mono_clock::now() - start;
    c.core = std::chrono::duration<double>(cpu() - used) / std::chrono::duration<double>(wall);
    c.kept_bytes = static_cast<long>(::mallinfo2().uordblks) - heap;
    testing::Test::RecordProperty("core_percent", std::to_string(100 * c.core));
    std::printf("            %zu attacks in %.1f s: %.2f %% of a core, %ld bytes kept\n", c.attacks,
                std::chrono::duration<double>(wall).count(), 100 * c.core, c.kept_bytes);
    return c;
  }

  cluster_files files;
  net::address address;
  std::atomic<int> ups{0};
  http::bucket_limits failures = admission_limits{}.failures;

 private:
  loop loop_{{.name = "cluster"}};
  std::optional<link_listener> listener_;
};

/// A connection whose calls wait for |patience| at the most.
class hostile_client {
 public:
  explicit hostile_client(const net::address& to, milliseconds patience = milliseconds(1000),
                          const net::address* from = nullptr) {
    fd_.reset(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{patience.count() / 1000, (patience.count() % 1000) * 1000};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (from != nullptr) (void)::bind(fd_.get(), from->data(), from->size());
    connected_ = ::connect(fd_.get(), to.data(), to.size()) == 0;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string_view bytes) const {
    (void)::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// Whether the other side ended the connection within the patience.
  [[nodiscard]] bool was_closed() const {
    char piece[4096];
    ssize_t n = 0;
    while ((n = ::recv(fd_.get(), piece, sizeof piece, 0)) > 0) continue;
    return n == 0 || errno == ECONNRESET;
  }

  /// True when the TLS handshake is through on this side.
  bool shake_hands(const tls::client_context& with) {
    auto made = tls::session::connect(with, fd_.get(), "node-2");
    if (!made) return false;
    tls_.emplace(*std::move(made));
    return tls_->handshake().status == tls::io_status::ok;
  }
  void say(std::string_view bytes) { (void)tls_->write(bytes); }
  /// What comes until the connection ends or the patience does.
  std::string hear() {
    std::string out;
    char piece[4096];
    for (;;) {
      const auto got = tls_->read(piece);
      if (got.status != tls::io_status::ok) return out;
      out.append(piece, got.bytes);
    }
  }
  /// What comes in one piece.
  std::string hear_some() {
    char piece[4096];
    const auto got = tls_->read(piece);
    return {piece, got.bytes};
  }
  [[nodiscard]] const std::string& error() const { return tls_->error(); }
  [[nodiscard]] tls::session& session() { return *tls_; }

 private:
  unique_fd fd_;
  std::optional<tls::session> tls_;
  bool connected_ = false;
};

}  // namespace stagedoor::link
