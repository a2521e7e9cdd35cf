// SPDX-License-Identifier: Apache-2.0
#include "actors/admin/status_collector.hpp"

#include "actors/support/actor_names.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::SizeIs;
using rows = std::vector<messages::status_row>;
using tell_rows = std::function<void(rows)>;

struct status_collector_test : actor_fixture {
  std::vector<tell_rows> asked;  ///< by loops that have not answered
  std::optional<result<messages::status_rows>> answer;
  caf::actor collector;

  loop_report waiting_loop() {
    return [this](tell_rows tell) {
      asked.push_back(std::move(tell));
      return true;
    };
  }
  static loop_report full_loop() {
    return [](const tell_rows&) { return false; };
  }
  void start(std::vector<loop_report> loops) {
    collector = spawn<status_collector>(std::move(loops));
  }
  void question() {
    send_on_errand([this](caf::event_based_actor* self) {
      actors::ask<messages::status_rows>(
          self, collector, messages::report_status{}, seconds(2),
          [this](messages::status_rows& found) { answer = found; },
          [this](const fault& f) { answer = f; });
    });
    run();
  }
};

TEST_F(status_collector_test, answers_when_the_last_loop_has_with_the_rows_of_all) {
  start({waiting_loop(), waiting_loop()});
  EXPECT_EQ(find_name(system(), "loops"), collector);
  question();
  ASSERT_THAT(asked, SizeIs(2));
  asked[1]({{"loop 1", "requests", "5"}});
  run();
  EXPECT_FALSE(answer);
  asked[0]({{"loop 0", "requests", "7"}, {"loop 0", "errors", "0"}});
  run();
  ASSERT_TRUE(answer && answer->has_value());
  ASSERT_THAT((*answer)->rows, SizeIs(3));
  EXPECT_EQ((*answer)->rows[0].subsystem, "loop 1");
  EXPECT_EQ((*answer)->rows[2].key, "errors");
}

TEST_F(status_collector_test, a_loop_that_is_full_is_left_out) {
  start({full_loop(), waiting_loop(), full_loop()});
  question();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_FALSE(answer);
  asked[0]({{"loop 1", "requests", "5"}});
  run();
  ASSERT_TRUE(answer && answer->has_value());
  EXPECT_THAT((*answer)->rows, SizeIs(1));
}

TEST_F(status_collector_test, questions_that_overlap_do_not_mix) {
  start({waiting_loop()});
  question();
  question();
  ASSERT_THAT(asked, SizeIs(2));
  asked[1]({{"loop 0", "n", "second"}});
  run();
  ASSERT_TRUE(answer && answer->has_value());
  ASSERT_THAT((*answer)->rows, SizeIs(1));
  EXPECT_EQ((*answer)->rows[0].value, "second");
  asked[0]({{"loop 0", "n", "first"}});
  run();
  ASSERT_THAT((*answer)->rows, SizeIs(1));
  EXPECT_EQ((*answer)->rows[0].value, "first");
}

TEST_F(status_collector_test, a_loop_that_never_answers_costs_the_callers_deadline) {
  start({waiting_loop(), full_loop()});
  const auto got = ask<messages::status_rows>(collector, messages::report_status{}, seconds(2));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, fault_kind::timed_out);
  asked.clear();  // the loop is gone
}

}  // namespace
}  // namespace stagedoor::actors
