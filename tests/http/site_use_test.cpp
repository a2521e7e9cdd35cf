// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/site_use.hpp"

#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

const mono_time start = mono_time{} + std::chrono::hours(100);

TEST(site_use, a_published_site_counts_as_used_then) {
  const site_use use(start);
  EXPECT_EQ(use.idle(start), seconds(0));
  EXPECT_EQ(use.idle(start + seconds(30)), seconds(30));
}

TEST(site_use, is_written_only_when_it_would_move_by_eight_seconds) {
  site_use use(start);
  use.stamp(start + seconds(7));
  EXPECT_EQ(use.idle(start + seconds(7)), seconds(7));  // not written
  use.stamp(start + seconds(8));
  EXPECT_EQ(use.idle(start + seconds(8)), seconds(0));
}

TEST(site_use, the_clock_of_another_lane_may_lag) {
  site_use use(start);
  use.stamp(start - seconds(60));
  EXPECT_EQ(use.idle(start), seconds(0));
  EXPECT_EQ(use.idle(start - seconds(1)), seconds(0));
}

}  // namespace
}  // namespace stagedoor::http
