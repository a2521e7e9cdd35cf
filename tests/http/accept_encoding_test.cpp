// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/accept_encoding.hpp"

#include <gtest/gtest.h>

namespace stagedoor::http {
namespace {

struct wish {
  const char* header;
  const char* expected;
};

class negotiation : public testing::TestWithParam<wish> {};

TEST_P(negotiation, takes_the_best_that_is_offered) {
  const std::vector offered{coding::gzip, coding::brotli, coding::zstd};
  EXPECT_EQ(to_string(negotiate_coding(GetParam().header, offered, {})), GetParam().expected)
      << GetParam().header;
}

INSTANTIATE_TEST_SUITE_P(
    all, negotiation,
    testing::Values(wish{"", "identity"}, wish{"gzip", "gzip"}, wish{"GZIP", "gzip"},
                    wish{"x-gzip", "gzip"}, wish{"br", "br"}, wish{"zstd", "zstd"},
                    wish{"deflate", "identity"},
                    wish{"zstd, br, gzip", "gzip"},  // our order among equals
                    wish{"gzip;q=0.5, br;q=0.8", "br"}, wish{"gzip;q=0.5,br; q=0.501", "br"},
                    wish{"gzip;q=0", "identity"}, wish{"gzip;q=0.0, zstd", "zstd"},
                    wish{"*", "gzip"}, wish{"*;q=0", "identity"}, wish{"gzip;q=0, *", "br"},
                    wish{"gzip;q=0.1, *;q=0.9", "br"}, wish{"gzip;q=0.9, *;q=0.1", "gzip"},
                    wish{"identity", "identity"}, wish{"identity;q=1, gzip;q=0.5", "identity"},
                    wish{"identity;q=0.5, gzip;q=0.5", "gzip"}, wish{"identity;q=0, gzip", "gzip"},
                    wish{"gzip;q=2", "identity"}, wish{"gzip;q=x, br", "br"},
                    wish{"gzip;q=-1", "identity"}, wish{"gzip;q=0.1234", "identity"},
                    wish{"gzip;level=1;q=0.4, br;q=0.3", "gzip"}, wish{" , ,gzip,", "gzip"},
                    wish{";;;", "identity"}, wish{"gzip;", "gzip"}));

TEST(negotiation_fallback, stands_for_the_star) {
  const std::vector offered{coding::gzip, coding::brotli};
  EXPECT_EQ(negotiate_coding("*", offered, coding::brotli), coding::brotli);
  EXPECT_EQ(negotiate_coding("br;q=0, *", offered, coding::brotli), coding::gzip);
  EXPECT_EQ(negotiate_coding("*", offered, coding::zstd), coding::gzip) << "not offered";
  EXPECT_EQ(negotiate_coding("gzip, br, *", {}, {}), coding::identity);
}

}  // namespace
}  // namespace stagedoor::http
