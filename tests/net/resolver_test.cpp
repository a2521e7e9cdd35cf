// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/resolver.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>

namespace stagedoor::net {
namespace {

addresses one(const char* ip) { return {*address::parse_ip(ip, 0)}; }

// A name server that answers when the test says so.
struct gate {
  std::promise<void> promise;
  std::shared_future<void> opened = promise.get_future().share();
  std::atomic<int> asked{0};
  std::atomic<int> inside{0};
  std::atomic<int> most{0};

  result<addresses> operator()(const std::string& host) {
    ++asked;
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    opened.wait();
    --inside;
    if (host.starts_with("missing"))
      return fault{fault_kind::not_found, fault_side::upstream, retryable::no, host};
    return one("192.0.2.1");
  }
};

struct fixture {
  explicit fixture(resolver_options options = {}) : names(l, with_gate(std::move(options))) {
    l.start();
  }
  ~fixture() {
    l.stop();
    names.stop();
    if (!open) g->promise.set_value();
  }
  resolver_options with_gate(resolver_options o) {
    o.lookup = [g = g](const std::string& host) { return (*g)(host); };
    return o;
  }
  void open_gate() {
    open = true;
    g->promise.set_value();
  }
  std::future<result<addresses>> ask(const std::string& host,
                                     milliseconds timeout = milliseconds(10'000)) {
    auto done = std::make_shared<std::promise<result<addresses>>>();
    auto f = done->get_future();
    EXPECT_TRUE(
        names.resolve(host, timeout, [done](auto found) { done->set_value(std::move(found)); }));
    return f;
  }
  std::shared_ptr<gate> g = std::make_shared<gate>();
  bool open = false;
  loop l;
  resolver names;
};

/// Waits for a promised value; a failure of the test when it does not come.
template <class T>
T get(std::future<T> f) {
  if (f.wait_for(seconds(20)) != std::future_status::ready)
    throw std::runtime_error("nothing came");
  return f.get();
}

TEST(resolver, knows_numeric_addresses_without_asking) {
  fixture f;
  EXPECT_EQ(get(f.ask("127.0.0.1"))->front().ip(), "127.0.0.1");
  EXPECT_EQ(get(f.ask("::1"))->front().ip(), "::1");
  EXPECT_EQ(f.g->asked, 0);
}

TEST(resolver, asks_the_machine_for_real_names) {
  const auto found = system_lookup("localhost");
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_TRUE(found->front().ip() == "127.0.0.1" || found->front().ip() == "::1");
}

TEST(resolver, refuses_what_is_no_host_name) {
  fixture f;
  for (const auto* host : {"", "a b", "a/b", "a\nb", "caf\xc3\xa9.example"}) {
    const auto found = get(f.ask(host));
    ASSERT_FALSE(found) << host;
    EXPECT_EQ(found.error().kind, fault_kind::invalid) << host;
  }
  EXPECT_EQ(get(f.ask(std::string(254, 'a'))).error().kind, fault_kind::invalid);
}

TEST(resolver, asks_once_for_many_who_wait_for_one_name) {
  fixture f;
  std::vector<std::future<result<addresses>>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(f.ask("portal-api"));
  f.open_gate();
  for (auto& w : waiting) EXPECT_EQ(get(std::move(w))->front().ip(), "192.0.2.1");
  EXPECT_EQ(f.g->asked, 1);
}

TEST(resolver, keeps_an_answer_but_no_failure) {
  fixture f;
  f.open_gate();
  (void)get(f.ask("portal-api"));
  (void)get(f.ask("portal-api"));
  EXPECT_EQ(f.g->asked, 1);
  EXPECT_EQ(get(f.ask("missing-api")).error().kind, fault_kind::not_found);
  EXPECT_EQ(get(f.ask("missing-api")).error().kind, fault_kind::not_found);
  EXPECT_EQ(f.g->asked, 3);
}

TEST(resolver, a_deadline_holds_although_the_call_cannot_be_cancelled) {
  fixture f({.threads = 1});
  const auto found = get(f.ask("silent-api", milliseconds(30)));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, fault_kind::timed_out);
  // The same name again waits for the same call instead of taking another thread.
  EXPECT_EQ(get(f.ask("silent-api", milliseconds(30))).error().kind, fault_kind::timed_out);
  EXPECT_LE(f.g->asked, 1);
}

TEST(resolver, never_makes_more_calls_at_once_than_it_has_threads) {
  fixture f({.threads = 2});
  std::vector<std::future<result<addresses>>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(f.ask("host-" + std::to_string(i)));
  f.open_gate();
  for (auto& w : waiting) EXPECT_TRUE(get(std::move(w)));
  EXPECT_LE(f.g->most, 2);
  EXPECT_EQ(f.g->asked, 10);
}

TEST(resolver, refuses_more_names_and_more_callers_than_its_limits) {
  fixture f({.max_lookups = 2, .max_waiters = 3});
  auto a = f.ask("a");
  auto b = f.ask("b");
  EXPECT_EQ(get(f.ask("c")).error().kind, fault_kind::overloaded);
  auto again = f.ask("a");
  EXPECT_EQ(get(f.ask("a")).error().kind, fault_kind::overloaded);
  f.open_gate();
  EXPECT_TRUE(get(std::move(a)));
  EXPECT_TRUE(get(std::move(b)));
  EXPECT_TRUE(get(std::move(again)));
}

TEST(resolver, stopping_does_not_wait_for_a_call_that_hangs) {
  fixture f({.threads = 1});
  (void)get(f.ask("silent-api", milliseconds(10)));
  f.l.stop();
  f.names.stop();  // returns although the gate is closed
  EXPECT_FALSE(f.names.resolve("x", milliseconds(1), [](auto) {}));
}

}  // namespace
}  // namespace stagedoor::net
