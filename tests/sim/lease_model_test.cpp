// SPDX-License-Identifier: Apache-2.0
// The simulator's store and the scripts decide alike: both get the same generated requests, clock
// jumps, failovers and lost writes, and must give the same answers and publish the same hints.
#include "tests/sim/memory_lease_store.hpp"
#include "tests/sim/redis_lease_server.hpp"

#include <gtest/gtest.h>
#include <random>

namespace stagedoor::test {
namespace {

using namespace cluster;
constexpr milliseconds lease{4'000};

class generator {
 public:
  explicit generator(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  bool chance(std::size_t percent) { return below(100) < percent; }
  /// Few nodes, runs and keys, so that they get in each other's way.
  node_run who() { return {"n" + std::to_string(below(4)), {0, 1 + below(3)}}; }
  owned_key key() { return {chance(50) ? "team" : "zone", "k" + std::to_string(below(4)), 0}; }
  fence number() { return chance(70) ? below(40) : failover_jump * below(3) + below(40); }

  lease_request request() {
    switch (below(12)) {
      case 0:
      case 1:
        return join_cluster{{who(), "10.0.0.1:7443", 1, 2, "b", 100, chance(20)},
                            {0, below(4)},
                            chance(90) ? 0 : number()};
      case 2:
      case 3: return renew_lease{who(), chance(95) ? 0 : number()};
      case 4: return chance(30) ? lease_request{leave_cluster{who()}} : evict_member{who(), who()};
      case 5: return read_members{who(), below(30)};
      case 6: {
        release_owners out{who(), {}};
        for (std::size_t n = 1 + below(3); n > 0; --n) out.items.push_back({key(), number()});
        return out;
      }
      case 7: {
        const auto owned = key();
        return fenced_write{{owned, who(), number()}, {{"SET", "v" + owned.id, "x"}}};
      }
      default: {
        acquire_owners out{who(), chance(95) ? 0 : number(), {}};
        for (std::size_t n = 1 + below(3); n > 0; --n)
          out.claims.push_back({key(), chance(80) ? 0 : number(), chance(50)});
        return out;
      }
    }
  }

 private:
  std::mt19937 random_;
};

class lease_model : public testing::TestWithParam<std::uint32_t> {};

TEST_P(lease_model, decides_as_the_scripts_do) {
  generator random(GetParam());
  redis_lease_server redis(lease);
  memory_lease_store model(lease);
  std::int64_t wall = 1'700'000'000'000;
  auto epoch = redis.epoch();
  auto redis_before = redis.snapshot();
  auto model_before = model.now();
  std::size_t granted = 0;
  for (int step = 0; step < 3'000; ++step) {
    switch (random.below(200)) {
      case 0: wall += 3'600'000; break;  // the server's clock is set
      case 1: wall -= 3'600'000; break;
      case 2:
        redis_before = redis.snapshot();
        model_before = model.now();
        break;
      case 3:
        if (random.chance(50)) {
          redis.restore(redis_before);
          model.restore(model_before);
        }
        redis.fail_over();
        epoch = redis.epoch();
        break;
      default: wall += static_cast<std::int64_t>(random.below(400)); break;
    }
    redis.set_wall(wall);
    // A write that should pass needs the fence that was given out: it is not guessed often.
    auto request = random.request();
    if (auto* write = std::get_if<fenced_write>(&request); write != nullptr && random.chance(70)) {
      const auto found = model.now().owners.find(write->proof.what);
      if (found != model.now().owners.end())
        write->proof = {found->first, found->second.holder, found->second.number};
    }
    const auto expected = model.apply(request, wall, epoch);
    const auto got = redis.ask(request);
    ASSERT_TRUE(got) << "step " << step << ": " << got.error().detail;
    ASSERT_EQ(*got, expected) << "step " << step << ", request " << request.index();
    ASSERT_EQ(redis.take_published(), model.take_published()) << "step " << step;
    if (const auto* claims = std::get_if<acquire_outcome>(&expected))
      for (const auto& c : claims->claims) granted += c.is == claim_result::granted ? 1U : 0U;
  }
  for (const auto& [name, value] : model.now().values)
    EXPECT_EQ(redis.cli()({"GET", name}).text, value);
  EXPECT_GT(granted, 100U) << "the sequence does not reach what it should test";
}

INSTANTIATE_TEST_SUITE_P(seeds, lease_model, testing::Range(1U, 9U));

}  // namespace
}  // namespace stagedoor::test
