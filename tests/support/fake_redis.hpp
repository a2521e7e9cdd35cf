// SPDX-License-Identifier: Apache-2.0
// A server that speaks Redis' protocol and says exactly what the test wants, in the test's loop.
#pragma once

#include "runtime/redis/command.hpp"
#include "runtime/redis/reply_reader.hpp"
#include "tests/support/loop_streams.hpp"

#include <fmt/format.h>

namespace stagedoor::test {

class fake_redis {
 public:
  /// Bytes to send for a command; nothing = stay silent. Asked after greeting commands were
  /// answered as Redis does.
  using answer = std::function<std::string(const redis::command&)>;

  explicit fake_redis(loop& l) : acceptor_(l, [this](auto s) { accepted(std::move(s)); }) {}

  answer on_command = [](const redis::command&) { return std::string("+OK\r\n"); };
  bool answers_greeting = true;
  std::vector<redis::command> seen;  ///< all commands, the greeting's included
  std::size_t accepted_count = 0;

  [[nodiscard]] std::uint16_t port() const noexcept { return acceptor_.port(); }
  void shut() { acceptor_.shut(); }
  void reopen() { acceptor_.reopen(); }
  void send_to_all(std::string_view bytes) {
    for (auto& c : connections_)
      if (c->socket->open()) c->socket->send(bytes);
  }
  void cut() {
    for (auto& c : connections_) c->socket->close();
  }
  [[nodiscard]] std::size_t count(std::string_view verb) const {
    return static_cast<std::size_t>(
        std::count_if(seen.begin(), seen.end(), [&](const auto& c) { return c.front() == verb; }));
  }

 private:
  struct connection {
    std::unique_ptr<stream> socket;
    redis::reply_reader reader;
  };

  void accepted(std::unique_ptr<stream> s) {
    ++accepted_count;
    auto made = std::make_unique<connection>();
    connection* c = made.get();
    c->socket = std::move(s);
    c->socket->on_bytes = [this, c](std::string_view bytes) { received(*c, bytes); };
    connections_.push_back(std::move(made));
  }

  void received(connection& c, std::string_view bytes) {
    if (!c.reader.feed(bytes)) return;
    for (;;) {
      auto next = c.reader.next();
      if (!next || !next->has_value()) return;
      redis::command words;
      for (const auto& item : (*next)->items) words.push_back(item.text);
      seen.push_back(words);
      c.socket->send(greeting(words));
    }
  }

  std::string greeting(const redis::command& words) {
    if (answers_greeting) {
      if (words.front() == "PING") return "+PONG\r\n";
      if (words.front() == "CLIENT" && words.at(1) == "ID")
        return fmt::format(":{}\r\n", accepted_count);
      if (words.front() == "CLIENT" && words.at(1) == "SETNAME") return "+OK\r\n";
    }
    return on_command(words);
  }

  acceptor acceptor_;
  std::vector<std::unique_ptr<connection>> connections_;
};

}  // namespace stagedoor::test
