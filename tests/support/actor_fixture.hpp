// SPDX-License-Identifier: Apache-2.0
// Tests of actors without threads, sleeps or real time.
//
// A fixture owns an actor system whose scheduler runs only when told to, on the test's own thread,
// and whose clock moves only when told to. So a test decides the order of things, and a day of
// timers takes no time.
//
//   class team_router_test : public actors::actor_fixture {};
//
//   TEST_F(team_router_test, asks_redis_again_after_its_backoff) {
//     auto redis = make_probe();                                  // stands in for another actor
//     redis.answers<get_team>([](const get_team&) { return team_found{...}; });
//     const auto router = spawn<team_router>(redis.handle(), spec);
//     tell(router, add_server{...});                              // sends, then runs to quiescence
//     EXPECT_THAT(redis.received<get_team>(), SizeIs(1));
//     advance(5s);                                                // fires every timer of 5 s, in
//     order const auto reply = ask<router_state>(router, which_state{});  // result<router_state>
//     kill(router);
//     EXPECT_EQ(end_of(router)->kind, end_kind::killed);
//   }
//
// advance() stops at each timer on the way, so an actor sees the time it asked to be woken at. At
// the end every actor is killed; one that survives that fails the test. Link with
// stagedoor_actor_test() (tests/support/CMakeLists.txt).
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/end_reason.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/system_config.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <caf/actor_system.hpp>
#include <caf/message.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace stagedoor::actors {

/// What a probe has heard, and what it says to questions.
struct probe_memory {
  std::vector<caf::message> received;
  std::vector<std::function<std::optional<caf::message>(const caf::message&)>> answers;
};

/// Stands in for an actor: records each message, in order, and answers what it was told to.
class probe {
 public:
  probe(caf::actor handle, std::shared_ptr<probe_memory> memory)
      : handle_(std::move(handle)), memory_(std::move(memory)) {}

  [[nodiscard]] const caf::actor& handle() const { return handle_; }

  /// Every message of this type so far.
  template <class Message>
  [[nodiscard]] std::vector<Message> received() const {
    std::vector<Message> found;
    for (const auto& message : memory_->received)
      if (message.match_elements<Message>()) found.push_back(message.get_as<Message>(0));
    return found;
  }
  [[nodiscard]] std::size_t received_count() const { return memory_->received.size(); }
  void forget() { memory_->received.clear(); }

  /// From now on Question is answered with answer(question): a message struct, or result of one.
  /// Questions nobody prepared are recorded and never answered: that tests a deadline.
  template <class Question, class Answer>
  void answers(Answer answer) {
    memory_->answers.insert(memory_->answers.begin(), [answer](const caf::message& asked) {
      std::optional<caf::message> reply;
      if (asked.match_elements<Question>()) reply = as_message(answer(asked.get_as<Question>(0)));
      return reply;
    });
  }

 private:
  template <class T>
  static caf::message as_message(T value) {
    return caf::make_message(std::move(value));
  }
  template <class T>
  static caf::message as_message(result<T> value) {
    if (!value) return caf::make_message(to_error(value.error()));
    return caf::make_message(std::move(*value));
  }

  caf::actor handle_;
  std::shared_ptr<probe_memory> memory_;
};

/// An actor that runs one function and ends when that waits for nothing. A class, because CAF 0.17
/// dereferences a null pointer when it spawns a function without arguments.
class errand final : public caf::event_based_actor {
 public:
  using work = std::function<void(caf::event_based_actor*)>;
  errand(caf::actor_config& cfg, work todo) : caf::event_based_actor(cfg), todo_(std::move(todo)) {}
  caf::behavior make_behavior() override {
    std::exchange(todo_, {})(this);  // it may refer to actors that refer back
    return {};
  }

 private:
  work todo_;
};

class actor_fixture : public ::testing::Test {
 protected:
  actor_fixture();
  ~actor_fixture() override;
  void TearDown() override;  ///< a test class with its own calls this one first

  [[nodiscard]] caf::actor_system& system() { return *system_; }
  [[nodiscard]] mono_time now() const;

  // -- actors -------------------------------------------------------------------

  /// Spawns and runs until it has nothing to do.
  template <class Actor, class... Arguments>
  caf::actor spawn(Arguments&&... arguments) {
    auto made = system_->spawn<Actor>(std::forward<Arguments>(arguments)...);
    remember(made);
    run();
    return made;
  }
  [[nodiscard]] probe make_probe();

  /// Records how `who` ends and ends it with the test. spawn() and make_probe() do it themselves.
  void remember(const caf::actor& who);
  [[nodiscard]] bool alive(const caf::actor& who) const;
  /// How a remembered actor ended; nothing while it lives.
  [[nodiscard]] std::optional<end_reason> end_of(const caf::actor& who) const;

  void kill(const caf::actor& who);  ///< ends it as a crash of the machine would
  void stop(const caf::actor& who);  ///< asks it to stop, as its supervisor would

  /// Runs `todo` inside an actor of its own at the next run(): for asks with handlers of the
  /// test's.
  void send_on_errand(errand::work todo) { system_->spawn<errand>(std::move(todo)); }

  // -- messages -----------------------------------------------------------------

  template <class Message>
  void tell(const caf::actor& to, Message message) {
    actors::tell(to, std::move(message));
    run();
  }

  /// Asks and runs; lets virtual time pass, up to the deadline, only while there is no answer.
  template <class Reply, class Message>
  [[nodiscard]] result<Reply> ask(const caf::actor& to, Message message,
                                  milliseconds deadline = seconds{2}) {
    const auto answer = std::make_shared<std::optional<result<Reply>>>();
    send_on_errand([=](caf::event_based_actor* self) {
      actors::ask<Reply>(
          self, to, message, deadline, [answer](Reply& reply) { *answer = std::move(reply); },
          [answer](const fault& f) { *answer = f; });
    });
    const auto last = now() + deadline;
    do run();
    while (!*answer && step(last));
    if (!*answer) return fault{fault_kind::internal, fault_side::self, retryable::no, "no answer"};
    return **std::move(answer);
  }

  // -- time ---------------------------------------------------------------------

  /// Runs every actor that has a message, until none has. Returns how many turns that took.
  std::size_t run();
  /// Lets time pass: each timer on the way fires at its own time, followed by a run().
  void advance(milliseconds duration);

 private:
  /// Moves to the next timer at or before `last` and fires it; false when there is none.
  bool step(mono_time last);

  system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_;
  std::map<caf::actor_id, caf::actor_addr> remembered_;
  std::shared_ptr<std::map<caf::actor_id, end_reason>> ends_;
};

}  // namespace stagedoor::actors
