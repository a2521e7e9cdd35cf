// SPDX-License-Identifier: Apache-2.0
// The lease scripts in a real redis-server, whose clock and failovers a test controls.
#pragma once

#include "cluster/membership/lease_scripts.hpp"
#include "tests/support/redis_fixture.hpp"

namespace stagedoor::test {

class redis_lease_server {
 public:
  explicit redis_lease_server(milliseconds lease, std::vector<std::string> more = {})
      : server_(with_debug(std::move(more))),
        cli_(server_.port()),
        listener_(server_.port()),
        scripts_(lease, "tonumber(redis.call('GET', 'test:wall'))") {
    set_wall(0);
    listener_({"PSUBSCRIBE", "stagedoor:hints*"});
  }

  void set_wall(std::int64_t ms) { cli_({"SET", "test:wall", std::to_string(ms)}); }

  /// By digest, as the client's script cache does; the body travels when it is not known.
  redis::reply raw(const cluster::lease_request& what) {
    const auto call = scripts_.call(what);
    if (!call) throw std::runtime_error(call.error().detail);
    redis::command words{"EVALSHA", call->script->digest(), std::to_string(call->keys.size())};
    words.insert(words.end(), call->keys.begin(), call->keys.end());
    words.insert(words.end(), call->arguments.begin(), call->arguments.end());
    auto reply = cli_(words);
    if (reply.is_error() && redis::error_code(reply.text) == "NOSCRIPT") {
      cli_({"SCRIPT", "LOAD", call->script->body()});
      reply = cli_(words);
    }
    return reply;
  }

  result<cluster::lease_answer> ask(const cluster::lease_request& what) {
    return cluster::lease_scripts::answer(what, raw(what));
  }
  template <class Answer>
  Answer get(const cluster::lease_request& what) {
    auto answer = ask(what);
    if (!answer) throw std::runtime_error(answer.error().detail);
    return std::get<Answer>(*answer);
  }

  /// As after a promotion; what was written so far is kept.
  void fail_over() { cli_({"DEBUG", "CHANGE-REPL-ID"}); }
  std::string epoch() {
    const auto info = cli_({"INFO", "replication"}).text;
    return info.substr(info.find("master_replid:") + 14, 40);
  }

  /// All keys with their values as Redis dumps them, to go back to: writes that were lost.
  std::vector<std::pair<std::string, std::string>> snapshot() {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& key : cli_({"KEYS", "*"}).items)
      out.emplace_back(key.text, cli_({"DUMP", key.text}).text);
    return out;
  }
  void restore(const std::vector<std::pair<std::string, std::string>>& earlier) {
    cli_({"FLUSHALL"});
    for (const auto& [key, value] : earlier) cli_({"RESTORE", key, "0", value});
  }

  /// What was published since the last call. PING on the same connection ends the list.
  std::vector<cluster::published_hint> take_published() {
    std::vector<cluster::published_hint> out;
    listener_.send({"PING"});
    for (;;) {
      const auto got = listener_.receive();
      if (got.at(0).text != "pmessage") return out;
      out.push_back({got.at(2).text, got.at(3).text});
    }
  }

  redis_cli& cli() noexcept { return cli_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return server_.port(); }

  /// Another server is asked from now on; this one is killed.
  void move_to(std::uint16_t port) {
    server_.kill();
    cli_.reconnect(port);
  }
  void restart() {
    server_.terminate();
    server_.start();
    cli_.reconnect(server_.port());
  }

 private:
  static std::vector<std::string> with_debug(std::vector<std::string> more) {
    more.insert(more.end(), {"--enable-debug-command", "local"});
    return more;
  }

  redis_process server_;
  redis_cli cli_;
  redis_cli listener_;
  cluster::lease_scripts scripts_;
};

}  // namespace stagedoor::test
