// SPDX-License-Identifier: Apache-2.0
// Keeps a link to one peer: dials, dials again, and lends it to one local connection.
//
// A link that breaks is dialled again at once, since the answer tells whether the peer's process is
// gone (its host refuses) or only the connection was cut. After that, with growing and jittered
// pauses, so that a node that comes back is not met by all others in the same moment.
// The local side connects to a port of 127.0.0.1 that belongs to this peer; while the link is down,
// or carries a connection already, whoever connects is let go at once.
// Owner: the composition root. Runs on: its loop (start and stop before the loop's thread runs, or
// on it). Bounded by: one link, one local connection. On failure: hooks::failed, and another try.
#pragma once

#include "runtime/link/link.hpp"
#include "runtime/link/log_limit.hpp"
#include "runtime/redis/backoff.hpp"

#include <functional>
#include <memory>
#include <string>

namespace stagedoor::link {

struct link_dialer_options {
  std::string node;  ///< who should answer
  net::address address;
  link_setup setup;
  milliseconds first_pause{100};
  milliseconds longest_pause{5000};
  milliseconds settled_after{1000};  ///< up for that long: pauses start from the first again
};

class link_dialer final : private io_handler, private link_owner {
 public:
  /// Called on the loop. They may call back, but not destroy it.
  struct hooks {
    /// Whether the node that answered is wanted, beyond its name; nothing = yes.
    std::function<std::optional<refused>(const peer&)> allow;
    /// The local port leads to the peer from now on.
    std::function<void(const peer&)> up;
    std::function<void(const peer&, link_end, const std::string& detail)> down;
    /// A try that did not succeed; link_end::gone means that no process listens on the peer's host.
    std::function<void(link_end, const std::string& detail)> failed;
  };

  link_dialer(loop& l, link_dialer_options options, std::shared_ptr<const credentials> with,
              hooks to);
  ~link_dialer();

  /// Opens the local port and dials. On failure: overloaded, internal (no local port).
  [[nodiscard]] result<void> start();
  /// Says goodbye; nothing is dialled any more.
  void stop();
  /// For links from now on.
  void use(std::shared_ptr<const credentials> with) { with_ = std::move(with); }
  /// The peer moved: for the next try, which happens at once when there is no link.
  void dial_at(const net::address& address);

  [[nodiscard]] bool up() const noexcept { return link_ != nullptr && link_->up(); }
  /// Null while there is none, not even a try.
  [[nodiscard]] const link* current() const noexcept { return link_.get(); }
  /// 127.0.0.1 and the port that leads to the peer.
  [[nodiscard]] const net::address& local() const noexcept { return local_; }
  [[nodiscard]] const std::string& node() const noexcept { return options_.node; }

 private:
  void on_io(std::uint32_t events) override;  // a local connection
  [[nodiscard]] std::optional<refused> link_asks(const link& l, const peer& who) override;
  void link_up(link& l) override;
  void link_down(link& l) override;

  void dial();

  loop& loop_;
  link_dialer_options options_;
  std::shared_ptr<const credentials> with_;
  const hooks hooks_;
  redis::backoff backoff_;
  log_limit log_limit_;
  net::address local_;
  unique_fd fd_;
  std::unique_ptr<link> link_;
  timer again_;
};

}  // namespace stagedoor::link
