// SPDX-License-Identifier: Apache-2.0
// Messages with descriptors between two processes of one user: how a running node gives its
// sockets to the process that replaces it.
//
// Plain calls that wait, for main() of both: a hand-over happens a few times a year, one step after
// the other, and a step that is late ends it. Messages are short texts with at most one descriptor.
// Owner: main(). Runs on: main's thread. Bounded by: max_message_bytes, the deadline of each call.
// On failure: timed_out, closed (the other side has ended), malformed, refused (another user), and
// what errno says. With a failure the channel is of no further use.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/loop/loop.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace stagedoor::net {

class handover_channel {
 public:
  static constexpr std::size_t max_message_bytes = 4096;

  struct message {
    std::string text;
    unique_fd fd;  ///< none for most
  };

  handover_channel() = default;
  explicit handover_channel(unique_fd connected) : fd_(std::move(connected)) {}
  /// To the door in |folder|. Also not_found: nobody listens there.
  [[nodiscard]] static result<handover_channel> connect(const std::string& folder);

  [[nodiscard]] result<void> send(std::string_view text, int fd = -1);
  /// |give_up|: asked now and then; when true the wait ends as one that took too long.
  [[nodiscard]] result<message> receive(
      milliseconds limit, const std::function<bool()>& give_up = [] { return false; });

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  unique_fd fd_;
};

/// Where successors knock: `handover.sock` in a folder, for its owner only.
class handover_door final : private io_handler {
 public:
  static constexpr const char* file_name = "handover.sock";

  /// |knocked| gets each connection of a process of the same user, on the loop.
  handover_door(loop& owner, std::function<void(handover_channel)> knocked)
      : loop_(owner), knocked_(std::move(knocked)) {}
  ~handover_door() { close(); }
  handover_door(const handover_door&) = delete;
  handover_door& operator=(const handover_door&) = delete;

  /// Loop thread only, or before the loop starts. Replaces a file that is there: whoever opens the
  /// door holds the lock of the folder.
  [[nodiscard]] result<void> open(const std::string& folder);
  void close() noexcept;

 private:
  void on_io(std::uint32_t events) override;

  loop& loop_;
  const std::function<void(handover_channel)> knocked_;
  unique_fd folder_;
  unique_fd fd_;
};

}  // namespace stagedoor::net
