// SPDX-License-Identifier: Apache-2.0
// A loop on its own thread with a resolver and an HTTP client, and calls that wait for the answer.
#pragma once

#include "runtime/client/http_client.hpp"

#include <csignal>
#include <future>
#include <gtest/gtest.h>

namespace stagedoor::test {

inline constexpr seconds patience{20};  ///< longer than any deadline a test relies on

/// Waits for a promised value; a failure of the test when it does not come.
template <class T>
T get(std::future<T> f) {
  if (f.wait_for(patience) != std::future_status::ready) throw std::runtime_error("nothing came");
  return f.get();
}

class loop_fixture : public ::testing::Test {
 protected:
  explicit loop_fixture(net::resolver_options names = {}, client::http_client_options http = {})
      : names_(loop_, std::move(names)), http_(loop_, names_, std::move(http)) {
    std::signal(SIGPIPE, SIG_IGN);
    loop_.start();
  }
  ~loop_fixture() override { loop_.stop(); }

  result<client::response> fetch(client::request r) {
    auto done = std::make_shared<std::promise<result<client::response>>>();
    const auto sent =
        http_.send(std::move(r), [done](auto answer) { done->set_value(std::move(answer)); });
    if (!sent) return sent.error();
    return get(done->get_future());
  }
  result<client::response> fetch(std::string url) {
    client::request r;
    r.url = std::move(url);
    return fetch(std::move(r));
  }
  /// Runs |f| on the loop and waits for it.
  template <class F>
  void on_loop(F f) {
    std::promise<void> done;
    ASSERT_TRUE(loop_.post([&] {
      f();
      done.set_value();
    }));
    get(done.get_future());
  }

  loop loop_;
  net::resolver names_;
  client::http_client http_;
};

}  // namespace stagedoor::test
