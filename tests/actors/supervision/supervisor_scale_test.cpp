// SPDX-License-Identifier: Apache-2.0
// A hundred thousand children of one supervisor: what each costs, and that none costs more because
// there are many.
#include "actors/supervision/supervisor.hpp"
#include "messages/all.hpp"
#include "tests/support/actor_fixture.hpp"

#include <chrono>
#include <cstdio>
#include <malloc.h>
#include <string>

namespace stagedoor::supervision {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t crowd = 100'000;

class extra final : public actors::shell {
 public:
  explicit extra(caf::actor_config& cfg) : shell(cfg, "extra") {}
  caf::behavior make_behavior() override {
    return {[this](const messages::done&) {
      quit(actors::to_error(actors::end_reason{actors::end_kind::crashed, "told to"}));
    }};
  }
};

std::string name_of(std::size_t n) { return "team-" + std::to_string(n); }

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class supervisor_scale : public actors::actor_fixture {
 protected:
  supervisor_scale() {
    supervisor_plan plan;
    plan.name = "crowd";
    plan.make_dynamic = [](actors::shell& parent, const child_context&) -> caf::actor {
      return parent.spawn<extra>();
    };
    top_ = spawn<supervisor>(plan);
  }
  void add(std::size_t from, std::size_t to) {
    for (auto n = from; n < to; ++n) {
      actors::tell(top_, messages::start_child{name_of(n), {}});
      if (n % 1000 == 0) run();  // in batches, so that the mailbox is not what is measured
    }
    run();
  }
  /// Seconds for `rounds` times: find a child, end it, start it again, and let another one crash.
  double churn(std::size_t rounds, std::size_t among) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < rounds; ++i) {
      const auto n = i * 7919 % among;
      const auto found = ask<messages::child_location>(top_, messages::locate_child{name_of(n)});
      EXPECT_TRUE(found && found->handle);
      EXPECT_TRUE(ask<messages::child_stopped>(top_, messages::stop_child{name_of(n)}));
      EXPECT_TRUE(ask<messages::child_location>(top_, messages::start_child{name_of(n), {}}));
      const auto crashing =
          ask<messages::child_location>(top_, messages::locate_child{name_of((n + 1) % among)});
      if (crashing) tell(crashing->handle, messages::done{});
    }
    return seconds_since(begin);
  }

  caf::actor top_;
};

TEST_F(supervisor_scale, a_child_is_small_and_quick_and_costs_the_same_in_a_crowd) {
  add(0, 1000);
  const auto alone = churn(500, 1000);
  advance(1h);

  const auto before = mallinfo2().uordblks;
  const auto begin = std::chrono::steady_clock::now();
  add(1000, 1000 + crowd);
  const auto took = seconds_since(begin);
  const auto bytes = static_cast<double>(mallinfo2().uordblks - before) / crowd;
  const auto crowded = churn(500, 1000 + crowd);

  std::printf("children=%zu bytes_per_child=%.0f children_per_s=%.0f churn_ratio=%.2f\n", crowd,
              bytes, static_cast<double>(crowd) / took, crowded / alone);
  RecordProperty("bytes_per_child", static_cast<int>(bytes));
  RecordProperty("children_per_s", static_cast<int>(static_cast<double>(crowd) / took));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_GT(bytes, 500) << "the measurement is wrong";
  EXPECT_LT(bytes, 2048);
#endif
  EXPECT_LT(crowded / alone, 10) << "an operation looks at all children";

  const auto stopping = std::chrono::steady_clock::now();
  stop(top_);
  EXPECT_FALSE(alive(top_));
  std::printf("stop_s=%.2f\n", seconds_since(stopping));
}

}  // namespace
}  // namespace stagedoor::supervision
