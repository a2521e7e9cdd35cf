// SPDX-License-Identifier: Apache-2.0
// How a process takes over from a running node: the conversation, from both sides.
//
//   successor                          predecessor
//   stagedoor-handover 1 <version>  →
//                                   ←  socket <kind> <address>, with a descriptor; for each
//                                   ←  sockets <count>
//   ready                           →  (it has read its configuration and could own)
//                                   ←  released, with the lock of the data directory
//   serving                         →  (its tables are live and its lanes read the sockets)
//                                   ←  done
//
// Up to `released` the predecessor has stopped nothing. From then on until `serving` it owns
// nothing and its lanes serve what they have; it goes back to owning only when the successor's
// process has ended, which it sees to: so two never own at once, whoever dies or hangs. What the
// successor must take over beside sockets is a further message with a word of its own before
// `sockets`; a word that is not known is skipped.
// Owner: main(). Runs on: main's thread. Bounded by: defaults::handover_*.
// On failure: as net::handover_channel; refused (the other side's protocol differs).
#pragma once

#include "runtime/net/handover_channel.hpp"
#include "runtime/net/open_socket.hpp"

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
  /// Says `ready`. When it returns well, whatever the predecessor owned is this process's, the lock
  /// of the data directory included.
  [[nodiscard]] result<unique_fd> become_owner();
  /// Says `serving`. Its failure changes nothing: this process owns and serves.
  void serving();

 private:
  explicit successor(net::handover_channel channel) : channel_(std::move(channel)) {}

  net::handover_channel channel_;
  std::vector<net::open_socket> sockets_;
};

class predecessor {
 public:
  explicit predecessor(net::handover_channel channel);

  /// Offers |sockets| and waits for `ready`. Nothing was given up when it fails.
  [[nodiscard]] result<void> offer(const std::vector<net::open_socket>& sockets,
                                   const std::function<bool()>& give_up);
  /// Says `released` and waits for `serving`. When it fails, the successor's process has ended.
  [[nodiscard]] result<void> release(int data_lock, const std::function<bool()>& give_up);

 private:
  void end_successor();

  net::handover_channel channel_;
  unique_fd process_;  ///< of the successor
};

}  // namespace stagedoor::cluster
