// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/local_server.hpp"

#include "tests/support/loop_driver.hpp"

#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace stagedoor::http {
namespace {

using test::turn_until;

class local_server_test : public ::testing::Test {
 protected:
  local_server_test()
      : path_(fmt::format("{}/local-server-{}.sock", ::testing::TempDir(), ::getpid())),
        server_(loop_,
                [this](local_request request, local_server::responder respond) {
                  requests_.push_back(std::move(request));
                  responders_.push_back(std::move(respond));
                },
                {.connections = 2, .body_bytes = 100'000}) {}

  void SetUp() override { ASSERT_TRUE(server_.listen_unix(path_)); }

  [[nodiscard]] unique_fd connect() const {
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, path_.data(), path_.size());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    return fd;
  }
  static void write(const unique_fd& fd, std::string_view bytes) {
    ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Appends what has come; false once the server has closed.
  static bool read(const unique_fd& fd, std::string& into) {
    char chunk[4096];
    for (;;) {
      const auto n = ::recv(fd.get(), chunk, sizeof chunk, 0);
      if (n <= 0) return n < 0 && errno == EAGAIN;
      into.append(chunk, static_cast<std::size_t>(n));
    }
  }
  std::string read_to_close(const unique_fd& fd) {
    std::string got;
    EXPECT_TRUE(turn_until(loop_, [&] { return !read(fd, got); }));
    return got;
  }
  void wait_for_requests(std::size_t count) {
    ASSERT_TRUE(turn_until(loop_, [&] { return requests_.size() == count; }));
  }

  std::string path_;
  loop loop_;
  std::vector<local_request> requests_;
  std::vector<local_server::responder> responders_;
  local_server server_;
};

TEST_F(local_server_test, a_request_in_many_pieces_arrives_whole) {
  const auto fd = connect();
  const std::string body(60'000, 'x');
  const auto head = fmt::format(
      "PUT /teams/a?dry=1 HTTP/1.1\r\nHost: l\r\nContent-Length: {}\r\n\r\n", body.size());
  for (const char c : head) {
    write(fd, std::string_view(&c, 1));
    loop_.turn(milliseconds(0));
  }
  for (std::size_t at = 0; at < body.size(); at += 6'000) {
    write(fd, std::string_view(body).substr(at, 6'000));
    loop_.turn(milliseconds(0));
  }
  wait_for_requests(1);
  EXPECT_EQ(requests_[0].method, "PUT");
  EXPECT_EQ(requests_[0].path, "/teams/a");
  EXPECT_EQ(requests_[0].query, "dry=1");
  EXPECT_EQ(requests_[0].body, body);
}

TEST_F(local_server_test, pipelined_requests_are_answered_one_after_the_other) {
  const auto fd = connect();
  write(
      fd,
      "GET /1 HTTP/1.1\r\nHost: l\r\n\r\nGET /2 HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n");
  wait_for_requests(1);
  responders_[0]({200, "text/plain", "one"});
  wait_for_requests(2);
  responders_[1]({200, "text/plain", "two"});
  const auto got = read_to_close(fd);
  EXPECT_LT(got.find("one"), got.find("two"));
  EXPECT_NE(got.find("two"), std::string::npos);
}

TEST_F(local_server_test, an_answer_to_head_has_no_body) {
  const auto fd = connect();
  write(fd, "HEAD / HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n");
  wait_for_requests(1);
  responders_[0]({200, "text/plain", "body"});
  const auto got = read_to_close(fd);
  EXPECT_NE(got.find("Content-Length: 4\r\n"), std::string::npos);
  EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
}

TEST_F(local_server_test, a_second_answer_to_a_request_is_not_taken_for_the_next_ones) {
  const auto fd = connect();
  write(
      fd,
      "GET /1 HTTP/1.1\r\nHost: l\r\n\r\nGET /2 HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n");
  wait_for_requests(1);
  responders_[0]({200, "text/plain", "one"});
  wait_for_requests(2);
  responders_[0]({200, "text/plain", "again"});
  responders_[1]({200, "text/plain", "two"});
  const auto got = read_to_close(fd);
  EXPECT_EQ(got.find("again"), std::string::npos);
  EXPECT_NE(got.find("two"), std::string::npos);
}

TEST_F(local_server_test, what_breaks_a_rule_or_a_limit_is_refused_and_closed) {
  const struct {
    std::string_view bytes, status;
  } cases[] = {
      {"nonsense\r\n\r\n", " 400 "},
      {"PUT / HTTP/1.1\r\nHost: l\r\nContent-Length: 100001\r\n\r\n", " 413 "},
      {"PUT / HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n", " 501 "},
  };
  for (const auto& c : cases) {
    const auto fd = connect();
    write(fd, c.bytes);
    EXPECT_NE(read_to_close(fd).find(c.status), std::string::npos) << c.bytes;
  }
  EXPECT_TRUE(requests_.empty());
}

TEST_F(local_server_test, connections_beyond_the_limit_are_closed_at_once) {
  const auto first = connect();
  const auto second = connect();
  const auto third = connect();
  EXPECT_EQ(read_to_close(third), "");
}

TEST_F(local_server_test, an_answer_after_close_finds_nobody) {
  const auto fd = connect();
  write(fd, "GET / HTTP/1.1\r\nHost: l\r\n\r\n");
  wait_for_requests(1);
  server_.close();
  responders_[0]({200, "text/plain", "late"});
  EXPECT_EQ(read_to_close(fd), "");
}

TEST_F(local_server_test, it_is_idle_when_every_answer_is_out) {
  EXPECT_TRUE(server_.idle());
  const auto fd = connect();
  write(fd, "GET / HTTP/1.1\r\nHost: l\r\n\r\n");
  wait_for_requests(1);
  EXPECT_FALSE(server_.idle());
  responders_[0]({200, "text/plain", "answer"});
  std::string got;
  ASSERT_TRUE(turn_until(loop_, [&] { return server_.idle(); }));
  ASSERT_TRUE(read(fd, got));
  EXPECT_TRUE(got.ends_with("answer")) << got;
}

TEST_F(local_server_test, a_socket_that_a_live_server_has_is_a_conflict) {
  local_server other(loop_, [](local_request, local_server::responder) {});
  const auto made = other.listen_unix(path_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, fault_kind::conflict);
}

}  // namespace
}  // namespace stagedoor::http
