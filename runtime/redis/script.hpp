// SPDX-License-Identifier: Apache-2.0
// Lua scripts by their digest: the body travels once a connection, not with every call.
//
// Every script that was used is loaded again after each connect, ahead of the commands that wait,
// since a restart or a failover forgets them all. What still meets NOSCRIPT (somebody flushed the
// scripts) is loaded and run once more; a script that was not found has not run.
// Owner: a client. Runs on: the loop's thread. Bounded by: |max_scripts|.
#pragma once

#include "runtime/redis/connection.hpp"

#include <map>
#include <string>
#include <vector>

namespace stagedoor::redis {

/// A Lua script; normally a constant of the program.
class script {
 public:
  script(std::string name, std::string body);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& body() const noexcept { return body_; }
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }

 private:
  std::string name_;  ///< for logs
  std::string body_;
  std::string digest_;
};

class script_cache {
 public:
  explicit script_cache(connection& c, std::size_t max_scripts = 256)
      : connection_(c), max_scripts_(max_scripts) {}

  /// Loads all known scripts; from the connection's on_ready.
  void load_all(mono_time deadline);

  /// |s| must outlive the cache. On failure: overloaded (too many scripts), and as
  /// connection::command.
  void eval(const script& s, std::vector<std::string> keys, std::vector<std::string> args,
            mono_time deadline, reply_callback done);

 private:
  void run(const script& s, const command& words, mono_time deadline, reply_callback done);

  connection& connection_;
  std::size_t max_scripts_;
  std::map<std::string, const script*, std::less<>> known_;  ///< by digest
};

}  // namespace stagedoor::redis
