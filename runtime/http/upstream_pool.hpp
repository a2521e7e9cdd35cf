// SPDX-License-Identifier: Apache-2.0
// Connections to the servers behind the proxy, kept open between requests.
//
// Opening one costs more than a request, so they are kept and the one used last is used first: it
// is the least likely to have been closed by the server meanwhile, and the others become idle and
// can be let go. Beyond the limit they are let go a little later: when many responses end in one
// turn, the next requests are about to come, and opening a connection for each of them would soon
// use up the ports of this host.
//
// Owner: an edge. Runs on: its loop. Bounded by: upstream_options. On failure: unreachable,
// overloaded (the limit of a server, or no descriptor left).
#pragma once

#include "runtime/http/buffer.hpp"
#include "runtime/http/transport.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace stagedoor::http {

struct upstream_options {
  milliseconds idle_timeout = seconds(90);  ///< a kept connection is closed after it; 0 = never
  std::size_t idle_per_server = 200;        ///< kept connections of one server and loop
  milliseconds surplus_timeout{1000};       ///< those beyond it are closed after so long
  std::size_t open_per_server = 0;  ///< all connections of one server and loop; 0 = no limit
};

class upstream_connection;
class upstream_pool;

/// Whoever uses a connection at the moment.
class upstream_user {
 public:
  virtual void on_upstream() = 0;

 protected:
  ~upstream_user() = default;
};

/// All connections of this loop to one server, and what was seen of it.
class upstream_server {
 public:
  explicit upstream_server(const net::address& at) : address(at) {}

  const net::address address;
  std::size_t open = 0;   ///< idle and in use
  std::size_t users = 0;  ///< site states that refer to it
  // Passive facts; totals since the server was first used, read by the control plane.
  std::uint64_t requests = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t broken_exchanges = 0;  ///< closed or malformed before the response was complete
  std::uint64_t timeouts = 0;
  std::uint64_t responses_5xx = 0;

 private:
  friend class upstream_pool;
  std::vector<std::unique_ptr<upstream_connection>> idle_;  ///< the one used last is at the back
};

class upstream_connection final : private io_handler {
 public:
  upstream_connection(upstream_pool& pool, upstream_server& server, unique_fd fd);
  upstream_connection(const upstream_connection&) = delete;
  upstream_connection& operator=(const upstream_connection&) = delete;

  upstream_server& server;
  transport io;
  buffer in;
  buffer out;
  upstream_user* user = nullptr;  ///< null = idle
  bool connecting = true;
  bool reused = false;    ///< has served a request before
  int connect_error = 0;  ///< errno with which the connection attempt ended

 private:
  friend class upstream_pool;
  void on_io(std::uint32_t events) override;

  upstream_pool& pool_;
  mono_time idle_since_{};
};

class upstream_pool {
 public:
  upstream_pool(loop& l, buffer_pool& buffers, upstream_options options);
  ~upstream_pool();
  upstream_pool(const upstream_pool&) = delete;
  upstream_pool& operator=(const upstream_pool&) = delete;

  /// The entry for |at|, made at first use. It stays where it is while it has users; without, and
  /// without connections, it is forgotten after a while.
  [[nodiscard]] upstream_server& server(const net::address& at);

  /// The kept connection used last; null when there is none.
  [[nodiscard]] std::unique_ptr<upstream_connection> reuse(upstream_server& s);
  /// A new one, still connecting.
  [[nodiscard]] result<std::unique_ptr<upstream_connection>> connect(upstream_server& s);
  /// Keeps it for the next request: for long, or shortly when there are enough.
  void keep(std::unique_ptr<upstream_connection> c);
  /// Closes it; the object lives until the end of the turn.
  void drop(std::unique_ptr<upstream_connection> c);

  void close_idle();
  [[nodiscard]] std::size_t servers() const noexcept { return servers_.size(); }
  template <class Use>
  void for_each_server(Use&& use) const {
    for (const auto& [key, s] : servers_) use(*s);
  }

 private:
  friend class upstream_connection;
  void idle_event(upstream_connection& c);
  void expire();
  void let_go(upstream_server& s, std::vector<std::unique_ptr<upstream_connection>>::iterator end);
  void trim();

  loop& loop_;
  buffer_pool& buffers_;
  const upstream_options options_;
  std::unordered_map<std::string, std::unique_ptr<upstream_server>> servers_;
  timer expiry_;
  timer surplus_;
};

}  // namespace stagedoor::http
