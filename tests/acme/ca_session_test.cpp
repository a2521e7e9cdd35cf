// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/ca_session.hpp"

#include "runtime/acme/keys.hpp"

#include <gtest/gtest.h>

namespace stagedoor::acme {
namespace {

TEST(ca_session, posts_that_wait_are_limited_and_all_fail_with_the_ca) {
  const auto key = *private_key::create(key_type::ec256);
  ca_options options;
  options.directory_url = "https://ca.test/dir";
  options.max_waiting = 3;
  options.server_tries = 1;
  ca_session session(key, options);
  const mono_time now{seconds(1)};
  std::optional<send_http> http;
  for (std::uint64_t i = 0; i < 2; ++i)
    for (auto& e : session.post(i, {post_to::new_order, {}, "{}"}, now))
      if (auto* s = std::get_if<send_http>(&e)) http = std::move(*s);
  ASSERT_TRUE(http);
  (void)session.post(2, {post_to::new_order, {}, "{}"}, now);
  const auto over = session.post(3, {post_to::new_order, {}, "{}"}, now);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(std::get<failure>(std::get<post_answered>(over[0]).outcome).why.kind,
            fault_kind::overloaded);
  std::size_t failed_posts = 0;
  bool told = false;
  for (auto& e : session.answered(
           http->id, fault{fault_kind::unreachable, fault_side::upstream, retryable::yes, "x"},
           now)) {
    failed_posts += std::holds_alternative<post_answered>(e) ? 1U : 0U;
    told = told || std::holds_alternative<session_failed>(e);
  }
  EXPECT_EQ(failed_posts, 3U);
  EXPECT_TRUE(told);
  EXPECT_FALSE(session.start(now).empty()) << "and it begins anew when asked";
}

}  // namespace
}  // namespace stagedoor::acme
