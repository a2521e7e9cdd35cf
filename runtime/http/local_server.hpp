// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server for the control plane: the admin socket, health endpoints.
//
// It shares the edge's strict parser but none of its machinery: a handful of connections, one
// request at a time each, whole bodies in memory, answers that may come later and from any thread.
// Owner: the composition root. Runs on: one loop; a responder may be called on any thread, once.
// Bounded by: local_server_options. On failure: a request that breaks a rule or a limit is answered
// with its 4xx and the connection closed.
#pragma once

#include "runtime/http/head_parser.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace stagedoor::http {

struct local_server_options {
  std::size_t connections = 64;        ///< at once; further ones are closed at accept
  std::size_t body_bytes = 1U << 20U;  ///< of a request
  seconds read_deadline{10};           ///< for a whole request, from its connection or predecessor
  seconds answer_deadline{30};         ///< for the handler; then 504
};

struct local_request {
  std::string method;
  std::string path;   ///< starts with '/'
  std::string query;  ///< without '?'
  std::string body;
};

struct local_reply {
  std::uint16_t status = 200;
  std::string content_type = "application/json";
  std::string body;
};

class local_server {
 public:
  using responder = std::function<void(local_reply)>;
  using handler = std::function<void(local_request, responder)>;

  local_server(loop& l, handler h, local_server_options options = {});
  ~local_server();

  // -- lifecycle, loop thread only (or before the loop starts) ------------------------------------

  /// Replaces a socket file that nobody listens on; the new one is readable by its owner only.
  /// On failure: conflict (a live server has it), refused, internal.
  [[nodiscard]] result<void> listen_unix(const std::string& path);
  [[nodiscard]] result<void> listen_tcp(const net::address& at);
  void close();
  /// No request waits for its answer, and no answer is on its way out.
  [[nodiscard]] bool idle() const noexcept;

 private:
  class listener;
  class connection;
  friend class connection;

  void accepted(unique_fd fd);
  void answer(std::uint64_t id, std::uint64_t turn, const local_reply& reply);
  void drop(std::uint64_t id);

  loop& loop_;
  handler handler_;
  const local_server_options options_;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<connection>> connections_;
  std::uint64_t next_id_ = 1;
  std::shared_ptr<local_server*> self_;  ///< null inside once closed: late answers find nobody
};

}  // namespace stagedoor::http
