// SPDX-License-Identifier: Apache-2.0
#include "actors/publishers/table_publisher.hpp"

#include "tests/support/actor_fixture.hpp"

#include <deque>

namespace stagedoor::actors {

// Any change will do: this one takes the place of the sites' in this program.
struct change_sites {
  using value_type = int;
  std::function<void(snapshot::table_writer<int>&)> stage;
};

namespace {

using publisher_actor = table_publisher<change_sites>;

change_sites put(const char* key, int value) {
  return {[=](snapshot::table_writer<int>& table) { table.put(key, value); }};
}

struct table_publisher_test : actor_fixture {
  snapshot::table_view<int> view{4};
  std::deque<loop::task> posted;
  std::shared_ptr<publisher_actor::table_type> table =
      std::make_shared<publisher_actor::table_type>(
          std::vector<snapshot::subscription<int>>{
              {[this](loop::task t) {
                 posted.push_back(std::move(t));
                 return true;
               },
               [this](const snapshot::delta<int>& d) { view.apply(d); }}},
          nullptr, 4);

  int answered = 0;

  /// Asks and comes back without waiting for the answer, which is counted.
  void ask_later(const caf::actor& owner, change_sites change) {
    send_on_errand([=, this](caf::event_based_actor* self) {
      actors::ask<messages::published>(
          self, owner, change, seconds(2), [this](messages::published&) { ++answered; },
          [](const fault& f) { ADD_FAILURE() << to_string(f); });
    });
    run();
  }

  void run_loop() {
    while (!posted.empty()) {
      const auto task = std::move(posted.front());
      posted.pop_front();
      task();
    }
    run();
  }
};

TEST_F(table_publisher_test, answers_when_the_loops_have_swapped_and_not_before) {
  const auto owner = spawn<publisher_actor>("sites", table);
  ask_later(owner, put("a", 1));
  EXPECT_EQ(answered, 0);
  run_loop();
  ASSERT_EQ(answered, 1);
  EXPECT_EQ(*view.find("a"), 1);
}

TEST_F(table_publisher_test, a_restart_keeps_the_table_and_answers_new_callers) {
  const auto first = spawn<publisher_actor>("sites", table);
  tell(first, put("a", 1));
  kill(first);  // while the delta is on its way
  const auto second = spawn<publisher_actor>("sites", table);
  ask_later(second, put("b", 2));
  run_loop();
  advance(milliseconds(20));  // nobody told the second one; it looks by itself
  run_loop();
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(*view.find("a"), 1);
  EXPECT_EQ(*view.find("b"), 2);
}

}  // namespace
}  // namespace stagedoor::actors
