// SPDX-License-Identifier: Apache-2.0
// The store through the program's own Redis client, with the server's own clock.
#include "cluster/membership/redis_lease_store.hpp"

#include "runtime/redis/client.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/redis_fixture.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>

namespace stagedoor::cluster {
namespace {

TEST(redis_lease_store_test, asks_by_digest_and_answers_with_values) {
  test::redis_process server;
  loop l;
  redis::endpoint where;
  where.hosts = {{"127.0.0.1", server.port()}};
  redis::client client(l, where);
  ASSERT_TRUE(client.start());
  redis_lease_store store(
      [&](const redis::script& s, std::vector<std::string> keys, std::vector<std::string> arguments,
          mono_time deadline, std::function<void(result<redis::reply>)> done) {
        client.eval(s, std::move(keys), std::move(arguments), deadline, std::move(done));
      },
      milliseconds(4'000));
  const auto ask = [&](const lease_request& what) {
    std::optional<result<lease_answer>> got;
    store.ask(what, mono_clock::now() + seconds(10), [&](result<lease_answer> r) { got = r; });
    EXPECT_TRUE(test::turn_until(l, [&] { return got.has_value(); }));
    if (!got) throw std::runtime_error("no answer");
    return *got;
  };

  const member self{{"a", {1, 2}}, "10.0.0.1:7443", 1, 1, "0.1.0", 100, false};
  const auto joined = ask(join_cluster{self, {}, 0});
  ASSERT_TRUE(joined) << joined.error().detail;
  EXPECT_EQ(std::get<lease_standing>(*joined).is, standing::member);
  const auto claimed = ask(acquire_owners{self.who, 0, {{{"zone", "z", 0}, 0, false}}});
  ASSERT_TRUE(claimed);
  EXPECT_EQ(std::get<acquire_outcome>(*claimed).claims.at(0).is, claim_result::granted);

  auto unsayable = self;
  unsayable.address = "two words";
  const auto refused = ask(join_cluster{unsayable, {}, 0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::invalid);
  client.stop();
}

}  // namespace
}  // namespace stagedoor::cluster
