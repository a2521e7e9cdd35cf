// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/subscriber.hpp"

#include "runtime/base/log.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::redis {
namespace {

constexpr std::size_t topics_per_command = 512;

const char* verb(topic_kind kind) noexcept {
  return kind == topic_kind::channel ? "SUBSCRIBE" : "PSUBSCRIBE";
}
const char* undo_verb(topic_kind kind) noexcept {
  return kind == topic_kind::channel ? "UNSUBSCRIBE" : "PUNSUBSCRIBE";
}

}  // namespace

subscriber::subscriber(loop& l, net::resolver& names, const endpoint& where,
                       subscriber_options options)
    : loop_(l),
      options_(std::move(options)),
      session_(l, names, where, options_.session, *this),
      silence_([this] {
        session_.drop({fault_kind::timed_out, fault_side::store, retryable::yes,
                       fmt::format("a published heartbeat did not arrive within {} ms",
                                   options_.heartbeat_grace.count())});
      }) {}

subscriber::~subscriber() = default;

void subscriber::stop() {
  session_.stop();
  silence_.cancel();
  hears_heartbeats_ = false;
  topics_.clear();
  ids_.clear();
}

result<void> subscriber::subscribe(subscription_id id, topic what, subscription_handlers handlers) {
  auto found = topics_.find(what);
  const bool first = found == topics_.end();
  if (first && topics_.size() >= options_.max_topics)
    return fault{fault_kind::overloaded, fault_side::self, retryable::no,
                 fmt::format("more than {} subscribed channels", options_.max_topics)};
  if (first) found = topics_.emplace(what, entry{}).first;
  const auto shared = std::make_shared<const subscription_handlers>(std::move(handlers));
  found->second.handlers.emplace_back(id, shared);
  ids_.emplace(id, what);
  session_.start();
  if (first && session_.ready()) session_.write(command{verb(what.kind), what.name});
  if (found->second.confirmed && shared->on_resync) shared->on_resync();
  return {};
}

void subscriber::unsubscribe(subscription_id id) {
  const auto known = ids_.find(id);
  if (known == ids_.end()) return;
  const auto found = topics_.find(known->second);
  std::erase_if(found->second.handlers, [id](const auto& h) { return h.first == id; });
  if (found->second.handlers.empty()) {
    if (session_.ready()) session_.write(command{undo_verb(found->first.kind), found->first.name});
    topics_.erase(found);
  }
  ids_.erase(known);
}

void subscriber::heartbeat_published(std::int64_t receivers) {
  if (!hears_heartbeats_) return;
  if (receivers == 0)
    session_.drop({fault_kind::closed, fault_side::store, retryable::yes,
                   "the server does not know of our subscription"});
  else if (!silence_.armed())
    loop_.arm_after(silence_, options_.heartbeat_grace);
}

void subscriber::session_ready() {
  session_.write(command{"SUBSCRIBE", options_.heartbeat_channel});
  subscribe_all(topic_kind::channel);
  subscribe_all(topic_kind::pattern);
}

void subscriber::subscribe_all(topic_kind kind) {
  command words{verb(kind)};
  const auto send = [&] {
    if (words.size() > 1) session_.write(words);
    words.resize(1);
  };
  for (const auto& [what, holders] : topics_) {
    if (what.kind != kind) continue;
    words.push_back(what.name);
    if (words.size() > topics_per_command) send();
  }
  send();
}

void subscriber::session_lost(const fault& why) {
  hears_heartbeats_ = false;
  silence_.cancel();
  for (auto& [what, holders] : topics_) holders.confirmed = false;
  log::debug("redis subscriber lost", {{"error", why.detail}});
}

void subscriber::session_reply(reply&& r) {
  const auto& kind = r.at(0).text;
  if (kind == "message") {
    if (r.at(1).text == options_.heartbeat_channel)
      silence_.cancel();
    else
      deliver({topic_kind::channel, r.at(1).text}, {r.at(1).text, r.at(2).text});
  } else if (kind == "pmessage") {
    deliver({topic_kind::pattern, r.at(1).text}, {r.at(2).text, r.at(3).text});
  } else if (kind == "subscribe") {
    confirmed({topic_kind::channel, r.at(1).text});
  } else if (kind == "psubscribe") {
    confirmed({topic_kind::pattern, r.at(1).text});
  } else if (r.is_error()) {
    session_.drop(to_fault(r));
  }
}

void subscriber::confirmed(const topic& what) {
  if (what.kind == topic_kind::channel && what.name == options_.heartbeat_channel) {
    hears_heartbeats_ = true;
    return;
  }
  const auto found = topics_.find(what);
  if (found == topics_.end()) return;
  found->second.confirmed = true;
  const auto holders = found->second.handlers;  // a handler may unsubscribe
  for (const auto& [id, handlers] : holders)
    if (handlers->on_resync) handlers->on_resync();
}

void subscriber::deliver(const topic& what, const message& m) {
  const auto found = topics_.find(what);
  if (found == topics_.end()) return;
  const auto holders = found->second.handlers;  // a handler may unsubscribe
  for (const auto& [id, handlers] : holders)
    if (handlers->on_message) handlers->on_message(m);
}

}  // namespace stagedoor::redis
