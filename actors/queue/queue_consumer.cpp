// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/queue_consumer.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/queue/redis_calls.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

/// A consumer that takes the place of another must not pass for it: its deliveries count anew.
queue_consumer_options with_instance(queue_consumer_options options, caf::actor_id id) {
  options.consumer.instance = id;
  return options;
}

}  // namespace

queue_consumer::queue_consumer(caf::actor_config& cfg, queue_consumer_options options)
    : shell(cfg, "queue_consumer"),
      options_(with_instance(std::move(options), id())),
      state_(options_.who, options_.consumer) {}

caf::behavior queue_consumer::make_behavior() {
  runner_ = options_.make_runner(
      *this,
      {[this](run_id run, const task_progress& p) { apply(state_.progressed(run, p, now())); },
       [this](run_id run, const task_outcome& o) { apply(state_.finished(run, o, now())); }});
  for (const auto& q : options_.consumer.queues) start_pop(q.name);
  apply(state_.start(now()));
  return {
      [this](const queue_event& m) { handle(m); },
      [this](const messages::team_flow_progressed& m) {
        runner_->heard(m.flow, {m.step, m.total_steps, m.message, std::nullopt});
      },
      [this](const messages::report_status&) { return report(); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) apply(state_.tick(now()));
      },
  };
}

void queue_consumer::stop_requested(const end_reason&) { apply(state_.stop(now())); }

void queue_consumer::on_exit() {
  for (const auto& [queue, id] : pops_) options_.client->stop_pop(id);
  runner_.reset();
  shell::on_exit();
}

// -- from the loop -------------------------------------------------------------------

void queue_consumer::start_pop(const std::string& queue) {
  redis::popper_options o;
  o.source = queue;
  o.destination = queue_names::processing(queue, options_.who);
  redis::popper_handlers events;
  events.on_item = [to = address(), queue](std::string raw) {
    loop_gateway::send(to, queue_event{item_popped{queue, std::move(raw)}});
  };
  events.on_adopt = [to = address(), queue] {
    loop_gateway::send(to, queue_event{pop_in_doubt{queue}});
  };
  events.on_idle = [to = address(), queue] {
    loop_gateway::send(to, queue_event{pop_went_idle{queue}});
  };
  events.on_trouble = [queue](const fault& why) {
    log::debug("queue cannot be waited for", {{"queue", queue}, {"error", why.detail}});
  };
  pops_[queue] = options_.client->start_pop(std::move(o), std::move(events));
}

void queue_consumer::handle(const queue_event& m) {
  const auto wall = wall_clock::now();
  if (const auto* item = std::get_if<item_popped>(&m.what))
    apply(state_.popped(item->queue, item->raw, wall, now()));
  else if (const auto* idle = std::get_if<pop_went_idle>(&m.what))
    apply(state_.pop_idle(idle->queue));
  else if (const auto* doubt = std::get_if<pop_in_doubt>(&m.what))
    apply(state_.pop_doubtful(doubt->queue, now()));
  else if (const auto* call = std::get_if<call_answered>(&m.what))
    apply(state_.answered(call->ticket, call->answer, wall, now()));
}

// -- effects -------------------------------------------------------------------------

void queue_consumer::apply(const consumer_effects& effects) {
  for (const auto& effect : effects) {
    if (const auto* asked = std::get_if<ask_redis>(&effect)) {
      carry_out(*this, *options_.client, *asked, options_.store_deadline);
    } else if (const auto* pop = std::get_if<order_pop>(&effect)) {
      order(*pop);
    } else if (const auto* run = std::get_if<start_run>(&effect)) {
      runner_->start(run->run, run->what);
    } else if (const auto* gone = std::get_if<cancel_run>(&effect)) {
      runner_->cancel(gone->run);
    } else {
      log::info("queue consumer stopped", {{"lane", options_.lane}, {"held", state_.held()}});
      quit();
      return;
    }
  }
  arm();
}

void queue_consumer::order(const order_pop& o) {
  if (o.order == pop_order::arm)
    options_.client->arm_pop(pops_.at(o.queue));
  else
    options_.client->disarm_pop(pops_.at(o.queue));
}

void queue_consumer::arm() {
  if (const auto next = state_.next_tick()) timer_.arm(*this, *next);
}

messages::status_rows queue_consumer::report() const {
  const auto& c = state_.counters();
  messages::status_rows out;
  const auto row = [&](const char* key, std::uint64_t value) {
    out.rows.push_back({"queue " + options_.lane, key, fmt::format("{}", value)});
  };
  row("held", state_.held());
  row("taken", c.taken);
  row("completed", c.completed);
  row("failed", c.failed);
  row("retried", c.retried);
  row("dead letters", c.buried);
  row("duplicates", c.duplicates);
  row("put off", c.put_off);
  row("given back", c.given_back);
  row("adopted", c.adopted);
  row("lost", c.lost);
  return out;
}

}  // namespace stagedoor::actors
