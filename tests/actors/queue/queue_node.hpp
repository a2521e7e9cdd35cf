// SPDX-License-Identifier: Apache-2.0
// A node's queue work without actors: the states, the real client, and a runner the test supplies.
// It can be killed between any two effects, as kill -9 would.
#pragma once

#include "actors/queue/janitor_state.hpp"
#include "actors/queue/liveness_state.hpp"
#include "actors/queue/queue_consumer_state.hpp"
#include "runtime/redis/client.hpp"

#include <functional>
#include <memory>

namespace stagedoor::test {

class queue_node {
 public:
  using runner = std::function<void(actors::run_id, const actors::task&)>;

  queue_node(loop& l, std::uint16_t port, actors::node_identity who,
             actors::consumer_options options, actors::liveness_options liveness,
             actors::janitor_options janitor, redis::client_options client)
      : loop_(l),
        client_(std::make_unique<redis::client>(
            l, *redis::endpoint::parse("redis://127.0.0.1:" + std::to_string(port)), client)),
        consumer_(who, options),
        liveness_(who, with_lists(std::move(liveness), consumer_)),
        janitor_(who, {}, with_queues(std::move(janitor), options)),
        clock_([this] { tick(); }) {
    for (const auto& q : options.queues) start_pop(q.name, who);
  }
  ~queue_node() { kill(); }

  runner on_run = [](actors::run_id, const actors::task&) {};
  std::function<void()> on_stopped = [] {};
  std::size_t effects_left = std::numeric_limits<std::size_t>::max();  ///< then it is killed

  void start() {
    (void)client_->start();
    ask_for(liveness_, liveness_.start(now()));
    ask_for(janitor_, janitor_.start(now()));
    apply(consumer_.start(now()));
    arm();
  }
  void stop() { apply(consumer_.stop(now())); }
  void finish(actors::run_id run, const actors::task_outcome& outcome) {
    if (*alive_) apply(consumer_.finished(run, outcome, now()));
  }
  void progress(actors::run_id run, const actors::task_progress& p) {
    if (*alive_) apply(consumer_.progressed(run, p, now()));
  }
  /// Nothing is said to Redis any more; its connections break.
  void kill() {
    *alive_ = false;
    clock_.cancel();
    client_.reset();
  }
  [[nodiscard]] bool alive() const noexcept { return *alive_; }
  [[nodiscard]] const actors::queue_consumer_state& consumer() const noexcept { return consumer_; }
  /// The cluster knows that a run of a node is dead or has lost all it had.
  void learn_of_death(const actors::node_identity& whose) {
    ask_for(janitor_, janitor_.gone(whose, now()));
  }

 private:
  static actors::liveness_options with_lists(actors::liveness_options o,
                                             const actors::queue_consumer_state& consumer) {
    o.own_lists = consumer.processing_lists();
    return o;
  }
  static actors::janitor_options with_queues(actors::janitor_options o,
                                             const actors::consumer_options& lane) {
    for (const auto& q : lane.queues) o.queues.push_back(q.name);
    return o;
  }
  static mono_time now() { return mono_clock::now(); }

  void start_pop(const std::string& queue, const actors::node_identity& who) {
    redis::popper_options o;
    o.source = queue;
    o.destination = actors::queue_names::processing(queue, who);
    o.server_timeout = milliseconds(1000);
    pops_[queue] = client_->start_pop(
        o, {[this, queue, alive = alive_](std::string raw) {
              if (*alive) apply(consumer_.popped(queue, std::move(raw), wall_clock::now(), now()));
            },
            [this, queue, alive = alive_] {
              if (*alive) apply(consumer_.pop_doubtful(queue, now()));
            },
            [this, queue, alive = alive_] {
              if (*alive) apply(consumer_.pop_idle(queue));
            },
            {}});
  }

  template <class Answered>
  void ask(const actors::ask_redis& a, Answered answered) {
    auto done = [ticket = a.ticket, answered, alive = alive_](const result<redis::reply>& r) {
      if (*alive) answered(ticket, r);
    };
    if (a.call.script != nullptr)
      client_->eval(*a.call.script, a.call.keys, a.call.arguments, now() + seconds(5), done);
    else
      client_->command(a.call.arguments, now() + seconds(5), done);
  }

  template <class State>
  void ask_for(State& state, const std::vector<actors::ask_redis>& effects) {
    for (const auto& e : effects) {
      if (!spend()) return;
      ask(e, [this, &state](actors::call_ticket t, const result<redis::reply>& r) {
        ask_for(state, state.answered(t, r, now()));
        if (*alive_) arm();
      });
    }
  }

  void apply(const actors::consumer_effects& effects) {
    for (const auto& e : effects) {
      if (!spend()) return;
      if (const auto* a = std::get_if<actors::ask_redis>(&e)) {
        ask(*a, [this](actors::call_ticket t, const result<redis::reply>& r) {
          apply(consumer_.answered(t, r, wall_clock::now(), now()));
          if (*alive_) arm();
        });
      } else if (const auto* pop = std::get_if<actors::order_pop>(&e)) {
        if (pop->order == actors::pop_order::arm)
          client_->arm_pop(pops_[pop->queue]);
        else
          client_->disarm_pop(pops_[pop->queue]);
      } else if (const auto* run = std::get_if<actors::start_run>(&e)) {
        on_run(run->run, run->what);
      } else if (std::holds_alternative<actors::consumer_stopped>(e)) {
        on_stopped();
      }
      if (!*alive_) return;
    }
    if (*alive_) arm();
  }

  bool spend() {
    if (!*alive_) return false;
    if (effects_left-- > 0) return true;
    kill();
    return false;
  }

  void arm() {
    auto next = std::min(janitor_.next_tick(), liveness_.next_tick());
    if (const auto other = consumer_.next_tick()) next = std::min(next, *other);
    loop_.arm(clock_, next);
  }
  void tick() {
    ask_for(liveness_, liveness_.tick(now()));
    if (*alive_) ask_for(janitor_, janitor_.tick(now()));
    if (*alive_) apply(consumer_.tick(now()));
    if (*alive_) arm();
  }

  loop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<redis::client> client_;
  actors::queue_consumer_state consumer_;
  actors::liveness_state liveness_;
  actors::janitor_state janitor_;
  std::map<std::string, redis::popper_id> pops_;
  timer clock_;
};

}  // namespace stagedoor::test
