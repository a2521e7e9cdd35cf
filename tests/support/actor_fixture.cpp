// SPDX-License-Identifier: Apache-2.0
#include "tests/support/actor_fixture.hpp"

#include "messages/all.hpp"

#include <caf/actor_registry.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message_view.hpp>

namespace stagedoor::actors {
namespace {

class probe_actor final : public caf::event_based_actor {
 public:
  probe_actor(caf::actor_config& cfg, std::shared_ptr<probe_memory> memory)
      : caf::event_based_actor(cfg), memory_(std::move(memory)) {
    set_default_handler(
        [this](caf::scheduled_actor*, caf::message_view& view) { return hear(view); });
  }

  caf::behavior make_behavior() override {
    return {[](messages::done) {}};  // CAF ends an actor without a behaviour; see hear()
  }
  const char* name() const override { return "probe"; }

 private:
  caf::result<caf::message> hear(caf::message_view& view) {
    const auto message = view.move_content_to_message();
    memory_->received.push_back(message);
    for (const auto& answer : memory_->answers)
      if (auto reply = answer(message)) return *reply;
    static_cast<void>(make_response_promise());  // keeps CAF from answering in its place
    return caf::message{};
  }

  std::shared_ptr<probe_memory> memory_;
};

system_options test_options() {
  system_options options;
  options.policy = system_options::scheduling::testing;
  return options;
}

}  // namespace

actor_fixture::actor_fixture()
    : config_(test_options()),
      system_(std::make_unique<caf::actor_system>(config_)),
      scheduler_(&dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler())),
      ends_(std::make_shared<std::map<caf::actor_id, end_reason>>()) {
  run();
}

actor_fixture::~actor_fixture() = default;

void actor_fixture::TearDown() {
  for (const auto& [id, address] : remembered_)
    if (const auto who = caf::actor_cast<caf::actor>(address)) actors::kill(who);
  run();
  scheduler_->clock().cancel_all();
  run();
  if (const auto left = system_->registry().running(); left > 0) {
    ADD_FAILURE() << left << " actors outlive their supervisors and the test";
    system_->await_actors_before_shutdown(false);
  }
}

mono_time actor_fixture::now() const { return scheduler_->clock().now(); }

probe actor_fixture::make_probe() {
  auto memory = std::make_shared<probe_memory>();
  return {spawn<probe_actor>(memory), memory};
}

void actor_fixture::remember(const caf::actor& who) {
  if (!remembered_.emplace(who.id(), who.address()).second) return;
  who->attach_functor([ends = ends_, id = who.id()](const caf::error& reason) {
    ends->insert_or_assign(id, end_reason_of(reason));
  });
}

bool actor_fixture::alive(const caf::actor& who) const {
  return !caf::actor_cast<caf::abstract_actor*>(who)->getf(caf::abstract_actor::is_terminated_flag);
}

std::optional<end_reason> actor_fixture::end_of(const caf::actor& who) const {
  const auto found = ends_->find(who.id());
  if (found == ends_->end()) return std::nullopt;
  return found->second;
}

void actor_fixture::kill(const caf::actor& who) {
  actors::kill(who);
  run();
}

void actor_fixture::stop(const caf::actor& who) {
  actors::stop(who);
  run();
}

std::size_t actor_fixture::run() { return scheduler_->run(); }

void actor_fixture::advance(milliseconds duration) {
  const auto last = now() + duration;
  run();
  while (step(last)) run();
  scheduler_->advance_time(last - now());
  run();
}

bool actor_fixture::step(mono_time last) {
  const auto& waiting = scheduler_->clock().schedule();
  if (waiting.empty() || waiting.begin()->first > last) return false;
  const auto due = waiting.begin()->first;
  scheduler_->advance_time(due > now() ? due - now() : mono_clock::duration::zero());
  return true;
}

}  // namespace stagedoor::actors
