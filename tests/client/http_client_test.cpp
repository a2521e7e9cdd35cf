// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/http_client.hpp"

#include "tests/client/loop_fixture.hpp"
#include "tests/client/scripted_server.hpp"

#include <atomic>
#include <cstdlib>

namespace stagedoor::client {
namespace {

using test::each_request;
using test::scripted_connection;
using test::scripted_server;
using test::seen_request;

request get_of(std::string url) {
  request r;
  r.url = std::move(url);
  return r;
}

class http_client_test : public test::loop_fixture {};

TEST_F(http_client_test, sends_method_headers_and_body_and_returns_status_headers_and_body) {
  scripted_server server(each_request([](const seen_request& r, scripted_connection& c) {
    c.answer(201, r.method + " " + r.target + " " + r.headers.at("x-asked") + " " + r.body,
             "X-Answer: one\r\nx-answer: two\r\n");
  }));
  auto r = get_of(server.url("/a?b=c"));
  r.method = "PUT";
  r.headers = {{"X-Asked", "yes"}};
  r.body = "hello";
  const auto answer = fetch(r);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 201U);
  EXPECT_EQ(answer->body, "PUT /a?b=c yes hello");
  ASSERT_NE(answer->find("X-ANSWER"), nullptr);
  EXPECT_EQ(*answer->find("X-ANSWER"), "one");
}

TEST_F(http_client_test, an_empty_post_has_a_length_and_a_head_has_no_body) {
  scripted_server server(each_request([](const seen_request& r, scripted_connection& c) {
    if (r.method == "HEAD")
      c.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    else
      c.answer(200, r.headers.contains("content-length") ? r.headers.at("content-length") : "none");
  }));
  auto r = get_of(server.url());
  r.method = "POST";
  EXPECT_EQ(fetch(r)->body, "0");
  r.method = "HEAD";
  const auto head = fetch(r);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
}

TEST_F(http_client_test, keeps_the_connection_for_the_next_request) {
  std::atomic<int> connections{0};
  scripted_server server([&](scripted_connection& c) {
    ++connections;
    while (c.read_request()) c.answer(200, "ok");
  });
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(fetch(server.url()));
  EXPECT_EQ(connections, 1);
}

TEST_F(http_client_test, resolves_names_by_its_own_resolver) {
  scripted_server server(each_request(
      [](const seen_request& r, scripted_connection& c) { c.answer(200, r.headers.at("host")); }));
  const auto port = std::to_string(server.port());
  const auto answer = fetch("http://localhost:" + port + "/");
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->body, "localhost:" + port);
}

TEST_F(http_client_test, interim_answers_and_trailers_are_not_taken_for_the_answer) {
  scripted_server server(each_request([](const seen_request&, scripted_connection& c) {
    c.write(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n"
        "Transfer-Encoding: chunked\r\nA: b\r\n\r\n3\r\nabc\r\n0\r\nTrailer: t\r\n\r\n");
  }));
  const auto answer = fetch(server.url());
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 200U);
  EXPECT_EQ(answer->body, "abc");
  EXPECT_EQ(answer->find("Link"), nullptr);
  EXPECT_EQ(answer->find("Trailer"), nullptr);
  EXPECT_EQ(*answer->find("A"), "b");
}

struct bad_request {
  const char* claim;
  std::string method;
  std::string url;
  std::vector<header> headers;
};

TEST_F(http_client_test, refuses_what_it_must_not_send_before_sending_it) {
  const bad_request table[] = {
      {"a file", "GET", "file:///etc/passwd", {}},
      {"another scheme", "GET", "gopher://127.0.0.1:1/", {}},
      {"no scheme", "GET", "127.0.0.1/", {}},
      {"a second line in the URL", "GET", "http://127.0.0.1/\r\nX: y", {}},
      {"a blank in the URL", "GET", "http://127.0.0.1/a b", {}},
      {"a second line in a value", "GET", "http://127.0.0.1/", {{"A", "b\r\nC: d"}}},
      {"a colon in a name", "GET", "http://127.0.0.1/", {{"A:b", "c"}}},
      {"an empty name", "GET", "http://127.0.0.1/", {{"", "c"}}},
      {"a blank in the method", "GET /x", "http://127.0.0.1/", {}},
  };
  for (const auto& row : table) {
    auto r = get_of(row.url);
    r.method = row.method;
    r.headers = row.headers;
    const auto answer = fetch(r);
    ASSERT_FALSE(answer) << row.claim;
    EXPECT_EQ(answer.error().kind, fault_kind::invalid) << row.claim;
  }
}

struct bad_server {
  const char* claim;
  scripted_server::script script;
  fault_kind expected;
};

TEST_F(http_client_test, says_how_a_server_failed) {
  const std::string long_head(100'000, 'h');
  const bad_server table[] = {
      {"closes without a word", [](auto& c) { c.read_request(); }, fault_kind::closed},
      {"closes in the body",
       [](auto& c) {
         c.read_request();
         c.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
       },
       fault_kind::closed},
      {"is silent",
       [](auto& c) {
         c.read_request();
         c.wait_for_close();
       },
       fault_kind::timed_out},
      {"trickles",
       [](auto& c) {
         c.read_request();
         c.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
         c.wait_for_close();
       },
       fault_kind::timed_out},
      {"sends more than asked for",
       [](auto& c) {
         c.read_request();
         c.write("HTTP/1.1 200 OK\r\n\r\n");
         while (c.write(std::string(65536, 'x'))) {
         }
       },
       fault_kind::too_large},
      {"sends an endless head",
       [&](auto& c) {
         c.read_request();
         c.write("HTTP/1.1 200 OK\r\nA: " + long_head + "\r\n\r\n");
         c.wait_for_close();
       },
       fault_kind::too_large},
      {"does not speak HTTP",
       [](auto& c) {
         c.read_request();
         c.write("SSH-2.0-OpenSSH\r\n\r\n");
       },
       fault_kind::invalid},
  };
  for (const auto& row : table) {
    scripted_server server(row.script);
    auto r = get_of(server.url());
    r.deadline = milliseconds(500);
    r.max_body = 1000;
    const auto answer = fetch(r);
    ASSERT_FALSE(answer) << row.claim;
    EXPECT_EQ(answer.error().kind, row.expected) << row.claim << ": " << to_string(answer.error());
    EXPECT_EQ(answer.error().side, fault_side::upstream) << row.claim;
  }
}

TEST_F(http_client_test, a_closed_port_and_a_missing_socket_are_unreachable) {
  std::uint16_t port = 0;
  {
    port = scripted_server([](auto&) {}).port();
  }
  EXPECT_EQ(fetch("http://127.0.0.1:" + std::to_string(port)).error().kind,
            fault_kind::unreachable);
  auto r = get_of("http://docker/");
  r.unix_socket = ::testing::TempDir() + "nobody.sock";
  EXPECT_EQ(fetch(r).error().kind, fault_kind::unreachable);
}

TEST_F(http_client_test, names_the_socket_and_the_cause_but_no_query) {
  auto r = get_of("http://docker/events?filters=%7B%22type%22%7D");
  r.unix_socket = ::testing::TempDir() + "nobody.sock";
  EXPECT_EQ(fetch(r).error().detail,
            "GET /events at " + r.unix_socket + ": No such file or directory");
}

TEST_F(http_client_test, speaks_over_a_unix_socket) {
  const auto path = ::testing::TempDir() + "client_test_" + std::to_string(::getpid()) + ".sock";
  scripted_server server(path, each_request([](const seen_request& r, scripted_connection& c) {
                           c.answer(200, r.target);
                         }));
  auto r = get_of("http://docker/events");
  r.unix_socket = path;
  const auto answer = fetch(r);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->body, "/events");
}

TEST_F(http_client_test, ignores_the_proxies_of_the_environment) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  scripted_server server(
      each_request([](const seen_request&, auto& c) { c.answer(200, "direct"); }));
  const auto answer = fetch(server.url());
  ::unsetenv("http_proxy");
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->body, "direct");
}

TEST_F(http_client_test, follows_redirects_only_when_asked_and_not_for_ever) {
  scripted_server other(each_request([](const seen_request& r, scripted_connection& c) {
    c.answer(200, r.headers.contains("authorization") ? "leaked" : "kept back");
  }));
  scripted_server server(each_request([&](const seen_request& r, scripted_connection& c) {
    if (r.target == "/away") c.answer(302, "", "Location: " + other.url() + "\r\n");
    if (r.target == "/file") c.answer(302, "", "Location: file:///etc/passwd\r\n");
    if (r.target == "/round") c.answer(302, "", "Location: /round\r\n");
  }));
  auto r = get_of(server.url("/away"));
  r.headers = {{"Authorization", "Bearer x"}};
  EXPECT_EQ(fetch(r)->status, 302U);
  r.max_redirects = 3;
  EXPECT_EQ(fetch(r)->body, "kept back") << "credentials may not follow to another host";
  r.url = server.url("/round");
  EXPECT_EQ(fetch(r)->status, 302U);
  r.url = server.url("/file");
  EXPECT_EQ(fetch(r)->status, 302U);
  r.url = server.url("/away");
  r.method = "POST";
  EXPECT_EQ(fetch(r)->status, 302U) << "a POST is never repeated elsewhere";
}

TEST_F(http_client_test, a_stream_hands_over_chunks_as_they_come_and_ends_once) {
  std::promise<void> first_seen;
  scripted_server server([&](scripted_connection& c) {
    c.read_request();
    c.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    first_seen.get_future().wait();  // the client must not need the end to see the beginning
    c.write("3\r\ntwo\r\n0\r\n\r\n");
  });
  std::string got;
  unsigned status = 0;
  std::promise<result<void>> ended;
  auto r = get_of(server.url());
  r.deadline = milliseconds(0);
  ASSERT_TRUE(
      http_.stream(r, {.on_head = [&](const response& head) { status = head.status; },
                       .on_chunk = [&](std::string_view chunk) -> result<void> {
                         if (got.empty()) first_seen.set_value();
                         got += chunk;
                         return {};
                       },
                       .on_end = [&](result<void> end) { ended.set_value(std::move(end)); }}));
  EXPECT_TRUE(test::get(ended.get_future()));
  EXPECT_EQ(got, "onetwo");
  EXPECT_EQ(status, 200U);
}

TEST_F(http_client_test, a_stream_that_falls_silent_ends_at_its_idle_deadline) {
  scripted_server server([&](scripted_connection& c) {
    c.read_request();
    c.write("HTTP/1.1 200 OK\r\n\r\nx");
    c.wait_for_close();
  });
  auto r = get_of(server.url());
  r.deadline = milliseconds(0);
  r.idle_deadline = milliseconds(50);
  std::promise<result<void>> ended;
  ASSERT_TRUE(http_.stream(r, {.on_head = {}, .on_chunk = {}, .on_end = [&](result<void> end) {
                                 ended.set_value(std::move(end));
                               }}));
  const auto end = test::get(ended.get_future());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, fault_kind::timed_out);
}

TEST_F(http_client_test, cancelling_inside_a_chunk_ends_the_stream_without_another_call) {
  std::promise<void> closed;
  scripted_server server([&](scripted_connection& c) {
    c.read_request();
    c.write("HTTP/1.1 200 OK\r\n\r\nx");
    c.wait_for_close();
    closed.set_value();
  });
  auto r = get_of(server.url());
  r.deadline = milliseconds(0);
  std::atomic<int> chunks{0};
  std::atomic<int> ends{0};
  auto handle = std::make_shared<transfer_handle>();
  std::promise<void> have_handle;
  auto ready = have_handle.get_future().share();
  const auto started = http_.stream(r, {.on_head = {},
                                        .on_chunk = [&](std::string_view) -> result<void> {
                                          ready.wait();
                                          ++chunks;
                                          handle->cancel();
                                          return {};
                                        },
                                        .on_end = [&](result<void>) { ++ends; }});
  ASSERT_TRUE(started);
  *handle = *started;
  have_handle.set_value();
  test::get(closed.get_future());
  on_loop([] {});
  EXPECT_EQ(chunks, 1);
  EXPECT_EQ(ends, 0);
}

TEST_F(http_client_test, cancelling_from_another_thread_closes_the_connection) {
  std::promise<void> asked;
  std::promise<void> closed;
  scripted_server server([&](scripted_connection& c) {
    c.read_request();
    asked.set_value();
    c.wait_for_close();
    closed.set_value();
  });
  std::atomic<int> calls{0};
  auto r = get_of(server.url());
  auto handle = http_.send(r, [&](auto) { ++calls; });
  ASSERT_TRUE(handle);
  test::get(asked.get_future());
  handle->cancel();
  test::get(closed.get_future());
  EXPECT_EQ(calls, 0);
}

class bounded_client_test : public test::loop_fixture {
 protected:
  bounded_client_test() : loop_fixture({}, {.max_transfers = 2, .max_queued = 1}) {}
};

TEST_F(bounded_client_test, never_runs_more_at_once_than_allowed_and_refuses_beyond_the_queue) {
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  std::promise<void> both;
  std::promise<void> go;
  auto released = go.get_future().share();
  scripted_server server([&](scripted_connection& c) {
    while (c.read_request()) {
      const int now = ++open;
      most = std::max(most.load(), now);
      if (now == 2) both.set_value();
      released.wait();
      --open;
      c.answer(200, "ok");
    }
  });
  std::vector<std::future<result<response>>> answers;
  const auto send = [&] {
    auto done = std::make_shared<std::promise<result<response>>>();
    answers.push_back(done->get_future());
    ASSERT_TRUE(
        http_.send(get_of(server.url()), [done](auto a) { done->set_value(std::move(a)); }));
  };
  for (int i = 0; i < 4; ++i) send();
  test::get(both.get_future());
  const auto refused = test::get(std::move(answers.at(3)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::overloaded);
  go.set_value();
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(test::get(std::move(answers.at(static_cast<std::size_t>(i)))));
  EXPECT_EQ(most, 2);
}

TEST_F(bounded_client_test, a_deadline_counts_the_time_in_the_queue) {
  scripted_server server([&](scripted_connection& c) {
    c.read_request();
    c.wait_for_close();
  });
  auto slow = get_of(server.url());
  slow.deadline = milliseconds(0);
  std::vector<transfer_handle> held;
  for (int i = 0; i < 2; ++i) held.push_back(*http_.send(slow, [](auto) {}));
  auto r = get_of(server.url());
  r.deadline = milliseconds(30);
  const auto answer = fetch(r);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::timed_out);
}

TEST_F(http_client_test, stopping_ends_what_is_under_way_and_refuses_what_comes_later) {
  std::promise<void> asked;
  scripted_server server([&](scripted_connection& c) {
    c.read_request();
    asked.set_value();
    c.wait_for_close();
  });
  std::promise<result<response>> done;
  ASSERT_TRUE(http_.send(get_of(server.url()), [&](auto a) { done.set_value(std::move(a)); }));
  test::get(asked.get_future());
  on_loop([&] { http_.stop(); });
  const auto answer = test::get(done.get_future());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::closed);
  EXPECT_FALSE(http_.send(get_of(server.url()), [](auto) {}));
}

struct closed_gate {
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
};

// The lookup thread is left behind, so what it waits for must not belong to the test.
class slow_names_test : private closed_gate, public test::loop_fixture {
 protected:
  slow_names_test()
      : loop_fixture({.lookup = [gate = opened](const std::string&) -> result<net::addresses> {
          gate.wait();
          return fault{fault_kind::not_found, fault_side::upstream, retryable::no, "late"};
        }}) {}
  ~slow_names_test() override { open.set_value(); }
};

TEST_F(slow_names_test, a_name_that_is_never_answered_holds_nobody_up) {
  scripted_server server(each_request([](const seen_request&, auto& c) { c.answer(200, "ok"); }));
  auto r = get_of("http://silent.example/");
  r.deadline = milliseconds(50);
  const auto silent = fetch(r);
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, fault_kind::timed_out);
  EXPECT_TRUE(fetch(server.url())) << "the loop goes on";
}

}  // namespace
}  // namespace stagedoor::client
