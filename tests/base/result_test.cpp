// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/result.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <memory>

namespace stagedoor {
namespace {

result<std::unique_ptr<int>> positive(int n) {
  if (n <= 0) return fault{fault_kind::invalid, fault_side::client, retryable::no, "not positive"};
  return std::make_unique<int>(n);
}

TEST(result, holds_a_move_only_value) {
  auto r = positive(3);
  ASSERT_TRUE(r);
  EXPECT_EQ(*std::move(r).value(), 3);
}

TEST(result, holds_the_fault_that_took_the_values_place) {
  const auto r = positive(0);
  ASSERT_FALSE(r);
  EXPECT_EQ(to_string(r.error()), "client invalid: not positive");
}

TEST(fault, errno_decides_the_kind_and_whether_to_try_again) {
  const fault f = errno_fault(fault_side::upstream, "connect 127.0.0.1:1", ECONNREFUSED);
  EXPECT_EQ(f.kind, fault_kind::unreachable);
  EXPECT_EQ(f.retry, retryable::yes);
  EXPECT_EQ(f.detail, "connect 127.0.0.1:1: Connection refused");
}

}  // namespace
}  // namespace stagedoor
