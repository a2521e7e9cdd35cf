// SPDX-License-Identifier: Apache-2.0
// A server that says exactly what a test tells it to, on a free loopback port or a unix socket.
//
// Runs on: threads of its own, one a connection; all are ended by the destructor.
#pragma once

#include "runtime/base/unique_fd.hpp"

#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace stagedoor::test {

struct seen_request {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// One accepted connection, inside the script.
class scripted_connection {
 public:
  explicit scripted_connection(int fd) : fd_(fd) {}
  /// The next request; nothing when the client has gone.
  std::optional<seen_request> read_request();
  /// False when the client has gone.
  bool write(std::string_view bytes);
  /// Status line, a length, and the body.
  bool answer(int status, std::string_view body, std::string_view extra_headers = {});
  /// Waits until the client closes.
  void wait_for_close();

 private:
  int fd_;
  std::string buffer_;
};

class scripted_server {
 public:
  using script = std::function<void(scripted_connection&)>;

  /// On 127.0.0.1, any port.
  explicit scripted_server(script s);
  /// On a unix socket.
  scripted_server(std::string unix_path, script s);
  ~scripted_server();
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }

 private:
  void accept_all();

  script script_;
  unique_fd listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::list<unique_fd> open_;           ///< guarded by mutex_
  std::list<std::thread> connections_;  ///< guarded by mutex_
  bool stopping_ = false;               ///< guarded by mutex_
  std::thread acceptor_;
};

/// A script that answers each request with what |reply| returns.
[[nodiscard]] scripted_server::script each_request(
    std::function<void(const seen_request&, scripted_connection&)> reply);

}  // namespace stagedoor::test
