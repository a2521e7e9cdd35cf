// SPDX-License-Identifier: Apache-2.0
// Channels and patterns that stay subscribed, whatever happens to the connection.
//
// Pub/sub has no replay: what is published while we are away is gone. So each subscription learns
// when it holds (again) through on_resync, and reads there what it must not miss.
// A subscribed RESP2 connection cannot be pinged with an answer that proves delivery; instead the
// owner publishes to our heartbeat channel from another connection and reports it here: a
// heartbeat that was published and does not arrive means this connection is dead.
// Owner: a client. Runs on: the loop's thread.
// Bounded by: |max_topics|. On failure: subscribe() overloaded; a lost connection is replaced.
#pragma once

#include "runtime/redis/session.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace stagedoor::redis {

enum class topic_kind : std::uint8_t { channel, pattern };

struct topic {
  topic_kind kind = topic_kind::channel;
  std::string name;
  friend auto operator<=>(const topic&, const topic&) = default;
};

struct message {
  std::string channel;
  std::string payload;
};

struct subscription_handlers {
  std::function<void(const message&)> on_message;
  /// The subscription holds from here on; anything before may have been missed. May be empty.
  std::function<void()> on_resync;
};

using subscription_id = std::uint64_t;

struct subscriber_options {
  session_options session;
  std::string heartbeat_channel;       ///< unique to this process
  milliseconds heartbeat_grace{4000};  ///< from its publication to its arrival
  std::size_t max_topics = 10'000;
};

class subscriber final : public session::listener {
 public:
  subscriber(loop& l, net::resolver& names, const endpoint& where, subscriber_options options);
  ~subscriber();
  subscriber(const subscriber&) = delete;
  subscriber& operator=(const subscriber&) = delete;

  /// Connects at the first subscription. |id| is the caller's, unique.
  [[nodiscard]] result<void> subscribe(subscription_id id, topic what,
                                       subscription_handlers handlers);
  void unsubscribe(subscription_id id);
  void stop();

  /// True once the heartbeat channel is subscribed on the present connection.
  [[nodiscard]] bool hears_heartbeats() const noexcept { return hears_heartbeats_; }
  /// A heartbeat that was published while hears_heartbeats() reached |receivers| connections.
  void heartbeat_published(std::int64_t receivers);

  [[nodiscard]] const session& link() const noexcept { return session_; }
  [[nodiscard]] std::size_t topics() const noexcept { return topics_.size(); }

 private:
  using handlers_ptr = std::shared_ptr<const subscription_handlers>;
  struct entry {
    std::vector<std::pair<subscription_id, handlers_ptr>> handlers;
    bool confirmed = false;
  };

  void session_ready() override;
  void session_reply(reply&& r) override;
  void session_lost(const fault& why) override;

  void confirmed(const topic& what);
  void deliver(const topic& what, const message& m);
  void subscribe_all(topic_kind kind);

  loop& loop_;
  const subscriber_options options_;
  session session_;
  std::map<topic, entry> topics_;
  std::map<subscription_id, topic> ids_;
  bool hears_heartbeats_ = false;
  timer silence_;
};

}  // namespace stagedoor::redis
