// SPDX-License-Identifier: Apache-2.0
#include "actors/support/owner_proofs.hpp"

#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

TEST(owner_proofs_test, what_was_written_is_read_again) {
  for (const messages::owner_proof& p :
       {messages::owner_proof{{"team", "team-a", 3}, "node-1", std::string(32, 'f'), 1U << 20U},
        messages::owner_proof{}}) {
    const auto read = parse_owner_proof(to_text(p));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, p);
  }
}

TEST(owner_proofs_test, anything_else_is_refused) {
  for (const char* text : {"", "team", "k\ni\n0\nn\nr", "k\ni\n0\nn\nr\n", "k\ni\n0\nn\nr\n1\n",
                           "k\ni\n-1\nn\nr\n1", "k\ni\n0\nn\nr\n1x", "k\ni\n4294967296\nn\nr\n1"}) {
    const auto read = parse_owner_proof(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, fault_kind::malformed);
  }
}

}  // namespace
}  // namespace stagedoor::actors
