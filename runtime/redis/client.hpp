// SPDX-License-Identifier: Apache-2.0
// Redis, as the rest of the program sees it: commands, scripts, subscriptions, blocking pops.
//
// All sockets live in one loop; every method may be called from any thread and hands its work to
// that loop. Callbacks run on the loop's thread, each exactly once; when the loop refuses the work
// (full mailbox, stopped) the callback runs with `overloaded` on the calling thread.
// Connections: one for commands, one for subscriptions (opened at the first), one for each popper.
// Owner: the composition root. Runs on: any thread.
// Bounded by: client_options. On failure: see connection; the client itself never gives up.
#pragma once

#include "runtime/redis/connection.hpp"
#include "runtime/redis/popper.hpp"
#include "runtime/redis/script.hpp"
#include "runtime/redis/subscriber.hpp"

#include <memory>
#include <string>
#include <vector>

namespace stagedoor::redis {

struct client_options {
  connection_options commands;
  std::string incarnation = "0";          ///< unique to this run of this node
  milliseconds heartbeat_interval{2000};  ///< also how often status() is refreshed
  milliseconds heartbeat_grace{4000};
  std::size_t max_topics = 10'000;
  std::size_t max_poppers = 256;
  std::size_t max_scripts = 256;
  milliseconds housekeeping_deadline{5000};  ///< of our own commands: script load, heartbeat
};

struct client_status {
  bool connected = false;
  std::string endpoint;    ///< without secrets
  std::string last_error;  ///< "" = none since the last connect
  std::size_t in_flight = 0;
  std::size_t queued = 0;
  std::uint64_t reconnects = 0;
  bool subscribed = false;  ///< the subscriber hears its own heartbeats
  std::size_t topics = 0;
  std::size_t poppers = 0;
  connection_counters counters;
};

using popper_id = std::uint64_t;

class client {
 public:
  client(loop& l, endpoint where, client_options options = {});
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  // -- lifecycle -----------------------------------------------------------------------------------

  /// Once started it stays so until stop(); further calls do nothing. On failure: unsupported
  /// (TLS).
  [[nodiscard]] result<void> start();
  /// Fails what waits with `closed` and closes the connections. Idempotent.
  void stop();
  /// |changed| runs on the loop's thread when the command connection comes or goes. Before start().
  void on_connected(std::function<void(bool connected)> changed);

  // -- commands ------------------------------------------------------------------------------------

  void command(redis::command words, mono_time deadline, reply_callback done);
  /// |s| must outlive the client.
  void eval(const script& s, std::vector<std::string> keys, std::vector<std::string> args,
            mono_time deadline, reply_callback done);

  // -- subscriptions -------------------------------------------------------------------------------

  /// |failed| runs when the subscription cannot be taken: overloaded.
  subscription_id subscribe(topic what, subscription_handlers handlers,
                            const std::function<void(const fault&)>& failed = {});
  void unsubscribe(subscription_id id);

  // -- blocking pops -------------------------------------------------------------------------------

  /// Disarmed at first. |options|.session is replaced by the client's own.
  /// |failed| runs when there are too many: overloaded.
  popper_id start_pop(popper_options options, popper_handlers handlers,
                      const std::function<void(const fault&)>& failed = {});
  void arm_pop(popper_id id);
  void disarm_pop(popper_id id);
  void stop_pop(popper_id id);

  // -- status --------------------------------------------------------------------------------------

  /// At most one heartbeat interval old; connected and last_error are current.
  [[nodiscard]] client_status status() const;

 private:
  struct core;
  template <class Task>
  [[nodiscard]] bool in_loop(Task task);

  loop& loop_;
  std::shared_ptr<core> core_;
};

}  // namespace stagedoor::redis
