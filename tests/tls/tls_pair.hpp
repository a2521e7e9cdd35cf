// SPDX-License-Identifier: Apache-2.0
// Two ends of one connection, driven in turn; certificates made for the test.
#pragma once

#include "runtime/base/unique_fd.hpp"
#include "runtime/tls/self_signed.hpp"
#include "runtime/tls/session.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace stagedoor::tls {

inline pem_pair made_pem(std::vector<std::string> names, std::string common_name = "test",
                         bool authority = false) {
  self_signed_options o;
  o.names = std::move(names);
  o.common_name = std::move(common_name);
  o.authority = authority;
  auto pem = make_self_signed(o);
  EXPECT_TRUE(pem);
  return *pem;
}

inline certificate made_certificate(std::vector<std::string> names,
                                    std::string common_name = "test") {
  const auto pem = made_pem(std::move(names), std::move(common_name));
  auto made = certificate::parse(pem.chain, pem.key, "test");
  EXPECT_TRUE(made);
  return *made;
}

struct socket_pair {
  socket_pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    server.reset(fds[0]);
    client.reset(fds[1]);
  }
  unique_fd server;
  unique_fd client;
};

class tls_pair {
 public:
  tls_pair(const server_context& s, const client_context& c, const std::string& name = "a.example")
      : server(session::accept(s, fds_.server.get()).value()),
        client(session::connect(c, fds_.client.get(), name).value()) {}

  /// True when both sides are through.
  bool shake_hands() {
    io_status s = io_status::again;
    io_status c = io_status::again;
    for (int i = 0; i < 20 && (s == io_status::again || c == io_status::again); ++i) {
      if (c == io_status::again) c = client.handshake().status;
      if (s == io_status::again) s = server.handshake().status;
      if (c == io_status::error && s == io_status::error) break;
    }
    return s == io_status::ok && c == io_status::ok;
  }

  static std::string read_all(session& from) {
    std::string out;
    char piece[4096];
    for (;;) {
      const auto r = from.read(piece);
      if (r.status != io_status::ok) return out;
      out.append(piece, r.bytes);
    }
  }

  int server_fd() const { return fds_.server.get(); }
  int client_fd() const { return fds_.client.get(); }
  void close_client() { fds_.client.reset(); }

 private:
  socket_pair fds_;

 public:
  session server;
  session client;
};

}  // namespace stagedoor::tls
