// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/missing_names.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace stagedoor::snapshot {
namespace {

class waiter final : public name_waiter {
 public:
  std::vector<activation> told;

 private:
  void name_answered(activation outcome) override { told.push_back(outcome); }
};

class missing_names_test : public ::testing::Test {
 protected:
  void start(missing_names_options options = {}) {
    names = std::make_unique<missing_names>(
        l, options, [this](std::string name, std::function<void(activation)> done) {
          asked.push_back(std::move(name));
          answers.push_back(std::move(done));
        });
  }
  void turn() { l.turn(milliseconds(0)); }

  loop l;
  std::vector<std::string> asked;
  std::vector<std::function<void(activation)>> answers;
  std::unique_ptr<missing_names> names;
};

TEST_F(missing_names_test, an_answer_of_another_thread_reaches_the_loop) {
  start();
  waiter w;
  EXPECT_FALSE(names->ask("team-a", w));
  EXPECT_EQ(asked, std::vector<std::string>{"team-a"});
  std::thread([&] { answers[0](activation::active); }).join();
  EXPECT_TRUE(w.told.empty()) << "not in somebody else's thread";
  turn();
  EXPECT_EQ(w.told, std::vector{activation::active});
}

TEST_F(missing_names_test, an_answer_at_once_comes_in_a_later_turn_all_the_same) {
  names = std::make_unique<missing_names>(
      l, missing_names_options{},
      [](const std::string&, const std::function<void(activation)>& done) {
        done(activation::unknown);
      });
  waiter w;
  EXPECT_FALSE(names->ask("nobody", w));
  EXPECT_TRUE(w.told.empty());
  turn();
  EXPECT_EQ(w.told, std::vector{activation::unknown});
  EXPECT_EQ(names->ask("nobody", w), activation::unknown);
}

TEST_F(missing_names_test, no_answer_fails_in_time) {
  start({.deadline = seconds(0)});
  waiter w;
  EXPECT_FALSE(names->ask("slow", w));
  for (int i = 0; i < 100 && w.told.empty(); ++i) l.turn(milliseconds(10));
  EXPECT_EQ(w.told, std::vector{activation::failed});
}

TEST_F(missing_names_test, answers_outlive_it) {
  start();
  waiter w;
  EXPECT_FALSE(names->ask("before", w));
  answers[0](activation::active);  // on its way when it ends
  EXPECT_TRUE(w.waiting());
  names.reset();
  EXPECT_FALSE(w.waiting());
  turn();
  answers[0](activation::active);
  EXPECT_TRUE(w.told.empty());
}

TEST(host_labels, are_what_a_team_can_be_called) {
  for (const auto* good : {"a", "team-a", "0", "x--y", "xn--bcher-kva"})
    EXPECT_TRUE(is_host_label(good)) << good;
  for (const auto* bad : {"", "-a", "a-", "A", "a.b", "a_b", "*", "a b", "\xc3\xa4"})
    EXPECT_FALSE(is_host_label(bad)) << bad;
  EXPECT_TRUE(is_host_label(std::string(63, 'a')));
  EXPECT_FALSE(is_host_label(std::string(64, 'a')));
}

}  // namespace
}  // namespace stagedoor::snapshot
