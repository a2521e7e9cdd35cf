// SPDX-License-Identifier: Apache-2.0
// The actor that owns one snapshot table: it alone changes it, and it answers when a change is live
// in every loop.
//
// | receives        | replies               | when                                           |
// |-----------------|-----------------------|------------------------------------------------|
// | Change          | messages::published   | every loop has swapped to a table that holds it |
// | table_live      |                       | a version is in all loops (from loop_gateway)   |
// | count_entries   | messages::entry_count | at once                                         |
//
// Change is a struct with `value_type` and `stage`, a function that changes the table it is given:
// called once, here; all it does becomes visible in one step.
// Owner: the publishers supervisor. Runs on: the scheduler. Bounded by: callers, who wait for
// their answers; one delta is on its way at a time. Stops when: its supervisor says so; the loops
// keep what they have.
#pragma once

#include "actors/loop_gateway.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "messages/publishing.hpp"
#include "messages/support.hpp"
#include "runtime/snapshot/publisher.hpp"

#include <deque>

namespace stagedoor::actors {

template <class Change>
class table_publisher final : public shell {
 public:
  using table_type = snapshot::publisher<typename Change::value_type>;

  /// |table| outlives this actor, and has no other user while it lives.
  table_publisher(caf::actor_config& cfg, const char* kind, std::shared_ptr<table_type> table)
      : shell(cfg, kind), table_(std::move(table)) {}

  caf::behavior make_behavior() override {
    table_->adopt(loop_gateway::version_sink(caf::actor_cast<caf::actor>(this)));
    live(table_->arrived_version());  // sends what was staged before there was an owner
    return {
        [this](const Change& m) { apply(m); },
        [this](const table_live& m) { live(m.version); },
        [this](const messages::tick& t) {
          if (retry_.due(*this, t)) live(table_->arrived_version());
        },
        [this](const messages::count_entries&) {
          return messages::entry_count{table_->table().size(), table_->live_version()};
        },
    };
  }

 private:
  static constexpr milliseconds retry_interval{
      5};  ///< while a delta is on its way: a loop's mailbox may be full

  void apply(const Change& m) {
    m.stage(table_->table());
    const auto version = table_->staged_version();
    if (version <= table_->live_version()) {  // nothing changed
      promise<messages::published>(this).deliver({version});
      return;
    }
    waiting_.push_back({version, promise<messages::published>(this)});
    live(table_->live_version());
  }

  // Moves on from the version that the loops have: answers who waited for it, sends what is staged.
  void live(std::uint64_t version) {
    table_->acknowledged(version);
    table_->publish();
    while (!waiting_.empty() && waiting_.front().version <= table_->live_version()) {
      waiting_.front().caller.deliver({waiting_.front().version});
      waiting_.pop_front();
    }
    if (table_->in_flight() && !retry_.when()) retry_.arm(*this, now() + retry_interval);
  }

  struct waiter {
    std::uint64_t version;
    promise<messages::published> caller;
  };

  std::shared_ptr<table_type> table_;
  std::deque<waiter> waiting_;  ///< by rising version
  tick_timer retry_;
};

}  // namespace stagedoor::actors
