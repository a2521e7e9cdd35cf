// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/popper.hpp"

#include <fmt/format.h>

namespace stagedoor::redis {

popper::popper(loop& l, net::resolver& names, const endpoint& where, popper_options options,
               popper_handlers handlers, std::function<void(std::int64_t)> unblock)
    : loop_(l),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      unblock_(std::move(unblock)),
      session_(l, names, where, options_.session, *this),
      deadline_([this] {
        session_.drop({fault_kind::timed_out, fault_side::store, retryable::yes,
                       "BLMOVE was not answered after its own timeout"});
      }),
      pause_([this] { move(); }) {}

popper::~popper() = default;

void popper::start() { session_.start(); }

void popper::stop() {
  armed_ = false;
  idle_wanted_ = false;
  outstanding_ = ask::none;
  session_.stop();
  deadline_.cancel();
  pause_.cancel();
}

void popper::arm() {
  armed_ = true;
  idle_wanted_ = false;
  if (!pause_.armed()) move();
}

void popper::disarm() {
  armed_ = false;
  idle_wanted_ = true;
  pause_.cancel();
  if (outstanding_ == ask::move && session_.ready())
    unblock_(session_.client_id());
  else
    settle();
}

void popper::settle() {
  // While the fate of a lost BLMOVE is unknown we are not idle: an item may still turn up.
  if (outstanding_ != ask::none || doubtful_client_ != 0) return;
  if (std::exchange(idle_wanted_, false) && handlers_.on_idle) handlers_.on_idle();
}

void popper::move() {
  if (!armed_ || !session_.ready() || outstanding_ != ask::none) return;
  outstanding_ = ask::move;
  session_.write(command{
      "BLMOVE", options_.source, options_.destination, "RIGHT", "LEFT",
      fmt::format("{:.3f}", static_cast<double>(options_.server_timeout.count()) / 1000.0)});
  loop_.arm_after(deadline_, options_.server_timeout + options_.margin);
}

void popper::session_ready() {
  if (doubtful_client_ != 0) {
    // The number alone could be somebody else's after a restart of the server; number and address
    // together cannot.
    outstanding_ = ask::kill;
    session_.write(command{"CLIENT", "KILL", "ID", std::to_string(doubtful_client_), "ADDR",
                           doubtful_address_});
    loop_.arm_after(deadline_, options_.margin);
    return;
  }
  move();
}

void popper::session_reply(reply&& r) {
  deadline_.cancel();
  const auto answered = std::exchange(outstanding_, ask::none);
  if (answered == ask::move) {
    moved(std::move(r));
  } else if (answered == ask::kill) {
    doubtful_client_ = 0;
    if (handlers_.on_adopt) handlers_.on_adopt();
    move();
    settle();
  }
}

void popper::moved(reply&& r) {
  if (r.is_error()) {
    refused(to_fault(r));
  } else if (r.is_text()) {
    armed_ = false;
    handlers_.on_item(std::move(r.text));
  } else {
    move();
  }
  settle();
}

void popper::refused(const fault& why) {
  const auto code = error_code(why.detail);
  if (code == "UNBLOCKED") {  // a failover changed the server's role: it is the next READONLY
    move();
    return;
  }
  if (handlers_.on_trouble) handlers_.on_trouble(why);
  if (code == "READONLY")
    session_.drop(why);
  else
    loop_.arm_after(pause_, options_.pause);
}

void popper::session_lost(const fault& why) {
  deadline_.cancel();
  pause_.cancel();
  const auto unanswered = std::exchange(outstanding_, ask::none);
  if (unanswered == ask::move) {
    // An unknown client number cannot be killed; -1 still leads to the adoption.
    doubtful_client_ = session_.client_id() != 0 ? session_.client_id() : -1;
    doubtful_address_ = session_.local_address();
  }
  if (handlers_.on_trouble) handlers_.on_trouble(why);
}

}  // namespace stagedoor::redis
