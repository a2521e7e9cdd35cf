// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/upstream_pool.hpp"

#include "runtime/net/socket.hpp"
#include "tests/support/loop_driver.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

class upstream_pool_test : public testing::Test {
 protected:
  static constexpr std::size_t limit = 3;

  upstream_pool_test() : listener_(*net::listen_tcp(*net::address::parse_ip("127.0.0.1", 0))) {}

  upstream_server& server() { return pool_.server(*net::local_address(listener_.get())); }

  std::vector<std::unique_ptr<upstream_connection>> open(std::size_t count) {
    std::vector<std::unique_ptr<upstream_connection>> out;
    while (out.size() < count) {
      auto made = pool_.connect(server());
      EXPECT_TRUE(made);
      out.push_back(*std::move(made));
    }
    EXPECT_TRUE(test::turn_until(loop_, [&] {
      return std::none_of(out.begin(), out.end(), [](const auto& c) { return c->connecting; });
    }));
    return out;
  }
  void keep(std::vector<std::unique_ptr<upstream_connection>> all) {
    for (auto& c : all) pool_.keep(std::move(c));
  }
  bool open_becomes(std::size_t count) {
    return test::turn_until(loop_, [&] { return server().open == count; });
  }

  unique_fd listener_;
  loop loop_;
  buffer_pool buffers_;
  upstream_pool pool_{loop_, buffers_, {seconds(90), limit, milliseconds(50), 0}};
};

TEST_F(upstream_pool_test, what_was_used_last_is_used_first) {
  auto both = open(2);
  const auto* last = both[1].get();
  keep(std::move(both));
  auto again = pool_.reuse(server());
  EXPECT_EQ(again.get(), last);
  EXPECT_TRUE(again->reused);
  pool_.drop(std::move(again));
  EXPECT_EQ(server().open, 1U);
}

TEST_F(upstream_pool_test, a_burst_finds_its_connections_again) {
  keep(open(limit + 5));
  EXPECT_EQ(server().open, limit + 5) << "nothing is closed in the turn";
  for (std::size_t i = 0; i < limit + 5; ++i) {
    auto again = pool_.reuse(server());
    ASSERT_TRUE(again);
    pool_.keep(std::move(again));
  }
  EXPECT_EQ(server().open, limit + 5);
}

TEST_F(upstream_pool_test, what_is_beyond_the_limit_and_not_used_is_closed_after_a_while) {
  keep(open(limit + 5));
  EXPECT_TRUE(open_becomes(limit));
  for (int i = 0; i < 5; ++i) loop_.turn(milliseconds(20));
  EXPECT_EQ(server().open, limit) << "and no more than that";
}

TEST_F(upstream_pool_test, those_in_use_do_not_count) {
  auto used = open(5);
  keep(open(limit));
  for (int i = 0; i < 5; ++i) loop_.turn(milliseconds(20));
  EXPECT_EQ(server().open, limit + 5);
  keep(std::move(used));
  EXPECT_TRUE(open_becomes(limit));
}

}  // namespace
}  // namespace stagedoor::http
