// SPDX-License-Identifier: Apache-2.0
// Redis as an actor: commands and scripts by message, answers as replies.
//
// | receives                | replies                |
// |-------------------------|------------------------|
// | messages::redis_command | messages::redis_value  |
// | messages::redis_script  | messages::redis_value  |
// | messages::report_status | messages::status_rows  |
//
// All commands of a turn leave in one write, whoever sent them; see runtime/redis/client for what
// happens when the connection breaks.
// Owner: the redis_supervisor. Runs on: the scheduler; the sockets are in the control loop.
// Bounded by: the client's in-flight and queue limits (overloaded), max_scripts.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "messages/admin.hpp"
#include "messages/redis.hpp"
#include "runtime/redis/client.hpp"

#include <map>
#include <memory>
#include <string>

namespace stagedoor::actors {

/// Scripts by their text. The client loads them again after each reconnect, so they live as long as
/// it does, whoever restarts in between.
class script_library {
 public:
  static constexpr std::size_t max_scripts = 128;

  /// Null when there are too many different ones: scripts are constants of the program.
  [[nodiscard]] const redis::script* find_or_add(const std::string& text);

 private:
  std::map<std::string, redis::script> scripts_;
};

class redis_bridge final : public shell {
 public:
  /// Starts the client unless it runs already. Both outlive this actor and have no other user of
  /// |scripts| while it lives.
  redis_bridge(caf::actor_config& cfg, std::shared_ptr<redis::client> client,
               std::shared_ptr<script_library> scripts);
  caf::behavior make_behavior() override;

 private:
  void command(const messages::redis_command& m);
  void script(const messages::redis_script& m);
  [[nodiscard]] messages::status_rows report() const;

  std::shared_ptr<redis::client> client_;
  std::shared_ptr<script_library> scripts_;
};

/// What Redis said, as a message; an error reply as the fault it stands for.
[[nodiscard]] result<messages::redis_value> to_message(result<redis::reply> reply);

}  // namespace stagedoor::actors
