// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/loop.hpp"

#include <pthread.h>

namespace stagedoor {

loop::loop(loop_options options)
    : options_(std::move(options)),
      mailbox_(options_.mailbox_limit),
      timers_(mono_clock::now()),
      now_(mono_clock::now()),
      random_(std::random_device{}()) {
  if (const auto added = poller_.add(mailbox_.fd(), EPOLLIN, *this); !added)
    throw std::runtime_error(to_string(added.error()));
}

loop::~loop() { stop(); }

void loop::start() {
  thread_ = std::thread([this] { run(); });
}

void loop::stop() {
  if (!stopping_.exchange(true)) (void)mailbox_.push([] {});  // wakes the loop
  if (thread_.joinable()) thread_.join();
  mailbox_.close();
  stopped_.store(true, std::memory_order_release);
}

wall_time loop::wall_now() {
  if (!wall_read_) {
    wall_now_ = wall_clock::now();
    wall_read_ = true;
  }
  return wall_now_;
}

void loop::run() {
  ::pthread_setname_np(::pthread_self(), options_.name.substr(0, 15).c_str());
  while (!stopping_.load(std::memory_order_relaxed)) turn(std::nullopt);
}

void loop::on_io(std::uint32_t) { has_mail_ = true; }

void loop::turn(std::optional<milliseconds> limit) {
  auto wait = timers_.until_next(now_);
  if (limit && (!wait || *limit < *wait)) wait = limit;
  if (!deferred_.empty()) wait = milliseconds(0);
  const auto events = poller_.wait(wait);
  now_ = mono_clock::now();
  wall_read_ = false;
  for (const auto& e : events) static_cast<io_handler*>(e.data.ptr)->on_io(e.events);
  timers_.advance(now_);
  // Not where its event stands among the others: a task may destroy what a later event is for.
  if (std::exchange(has_mail_, false)) mailbox_.drain();
  end_turn();
}

void loop::end_turn() {
  running_deferred_.swap(deferred_);
  for (auto& t : running_deferred_) t();
  running_deferred_.clear();
  for (auto& hook : turn_hooks_) hook();
  graveyard_.clear();
}

}  // namespace stagedoor
