// SPDX-License-Identifier: Apache-2.0
// Accepts the clients of one entry point for one loop.
//
// Owner: an edge. Runs on: its loop. Bounded by: accepts_a_turn a turn, the edge's connection
// limit. On failure: out of descriptors, it pauses for a moment instead of spinning.
#pragma once

#include "runtime/http/edge_options.hpp"
#include "runtime/loop/loop.hpp"

namespace stagedoor::http {

class edge;

class listener final : private io_handler {
 public:
  /// |given|: a socket that listens already; none = one is opened.
  listener(edge& owner, const entry_point& point, unique_fd given = {});

  /// On failure: conflict, refused, overloaded, internal.
  [[nodiscard]] result<void> start();
  void stop() noexcept;
  /// Where it really listens (port 0 was asked for).
  [[nodiscard]] const net::address& address() const noexcept { return address_; }
  [[nodiscard]] const entry_point& point() const noexcept { return point_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  void on_io(std::uint32_t events) override;
  void accept_some();
  void resume();

  edge& edge_;
  const entry_point& point_;
  net::address address_;
  unique_fd fd_;
  timer pause_;
};

}  // namespace stagedoor::http
