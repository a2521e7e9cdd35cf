// SPDX-License-Identifier: Apache-2.0
#include "actors/support/shell.hpp"

#include "actors/support/actor_names.hpp"
#include "messages/all.hpp"
#include "runtime/base/log.hpp"
#include "tests/support/actor_fixture.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Throws at stop_child, keeps restart_child unanswered, answers start_child with a fault.
class subject final : public shell {
 public:
  explicit subject(caf::actor_config& cfg) : shell(cfg, "subject") {}
  caf::behavior make_behavior() override {
    return {
        [](const messages::stop_child& m) -> caf::result<messages::done> {
          throw std::runtime_error("no such file: " + m.id);
        },
        [this](const messages::restart_child&) { kept_ = promise<messages::done>(this); },
        [](const messages::start_child&) {
          return reply(result<messages::child_location>(
              fault{fault_kind::conflict, fault_side::client, retryable::no, "exists already"}));
        },
        [this](const messages::locate_child&) { promise<messages::done> dropped(this); },
        [](const messages::which_children&) { return messages::children_listing{}; },
    };
  }

 private:
  promise<messages::done> kept_;
};

class shell_test : public actor_fixture {};

TEST_F(shell_test, an_exceptions_text_reaches_the_caller_the_watcher_and_the_end_reason) {
  const auto actor = spawn<subject>();
  const auto answer = ask<messages::done>(actor, messages::stop_child{"zone.db"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::internal);
  EXPECT_THAT(answer.error().detail, HasSubstr("no such file: zone.db"));
  ASSERT_TRUE(end_of(actor));
  EXPECT_EQ(*end_of(actor), (end_reason{end_kind::crashed, "no such file: zone.db"}));
}

TEST_F(shell_test, an_exceptions_text_reaches_the_log) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "shell_test.log";
  log::to_file(path);
  tell(spawn<subject>(), messages::stop_child{"zone.db"});
  log::to_file("/dev/stderr");
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(text, HasSubstr("actor crashed actor=subject"));
  EXPECT_THAT(text, HasSubstr("error=\"no such file: zone.db\""));
  std::filesystem::remove(path);
}

TEST_F(shell_test, a_fault_comes_back_as_it_was_given) {
  const auto answer = ask<messages::child_location>(spawn<subject>(), messages::start_child{});
  ASSERT_FALSE(answer);
  EXPECT_EQ(to_string(answer.error()), "client conflict: exists already");
  EXPECT_EQ(answer.error().retry, retryable::no);
}

TEST_F(shell_test, a_question_without_an_answer_ends_at_its_deadline) {
  const auto actor = spawn<subject>();
  const auto asked = now();
  const auto answer = ask<messages::done>(actor, messages::restart_child{}, 3s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::timed_out);
  EXPECT_EQ(now() - asked, 3s);
}

TEST_F(shell_test, a_dropped_promise_answers_at_once) {
  const auto asked = now();
  const auto answer = ask<messages::done>(spawn<subject>(), messages::locate_child{});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::closed);
  EXPECT_EQ(now(), asked);
}

TEST_F(shell_test, asking_a_dead_actor_or_none_fails_at_once) {
  const auto actor = spawn<subject>();
  kill(actor);
  const auto asked = now();
  const auto dead = ask<messages::done>(actor, messages::restart_child{});
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().kind, fault_kind::closed);
  const auto none = ask<messages::done>(caf::actor{}, messages::restart_child{});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, fault_kind::unreachable);
  EXPECT_EQ(none.error().retry, retryable::yes) << "it may be between two of its lives";
  EXPECT_EQ(now(), asked);
}

TEST_F(shell_test, a_reply_of_another_type_is_a_fault) {
  const auto answer = ask<messages::done>(spawn<subject>(), messages::which_children{});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::unsupported);
}

TEST_F(shell_test, an_unexpected_message_is_answered_counted_and_survived) {
  const auto actor = spawn<subject>();
  const auto answer = ask<messages::done>(actor, messages::describe_tree{});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::unsupported);
  tell(actor, messages::describe_tree{});
  const auto report = ask<messages::actor_report>(actor, messages::report_actor{});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->name, "subject");
  EXPECT_EQ(report->unexpected, 2u);
}

TEST_F(shell_test, an_urgent_question_overtakes_the_backlog_and_reports_its_length) {
  const auto actor = spawn<subject>();
  std::optional<std::uint64_t> depth;
  send_on_errand([&](caf::event_based_actor* self) {
    actors::ask<messages::actor_report>(
        self, actor, messages::report_actor{}, 2s,
        [&](const messages::actor_report& report) { depth = report.mailbox_depth; },
        [](const fault&) {}, urgency::urgent);
  });
  for (int i = 0; i < 5; ++i) actors::tell(actor, messages::which_children{});
  run();
  EXPECT_EQ(depth, 5u);
}

TEST_F(shell_test, stops_when_asked_and_can_be_killed) {
  const auto asked = spawn<subject>();
  stop(asked);
  EXPECT_EQ(end_of(asked)->kind, end_kind::shutdown);
  const auto killed = spawn<subject>();
  kill(killed);
  EXPECT_EQ(end_of(killed)->kind, end_kind::killed);
}

// -- watch ----------------------------------------------------------------------

class watcher final : public shell {
 public:
  watcher(caf::actor_config& cfg, std::vector<std::string>& ends)
      : shell(cfg, "watcher"), ends_(ends) {}
  caf::behavior make_behavior() override {
    return {
        [this](const messages::child_location& m) {
          watch(m.handle, [this, id = m.id](const end_reason& r) {
            ends_.push_back(id + ":" + to_string(r));
          });
        },
        [this](const caf::actor& who) { unwatch(who); },
    };
  }

 private:
  std::vector<std::string>& ends_;
};

TEST_F(shell_test, a_watcher_learns_once_how_another_ended) {
  std::vector<std::string> ends;
  const auto observer = spawn<watcher>(ends);
  const auto first = spawn<subject>();
  const auto second = spawn<subject>();
  const auto dead = spawn<subject>();
  kill(dead);
  tell(observer, messages::child_location{"first", first});
  tell(observer, messages::child_location{"again", first});
  tell(observer, messages::child_location{"second", second});
  tell(observer, second);
  stop(first);
  kill(second);
  EXPECT_EQ(ends, (std::vector<std::string>{"again:shutdown"}));
  tell(observer, messages::child_location{"dead", dead});
  ASSERT_THAT(ends, SizeIs(2));
  EXPECT_THAT(ends.back(), HasSubstr("dead:"));
}

// -- names ----------------------------------------------------------------------

TEST_F(shell_test, a_name_belongs_to_the_newest_actor_until_it_ends) {
  EXPECT_FALSE(find_name(system(), "teams"));
  const auto older = spawn<subject>();
  const auto newer = spawn<subject>();
  publish_name(system(), "teams", older);
  EXPECT_EQ(find_name(system(), "teams"), older);
  publish_name(system(), "teams", newer);
  kill(older);
  EXPECT_EQ(find_name(system(), "teams"), newer);
  kill(newer);
  EXPECT_FALSE(find_name(system(), "teams"));
}

}  // namespace
}  // namespace stagedoor::actors
