// SPDX-License-Identifier: Apache-2.0
// Sockets for tests that live in the same loop as what is tested, so that both sides move in step:
// a stream, a listener, and a relay that can lose what passes through it.
#pragma once

#include "runtime/loop/loop.hpp"
#include "runtime/net/socket.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace stagedoor::test {

class stream final : public io_handler {
 public:
  stream(loop& l, unique_fd fd) : loop_(l), fd_(std::move(fd)) {
    (void)loop_.watch(fd_.get(), EPOLLIN | EPOLLRDHUP, *this);
  }

  std::function<void(std::string_view)> on_bytes;
  std::function<void()> on_end;

  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }

  /// Blocking in effect: test peers are always read from.
  void send(std::string_view bytes) {
    while (fd_ && !bytes.empty()) {
      const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EAGAIN && errno != EINTR) {
        end();
      } else {
        loop_.turn(milliseconds(1));
      }
    }
  }

  void close() { fd_.reset(); }

 private:
  void on_io(std::uint32_t) override {
    char buffer[65536];
    if (!fd_) return;
    const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n > 0) {
      if (on_bytes) on_bytes({buffer, static_cast<std::size_t>(n)});
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      end();
    }
  }

  void end() {
    if (!fd_) return;
    fd_.reset();
    if (on_end) on_end();
  }

  loop& loop_;
  unique_fd fd_;
};

/// Accepts on a free port of 127.0.0.1.
class acceptor final : public io_handler {
 public:
  acceptor(loop& l, std::function<void(std::unique_ptr<stream>)> on_stream)
      : loop_(l), on_stream_(std::move(on_stream)) {
    listen(0);
  }

  /// Stops and later resumes accepting on the same port.
  void shut() { fd_.reset(); }
  void reopen() { listen(port_); }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  void listen(std::uint16_t port) {
    auto fd = net::listen_tcp(*net::address::parse_ip("127.0.0.1", port));
    if (!fd) throw std::runtime_error(to_string(fd.error()));
    fd_ = *std::move(fd);
    port_ = net::local_address(fd_.get())->port();
    (void)loop_.watch(fd_.get(), EPOLLIN, *this);
  }

  void on_io(std::uint32_t) override {
    unique_fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) on_stream_(std::make_unique<stream>(loop_, std::move(fd)));
  }

  loop& loop_;
  std::function<void(std::unique_ptr<stream>)> on_stream_;
  unique_fd fd_;
  std::uint16_t port_ = 0;
};

/// Forwards to another port of 127.0.0.1, and can lose what comes back.
class relay {
 public:
  relay(loop& l, std::uint16_t target)
      : loop_(l), target_(target), acceptor_(l, [this](auto s) { accepted(std::move(s)); }) {}

  [[nodiscard]] std::uint16_t port() const noexcept { return acceptor_.port(); }

  /// While true, bytes from the server are read and lost.
  bool lose_replies = false;
  std::size_t lost_bytes = 0;
  /// While true, a connection the server ends stays open towards the client.
  bool hold_ends = false;

  /// Ends every connection to the client; what the server sees is up to |server_too|.
  enum class ends : std::uint8_t { both, client_only };
  void cut(ends which = ends::both) {
    for (auto& p : pairs_) {
      p->client->close();
      if (which == ends::both) p->server->close();
    }
  }

 private:
  struct pair {
    std::unique_ptr<stream> client;
    std::unique_ptr<stream> server;
  };

  void accepted(std::unique_ptr<stream> client) {
    auto fd = net::connect_tcp(*net::address::parse_ip("127.0.0.1", target_));
    if (!fd) return;
    auto made = std::make_unique<pair>();
    pair* p = made.get();
    p->client = std::move(client);
    p->server = std::make_unique<stream>(loop_, *std::move(fd));
    p->client->on_bytes = [p](std::string_view bytes) { p->server->send(bytes); };
    p->client->on_end = [p] { p->server->close(); };
    p->server->on_bytes = [this, p](std::string_view bytes) {
      if (lose_replies)
        lost_bytes += bytes.size();
      else
        p->client->send(bytes);
    };
    p->server->on_end = [this, p] {
      if (!hold_ends) p->client->close();
    };
    pairs_.push_back(std::move(made));
  }

  loop& loop_;
  std::uint16_t target_;
  acceptor acceptor_;
  std::vector<std::unique_ptr<pair>> pairs_;
};

}  // namespace stagedoor::test
