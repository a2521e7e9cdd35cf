// SPDX-License-Identifier: Apache-2.0
// The same supervisor on the real scheduler: two threads, real time, children that crash at once.
#include "actors/supervision/supervisor.hpp"
#include "actors/support/system_config.hpp"
#include "messages/all.hpp"
#include "runtime/base/log.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>

namespace stagedoor::supervision {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t children = 2000;
constexpr auto patience = 30s;  // only ever waited for in full when the test fails

struct counters {
  std::atomic<std::size_t> ups{0};
  std::atomic<std::size_t> downs{0};
  std::promise<void> all_up_twice;
};

/// Crashes in its first life, at the first message it gets.
class worker final : public actors::shell {
 public:
  worker(caf::actor_config& cfg, counters& count) : shell(cfg, "worker"), count_(count) {}
  caf::behavior make_behavior() override {
    if (++count_.ups == 2 * children) count_.all_up_twice.set_value();
    return {[](const messages::done&) { throw std::runtime_error("first night"); }};
  }
  void on_exit() override { ++count_.downs; }

 private:
  counters& count_;
};

TEST(supervisor_threads, restarts_and_stops_thousands_on_two_threads) {
  log::set_level(log::level::off);  // four thousand lines that say what is meant to happen
  counters count;
  std::promise<void> stopped;
  {
    actors::system_config config;
    caf::actor_system system{config};
    supervisor_plan plan;
    plan.options.backoff.min = 1ms;
    plan.options.dynamic_budget = {children, 60s};
    plan.make_dynamic = [&](actors::shell& parent, const child_context&) -> caf::actor {
      return parent.spawn<worker>(count);
    };
    const auto top = system.spawn<supervisor>(plan);
    top->attach_functor([&] { stopped.set_value(); });
    for (std::size_t n = 0; n < children; ++n)
      actors::tell(top, messages::start_child{"w" + std::to_string(n), {}});
    system.spawn<actors::errand>([top](caf::event_based_actor* self) {
      for (std::size_t n = 0; n < children; ++n)
        actors::ask<messages::child_location>(
            self, top, messages::locate_child{"w" + std::to_string(n)}, patience,
            [](const messages::child_location& found) {
              actors::tell(found.handle, messages::done{});
            },
            [](const fault& f) { ADD_FAILURE() << to_string(f); });
    });
    EXPECT_EQ(count.all_up_twice.get_future().wait_for(patience), std::future_status::ready);
    actors::stop(top);
    EXPECT_EQ(stopped.get_future().wait_for(patience), std::future_status::ready);
  }
  log::set_level(log::level::info);
  EXPECT_EQ(count.ups, 2 * children);
  EXPECT_EQ(count.downs, count.ups);
}

}  // namespace
}  // namespace stagedoor::supervision
