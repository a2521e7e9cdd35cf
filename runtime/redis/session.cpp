// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/session.hpp"

#include <fmt/format.h>

namespace stagedoor::redis {

session::session(loop& l, net::resolver& names, const endpoint& where, session_options options,
                 listener& events)
    : loop_(l),
      endpoint_(where),
      options_(std::move(options)),
      listener_(events),
      locator_(l, names, where, options_.wires),
      backoff_(options_.backoff_base, options_.backoff_cap),
      attempt_timeout_([this] {
        lost({fault_kind::unreachable, fault_side::store, retryable::yes,
              fmt::format("{}: no connection within {} ms", endpoint_.to_string(),
                          options_.connect_timeout.count())});
      }),
      retry_([this] { attempt(); }) {}

session::~session() = default;

void session::start() {
  if (state_ == state::stopped) attempt();
}

void session::stop() {
  state_ = state::stopped;
  locator_.cancel();
  attempt_timeout_.cancel();
  retry_.cancel();
  if (wire_) {
    wire_->close();
    loop_.dispose(std::move(wire_));
  }
}

void session::drop(const fault& why) {
  if (state_ == state::stopped || state_ == state::waiting) return;
  lost(why);
}

void session::attempt() {
  state_ = state::locating;
  locator_.locate([this](result<net::address> found) {
    if (found)
      connect(*found);
    else
      lost(found.error());
  });
}

void session::connect(const net::address& to) {
  state_ = state::connecting;
  loop_.arm_after(attempt_timeout_, options_.connect_timeout);
  wire_ = std::make_unique<wire>(loop_, *this, options_.wires);
  if (const auto opened = wire_->open(to); !opened) lost(opened.error());
}

void session::greet(const command& words, step kind) {
  greeting_.push_back(kind);
  wire_->write(words);
}

void session::wire_opened() {
  state_ = state::greeting;
  greeting_.clear();
  client_id_ = 0;
  if (!endpoint_.password.empty()) {
    command auth{"AUTH"};
    if (!endpoint_.user.empty()) auth.push_back(endpoint_.user);
    auth.push_back(endpoint_.password);
    greet(auth, step::must_succeed);
  }
  greet({"CLIENT", "SETNAME", options_.name}, step::may_fail);
  if (endpoint_.database != 0)
    greet({"SELECT", std::to_string(endpoint_.database)}, step::must_succeed);
  if (endpoint_.by_sentinel()) greet({"ROLE"}, step::role);
  greet({"CLIENT", "ID"}, step::client_id);
  greet({"PING"}, step::must_succeed);
}

void session::wire_reply(reply&& r) {
  if (state_ == state::ready)
    listener_.session_reply(std::move(r));
  else
    greeted(r);
}

void session::greeted(const reply& r) {
  if (greeting_.empty()) {
    lost({fault_kind::malformed, fault_side::store, retryable::yes,
          "a reply that nothing was asked for"});
    return;
  }
  const step answered = greeting_.front();
  greeting_.pop_front();
  if (r.is_error() && (answered == step::must_succeed || answered == step::role)) {
    lost(to_fault(r));
    return;
  }
  if (answered == step::role && r.at(0).text != "master") {
    lost({fault_kind::conflict, fault_side::store, retryable::yes,
          fmt::format("{}: the server the Sentinels named is a {}", endpoint_.to_string(),
                      r.at(0).text)});
    return;
  }
  if (answered == step::client_id && r.is_integer()) client_id_ = r.integer;
  if (!greeting_.empty()) return;
  attempt_timeout_.cancel();
  state_ = state::ready;
  ready_since_ = loop_.now();
  local_address_ = wire_->local_address();
  ++connects_;
  listener_.session_ready();
}

void session::wire_lost(const fault& why) { lost(why); }

void session::lost(const fault& why) {
  if (state_ == state::ready) {
    ++losses_;
    if (loop_.now() - ready_since_ >= options_.steady) backoff_.reset();
  }
  stop();
  state_ = state::waiting;
  loop_.arm_after(retry_, backoff_.next(loop_.random()));
  listener_.session_lost(why);
}

std::string_view to_string(session::state s) noexcept {
  switch (s) {
    case session::state::stopped: return "stopped";
    case session::state::locating: return "locating";
    case session::state::connecting: return "connecting";
    case session::state::greeting: return "greeting";
    case session::state::ready: return "ready";
    case session::state::waiting: return "waiting";
  }
  return "stopped";
}

}  // namespace stagedoor::redis
