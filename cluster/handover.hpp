// SPDX-License-Identifier: Apache-2.0
// How a process takes over from a running node: the conversation, from both sides.
//
//   successor                          predecessor
//   stagedoor-handover 1 <version>  →
//                                   ←  socket <kind> <address>, with a descriptor; for each
//                                   ←  redis <port>, with the managed Redis's lifeline; if it has
//                                   one ←  sockets <count>
//   ready [redis]                   →  (it has read its configuration and could own; with `redis`
//                                       it goes on with the one that runs)
//                                   ←  released, with the lock of the data directory
//   serving                         →  (its tables are live and its lanes read the sockets)
//                                   ←  done
//
// Up to `released` the predecessor has stopped nothing. From then on until `serving` it owns
// nothing, and serves whatever its tables and the store have; it goes back to owning only when the
// successor's process has ended, which it sees to: so two never own at once, whoever dies or hangs.
// What the successor must take over beside sockets is a further message with a word of its own
// before `sockets`; a word that is not known is skipped. Owner: main(). Runs on: main's thread.
// Bounded by: defaults::handover_*. On failure: as net::handover_channel; refused (the other side's
// protocol differs).
#pragma once

#include "runtime/net/handover_channel.hpp"
#include "runtime/net/open_socket.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace stagedoor::cluster {

class successor {
 public:
  /// Meets the node that uses |data_dir| and takes copies of its sockets. Also not_found.
  [[nodiscard]] static result<successor> meet(const std::string& data_dir,
                                              const std::string& version);

  [[nodiscard]] std::vector<net::open_socket> take_sockets() { return std::move(sockets_); }
  /// The end of the lifeline of the Redis that runs on 127.0.0.1:|port|; none if there is none
  /// there. Whoever takes it says so by |become_owner|.
  [[nodiscard]] unique_fd take_redis(std::uint16_t port);
  /// Says `ready`. When it returns well, whatever the predecessor owned is this process's, the lock
  /// of the data directory included.
  [[nodiscard]] result<unique_fd> become_owner();
  /// Says `serving`. Its failure changes nothing: this process owns and serves.
  void serving();

 private:
  explicit successor(net::handover_channel channel) : channel_(std::move(channel)) {}

  net::handover_channel channel_;
  std::vector<net::open_socket> sockets_;
  std::uint16_t redis_port_ = 0;
  unique_fd redis_;
  bool goes_on_with_redis_ = false;
};

/// What a successor gets beside the sockets.
struct offered_redis {
  std::uint16_t port = 0;
  unique_fd lifeline;  ///< none: this node has no managed Redis
};

class predecessor {
 public:
  explicit predecessor(net::handover_channel channel);

  /// Offers all that and waits for `ready`. Nothing was given up when it fails.
  [[nodiscard]] result<void> offer(const std::vector<net::open_socket>& sockets,
                                   const offered_redis& redis,
                                   const std::function<bool()>& give_up);
  /// After offer(): the successor goes on with the Redis that it was offered.
  [[nodiscard]] bool redis_taken() const noexcept { return redis_taken_; }
  /// Says `released` and waits for `serving`. When it fails, the successor's process has ended.
  [[nodiscard]] result<void> release(int data_lock, const std::function<bool()>& give_up);

 private:
  void end_successor();

  net::handover_channel channel_;
  unique_fd process_;  ///< of the successor
  bool redis_taken_ = false;
};

}  // namespace stagedoor::cluster
