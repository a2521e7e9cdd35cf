// SPDX-License-Identifier: Apache-2.0
// The base of every actor: what CAF leaves to chance is decided here once.
//
// By CAF's defaults a down message is printed and ignored, an unknown message is printed, a stray
// error ends the actor, and the text of an exception is lost. An actor derived from shell logs one
// line for each, keeps the text, answers report_actor with its mailbox depth, and learns of the end
// of others by watch().
//
//   class team_router final : public actors::shell {
//    public:
//     team_router(caf::actor_config& cfg, team_spec spec) : shell(cfg, "team_router"), state_(spec)
//     {} caf::behavior make_behavior() override {
//       return {[this](const messages::add_server& m) { return actors::reply(state_.add(m)); }};
//     }
//    private:
//     team_router_state state_;  // a plain class without CAF: decides, returns effects
//   };
//
// Only classes are spawned: given a function without arguments, CAF 0.17 dereferences a null
// pointer.
//
// Owner: its supervisor. Runs on: the scheduler; never blocks.
// Bounded by: ten log lines about unexpected messages per actor, later ones are only counted.
// On failure: an exception in a handler ends the actor, its supervisor decides what follows.
#pragma once

#include "actors/support/end_reason.hpp"
#include "runtime/base/clock.hpp"

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

#include <cstdint>
#include <functional>
#include <unordered_map>

namespace stagedoor::actors {

class shell : public caf::event_based_actor {
 public:
  using on_down = std::function<void(const end_reason&)>;

  /// `kind` is the actor's name in logs and trees: a literal, it is not copied.
  shell(caf::actor_config& cfg, const char* kind);

  [[nodiscard]] const char* name() const override { return kind_; }

  /// Virtual in tests.
  [[nodiscard]] mono_time now() const;

  /// Calls `handler` once when `who` ends, at once if it has ended already. Watching the same actor
  /// again replaces the handler.
  void watch(const caf::actor& who, on_down handler);
  void unwatch(const caf::actor& who);

  /// Messages waiting, besides the one being handled.
  [[nodiscard]] std::size_t mailbox_depth();

 protected:
  /// The supervisor wants this actor to stop. Quits unless overridden; an override calls quit()
  /// itself, before its stop deadline.
  virtual void stop_requested(const end_reason& reason);

 private:
  void install_handlers();
  void handle_down(const caf::actor_addr& who, const end_reason& reason);
  [[nodiscard]] caf::error handle_exception(const std::exception_ptr& thrown) const;
  [[nodiscard]] caf::message handle_unexpected(const caf::type_erased_tuple& content,
                                               caf::error& refusal);

  const char* kind_;
  std::uint64_t unexpected_ = 0;
  std::unordered_map<caf::actor_addr, on_down> watched_;
};

}  // namespace stagedoor::actors
