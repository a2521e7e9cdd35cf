// SPDX-License-Identifier: Apache-2.0
// What actors ask of Redis, through the redis_bridge.
//
// Every order has a deadline; the reply is the value or a fault of side `store`: unreachable (not
// connected), closed (the connection broke: the command may have run), timed_out, overloaded (too
// many in flight), invalid or refused (Redis said no, with its text), stale (a fence was too old).
#pragma once

#include "messages/type_ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::messages {

enum class redis_type : std::uint8_t { nil, status, integer, text, list, error };
MESSAGE_ENUM(redis_type, error)

struct redis_value {
  redis_type type = redis_type::nil;
  std::int64_t number = 0;  ///< integer
  std::string text;         ///< status, text, error
  std::vector<redis_value> items;
};
MESSAGE_FIELDS(redis_value, type, number, text, items)

/// Replies: redis_value.
struct redis_command {
  std::vector<std::string> words;
  std::chrono::milliseconds deadline{2000};
};
MESSAGE_FIELDS(redis_command, words, deadline)

/// A Lua script by its text; sent by its hash once the server knows it. Replies: redis_value.
struct redis_script {
  std::string text;
  std::vector<std::string> keys;
  std::vector<std::string> arguments;
  std::chrono::milliseconds deadline{2000};
};
MESSAGE_FIELDS(redis_script, text, keys, arguments, deadline)

}  // namespace stagedoor::messages
